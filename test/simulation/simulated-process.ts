import type { Tutti, TuttiOptions } from "../../src/app.ts";
import type { MemoryBroker } from "../../src/bus/memory/bus.ts";
import type { Bus } from "../../src/bus/port.ts";
import type { VirtualClock } from "../../src/core/virtual-clock.ts";
import type { Worker } from "../../src/define/worker.ts";
import { tutti } from "../../src/tutti.ts";
import { Pausable } from "./pausable.ts";
import { type BusObserver, ProcessBus } from "./process-bus.ts";
import { ProcessClock } from "./process-clock.ts";
import { Uplink } from "./uplink.ts";
import { Violation } from "./violation.ts";

export type Kind = "orchestrator" | "worker" | "client";

/** One life of a process, from its start to its death. */
export interface Life {
  readonly id: string;
  readonly pausable: Pausable;
  readonly clock: ProcessClock;
  readonly process: ProcessBus;
  readonly bus: Bus;
}

export interface ProcessHost {
  readonly clock: VirtualClock;
  readonly broker: MemoryBroker;
  /** Shared by all processes of the world. */
  readonly options: TuttiOptions;
  /** Whether to keep who armed a timer: slow. */
  readonly namesArmers: boolean;
  observe(process: SimulatedProcess, life: Life): BusObserver;
  readonly uplinkDelayMs: () => number;
  skewMs(): number;
  trace(what: string): void;
  /** Something that must never happen in a process. */
  complain(violation: Violation): void;
}

/** A process of the real code, which can be started, stopped for a while, killed, and started again. */
export class SimulatedProcess {
  readonly name: string;
  readonly kind: Kind;
  readonly concurrency: number;
  readonly #host: ProcessHost;
  readonly #workers: (life: Life) => Worker[];
  #lives = 0;
  life: Life | undefined;
  app: Tutti | undefined;
  #stopping = false;
  /** It was stopped (SIGSTOP) while it was stopping. */
  #stoodStill = false;

  constructor(
    host: ProcessHost,
    kind: Kind,
    name: string,
    options: { concurrency?: number; workers?: (life: Life) => Worker[] } = {},
  ) {
    this.#host = host;
    this.kind = kind;
    this.name = name;
    this.concurrency = options.concurrency ?? 16;
    this.#workers = options.workers ?? (() => []);
  }

  get isUp(): boolean {
    return this.app !== undefined && !this.#stopping;
  }

  get isRunning(): boolean {
    return this.life?.pausable.isRunning === true;
  }

  /** Begins a new life, if it has none. Resolves when it is up, or has died over it. */
  async start(): Promise<void> {
    if (this.life) return;
    const { clock: world, broker, trace } = this.#host;
    const id = `${this.name}-${++this.#lives}`;
    const pausable = new Pausable(world);
    const raw = broker.connect();
    const clock = new ProcessClock(
      world,
      pausable,
      this.kind === "client" ? 0 : this.#host.skewMs(),
      this.#host.namesArmers,
    );
    const life = { id, pausable, clock, bus: raw } as { -readonly [K in keyof Life]: Life[K] };
    life.process = new ProcessBus(
      raw,
      pausable,
      new Uplink(world, this.#host.uplinkDelayMs),
      this.#host.observe(this, life),
    );
    this.life = life;
    this.#stopping = this.#stoodStill = false;
    trace(`${id} starts`);
    try {
      const options: TuttiOptions = {
        ...this.#host.options,
        id,
        orchestrator: this.kind === "orchestrator",
        workers: this.#workers(life),
        concurrency: this.concurrency,
        // Without the lines of a stack: they may read differently once the test runner has the modules' source maps.
        onLog: (level, message) => {
          trace(`${id} ${level}: ${message.split("\n", 1)[0]}`);
          if (message.includes("could not be folded")) this.#host.complain(new Violation("no error", message));
        },
      };
      const app = await tutti(options, { bus: life.process.bus, clock });
      if (this.life !== life) return;
      this.app = app;
      trace(`${id} is up`);
    } catch (error) {
      trace(`${id} does not come up: ${(error as Error).message}`);
      if (this.life === life) this.crash();
    }
  }

  /** kill -9 */
  crash(): void {
    const { life } = this;
    if (!life) return;
    this.#host.trace(`${life.id} dies`);
    life.pausable.kill();
    life.clock.disarmAll();
    this.#host.broker.crash(life.bus);
    this.life = undefined;
    this.app = undefined;
  }

  /** SIGSTOP, and SIGCONT after `ms`. */
  pause(ms: number, timersFirst: boolean): void {
    const { life } = this;
    if (!life?.pausable.isRunning) return;
    this.#host.trace(`${life.id} is stopped for ${ms} ms`);
    this.#stoodStill ||= this.#stopping;
    life.pausable.stop();
    this.#host.clock.timer(ms, () => {
      if (life.pausable.isDead) return;
      this.#host.trace(`${life.id} goes on`);
      life.pausable.resume(timersFirst);
    });
  }

  /** SIGTERM. Resolves when it is gone; then it must have given back everything it took. */
  async stop(): Promise<void> {
    const { life, app } = this;
    if (!life || !app || this.#stopping) return;
    this.#stopping = true;
    this.#stoodStill = !life.pausable.isRunning;
    this.#host.trace(`${life.id} is told to stop`);
    await app.stop({ graceMs: 2000 });
    if (this.life !== life) return;
    this.#host.trace(`${life.id} has stopped`);
    // What was given up when the grace period was over ends by itself, soon.
    const { clock } = this.#host;
    for (let ran = 0; life.clock.pending > 0 && ran < 10 && this.life === life; ran += life.pausable.isRunning ? 1 : 0)
      await new Promise<void>((done) => clock.timer(1000, done));
    if (this.life !== life) return;
    if (life.clock.pending > 0)
      this.#host.complain(
        new Violation("no leak", `${life.id} has stopped with ${life.clock.pending} timers armed ${life.clock.armers}`),
      );
    // Who stands still on its way out has no time left to give things back one by one: closing the bus does it.
    if (life.process.started.size > 0 && !this.#stoodStill)
      this.#host.complain(
        new Violation("no leak", `${life.id} has stopped and left ${[...life.process.started].join(", ")}`),
      );
    life.pausable.kill();
    this.life = undefined;
    this.app = undefined;
  }
}
