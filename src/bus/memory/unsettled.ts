import type { Clock } from "../../core/clock.ts";
import { Fifo } from "../fifo.ts";

export interface Unsettled {
  readonly sequence: number;
  deliveries: number;
  /** On the monotonic clock; means something while it is out. */
  deadlineMs: number;
}

/**
 * What a consumer has delivered and no receiver has settled. Each is either *out*, with its ack wait running, or *returned*:
 * given back, or not settled in time, and to be delivered again.
 */
export class UnsettledDeliveries {
  readonly #clock: Clock;
  readonly #onReturned: () => void;
  #ackWaitMs: number;
  /** Deliveries in order of deadline: one that gets a new deadline is inserted again. */
  readonly #out = new Map<number, Unsettled>();
  readonly #returned = new Map<number, Unsettled>();
  /** Returned deliveries that may go out now. Some may have been settled since. */
  readonly #ready = new Fifo<number>();
  /** Returned deliveries whose delay is not over. */
  readonly #delays = new Map<number, () => void>();
  #timer: (() => void) | undefined;
  #stopped = false;

  /** `onReturned` is called when the ack wait of some has lapsed, or a delay is over. */
  constructor(clock: Clock, ackWaitMs: number, onReturned: () => void) {
    this.#clock = clock;
    this.#ackWaitMs = ackWaitMs;
    this.#onReturned = onReturned;
  }

  get size(): number {
    return this.#out.size + this.#returned.size;
  }

  /** It is delivered now: its ack wait starts. */
  putOut(unsettled: Unsettled): void {
    unsettled.deadlineMs = this.#clock.monotonic() + this.#ackWaitMs;
    this.#out.set(unsettled.sequence, unsettled);
    this.#armTimer();
  }

  /** Takes the next one to be delivered again. */
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

  /** Gives back all timers, as no connection is left; what was delayed may go out when there is one again. */
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
   * One timer for all, armed for the earliest deadline and then left alone, since most deadlines are met: when it fires
   * it looks how things stand.
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
