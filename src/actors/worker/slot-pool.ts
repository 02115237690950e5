import type { Clock } from "../../core/clock.ts";

/** What finishes within this time may be asked for ahead, so that slots do not stand empty for a round trip. */
const AHEAD_MS = 50;

/** Slots that task types share: the attempts of them that may be executed at once. */
export class SlotPool {
  readonly limit: number;
  running = 0;
  /** Deliveries that are not settled yet, waiting or running. */
  inHand = 0;
  readonly #clock: Clock;
  #finished = 0;
  #ahead = 0;
  /** A rate that was measured before this moment says nothing about the tasks to come. */
  #aheadUntil = 0;
  #disarm: () => void = () => {};

  constructor(clock: Clock, limit: number) {
    this.#clock = clock;
    this.limit = limit;
  }

  get isFull(): boolean {
    return this.running >= this.limit;
  }

  /** Deliveries that may be asked for: free slots, and what is finished in 50 ms. */
  room(now: number): number {
    return this.limit + (now < this.#aheadUntil ? this.#ahead : 0) - this.inHand;
  }

  countFinished(): void {
    if (this.#finished++ > 0) return;
    this.#disarm = this.#clock.timer(AHEAD_MS, () => {
      this.#ahead = this.#finished;
      this.#aheadUntil = this.#clock.monotonic() + 2 * AHEAD_MS;
      this.#finished = 0;
    });
  }

  stop(): void {
    this.#disarm();
  }
}
