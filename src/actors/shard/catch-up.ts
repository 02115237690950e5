import { BusError } from "../../bus/port.ts";
import type { Runtime } from "../host/runtime.ts";
import type { LogPump } from "../log/log-pump.ts";

interface Waiter {
  readonly sequence: number;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/** Knows when a shard's log, as it stood at some moment, has been folded. */
export class CatchUp {
  readonly #runtime: Pick<Runtime, "bus" | "topology" | "clock">;
  readonly #shard: number;
  readonly #pump: LogPump;
  readonly #waiters: Waiter[] = [];
  #asked: Promise<void> | undefined;
  #stopped = false;

  constructor(runtime: Pick<Runtime, "bus" | "topology" | "clock">, shard: number, pump: LogPump) {
    this.#runtime = runtime;
    this.#shard = shard;
    this.#pump = pump;
  }

  /** Rejects when the shard is lost before, as then nothing is known. Calls of one turn ask the bus once. */
  wait(): Promise<void> {
    this.#asked ??= new Promise((resolve, reject) => {
      this.#runtime.clock.endOfTurn(() => {
        this.#asked = undefined;
        this.#foldedSoFar().then(resolve, reject);
      });
    });
    return this.#asked;
  }

  /** A message went into the pump. */
  pushed(): void {
    if (this.#waiters.length === 0) return;
    this.#pump.whenDrained(() => {
      for (const waiter of this.#waiters.filter((one) => one.sequence <= this.#pump.folded)) {
        this.#waiters.splice(this.#waiters.indexOf(waiter), 1);
        waiter.resolve();
      }
    });
  }

  stop(): void {
    this.#stopped = true;
    for (const waiter of this.#waiters.splice(0)) waiter.reject(this.#givenUp());
  }

  async #foldedSoFar(): Promise<void> {
    const { bus, topology } = this.#runtime;
    const sequence = await bus.lastSequence(topology.streams.log.name, topology.subjects.logOfShard(this.#shard));
    if (this.#stopped) throw this.#givenUp();
    if (this.#pump.folded >= sequence) return;
    await new Promise<void>((resolve, reject) => {
      this.#waiters.push({ sequence, resolve, reject });
      // The message may be in the pump already, and wait there for what has to be fetched.
      this.pushed();
    });
  }

  #givenUp = (): BusError => new BusError("failed", `shard ${this.#shard} was lost meanwhile`);
}
