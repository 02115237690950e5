/**
 * The network between a broker and its connections. It is asynchronous like a real one: a message reaches its receiver
 * in a later turn, never inside the sender's call. Messages of one turn travel together, so each costs a push and not a
 * timer.
 */
import type { Clock } from "../../core/clock.ts";
import { Fifo } from "../fifo.ts";
import type { Faults, Receiver } from "./faults.ts";

export class Network {
  readonly clock: Clock;
  readonly faults: Faults;
  #ready: (() => void)[] = [];

  constructor(clock: Clock, faults: Faults) {
    this.clock = clock;
    this.faults = faults;
  }

  /** Calls `run` in the next turn, after what was enqueued before. */
  enqueue(run: () => void): void {
    if (this.#ready.push(run) === 1) this.clock.endOfTurn(this.#runTurn);
  }

  #runTurn = (): void => {
    const turn = this.#ready;
    this.#ready = [];
    for (const run of turn) run();
  };
}

/** Wakes one receiver, which then reads from its own source. */
export class Lane {
  #network: Network;
  #receiver: Receiver;
  #flush: () => void;
  #awake = false;
  #closed = false;
  #disarm: (() => void) | undefined;

  constructor(network: Network, receiver: Receiver, flush: () => void) {
    this.#network = network;
    this.#receiver = receiver;
    this.#flush = flush;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Schedules one call of `flush`; further calls before it runs have no effect. */
  wake(): void {
    if (this.#awake || this.#closed) return;
    this.#awake = true;
    const delayMs = this.#network.faults.delayMs?.(this.#receiver) ?? 0;
    if (delayMs > 0) this.#disarm = this.#network.clock.timer(delayMs, this.#run);
    else this.#network.enqueue(this.#run);
  }

  /** Ends all calls of `flush`. */
  close(): void {
    this.#closed = true;
    this.#disarm?.();
  }

  #run = (): void => {
    this.#awake = false;
    if (this.#closed) return;
    try {
      this.#flush();
    } catch (error) {
      // A handler threw, which it must not. The remaining items are still delivered, and the error is not swallowed.
      this.wake();
      queueMicrotask(() => {
        throw error;
      });
    }
  };
}

/** A lane with a queue: passes pushed items to `deliver`, in order. */
export class Inbox<T> {
  readonly #items = new Fifo<T>();
  readonly #lane: Lane;

  constructor(network: Network, receiver: Receiver, deliver: (item: T) => void) {
    this.#lane = new Lane(network, receiver, () => {
      // Only the items that have arrived by now: a handler that sends to itself must not block other receivers.
      for (let left = this.#items.length; left > 0 && !this.#lane.closed; left--) deliver(this.#items.shift() as T);
    });
  }

  get length(): number {
    return this.#items.length;
  }

  push(item: T): void {
    this.#items.push(item);
    this.#lane.wake();
  }

  /** Ends all deliveries. Returns the items that were not delivered. */
  close(): T[] {
    this.#lane.close();
    const left: T[] = [];
    while (this.#items.length > 0) left.push(this.#items.shift() as T);
    return left;
  }
}
