import type { Clock } from "../../core/clock.ts";
import { Fifo } from "../fifo.ts";

export interface Unsettled {
  readonly sequence: number;
  deliveries: number;
  /** The end of the ack wait on the monotonic clock; valid while the delivery is out. */
  deadlineMs: number;
}

/**
 * The deliveries of a consumer that no receiver has settled. Each is either *out*, with its ack wait running, or
 * *returned*: given back or not settled in time, and to be delivered again.
 */
export class UnsettledDeliveries {
  readonly #clock: Clock;
  readonly #onReturned: () => void;
  #ackWaitMs: number;
  /** Deliveries in order of deadline; one that gets a new deadline is inserted again. */
  readonly #out = new Map<number, Unsettled>();
  readonly #returned = new Map<number, Unsettled>();
  /** The sequences of returned deliveries that may go out now. Some may have been settled since. */
  readonly #ready = new Fifo<number>();
  /** The timers of returned deliveries whose delay is not over, by sequence. */
  readonly #delays = new Map<number, () => void>();
  #timer: (() => void) | undefined;
  #stopped = false;

  /** `onReturned` is called when ack waits have lapsed or a delay is over. */
  constructor(clock: Clock, ackWaitMs: number, onReturned: () => void) {
    this.#clock = clock;
    this.#ackWaitMs = ackWaitMs;
    this.#onReturned = onReturned;
  }

  get size(): number {
    return this.#out.size + this.#returned.size;
  }

  /** The sequences of all of them, in no order. */
  sequences(): number[] {
    return [...this.#out.keys(), ...this.#returned.keys()];
  }

  /** Registers a delivery and starts its ack wait. */
  putOut(unsettled: Unsettled): void {
    unsettled.deadlineMs = this.#clock.monotonic() + this.#ackWaitMs;
    this.#out.set(unsettled.sequence, unsettled);
    this.#armTimer();
  }

  /** Takes the next delivery to be repeated. */
  takeReturned(): Unsettled | undefined {
    for (let sequence = this.#ready.shift(); sequence !== undefined; sequence = this.#ready.shift()) {
      const unsettled = this.#returned.get(sequence);
      if (this.#returned.delete(sequence)) return unsettled;
    }
    return undefined;
  }

  settle(sequence: number): void {
    if (this.#out.delete(sequence) || !this.#returned.delete(sequence)) return;
    this.#delays.get(sequence)?.();
    this.#delays.delete(sequence);
  }

  giveBack(sequence: number, delayMs: number): void {
    const unsettled = this.#out.get(sequence);
    if (!unsettled) return;
    this.#out.delete(sequence);
    this.#returned.set(sequence, unsettled);
    if (delayMs <= 0) this.#ready.push(sequence);
    else
      this.#delays.set(
        sequence,
        this.#clock.timer(delayMs, () => this.#endDelay(sequence)),
      );
  }

  /** Restarts the ack wait. */
  extend(sequence: number): void {
    const unsettled = this.#out.get(sequence);
    if (!unsettled) return;
    this.#out.delete(sequence);
    this.putOut(unsettled);
  }

  /** Changes the ack wait of all deliveries. */
  setAckWait(ackWaitMs: number): void {
    this.#ackWaitMs = ackWaitMs;
    for (const sequence of [...this.#out.keys()]) this.extend(sequence);
    this.#timer?.();
    this.#timer = undefined;
    this.#armTimer();
  }

  /** Stops all timers, because no connection is left. Delayed deliveries may go out as soon as there is one again. */
  stop(): void {
    this.#stopped = true;
    this.#timer?.();
    this.#timer = undefined;
    for (const [sequence, disarm] of this.#delays) {
      disarm();
      this.#ready.push(sequence);
    }
    this.#delays.clear();
  }

  /** Undoes {@link stop}. */
  resume(): void {
    if (!this.#stopped) return;
    this.#stopped = false;
    this.#armTimer();
  }

  /**
   * Arms one timer for all deliveries, for the earliest deadline. It is not moved when deliveries settle, since most
   * deadlines are met; when it fires, it returns the deliveries that are overdue and is armed again.
   */
  #armTimer(): void {
    if (this.#timer || this.#stopped || this.#out.size === 0) return;
    const [earliest] = this.#out.values();
    const leftMs = (earliest as Unsettled).deadlineMs - this.#clock.monotonic();
    this.#timer = this.#clock.timer(Math.max(0, leftMs), () => {
      this.#timer = undefined;
      const now = this.#clock.monotonic();
      for (const { sequence, deadlineMs } of this.#out.values()) {
        if (deadlineMs > now) break;
        this.giveBack(sequence, 0);
      }
      this.#armTimer();
      this.#onReturned();
    });
  }

  #endDelay(sequence: number): void {
    this.#delays.delete(sequence);
    this.#ready.push(sequence);
    this.#onReturned();
  }
}
