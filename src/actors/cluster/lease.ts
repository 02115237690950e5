import type { Clock } from "../../core/clock.ts";

/** The fraction of its lease in which an owner acts: the rest is for clocks that drift and for messages in flight. */
const USABLE = 0.8;

/**
 * The arithmetic of a lease. It counts from when the last confirmed renewal was *sent*, on the monotonic clock, so that
 * another process, which sees the key expire, can be sure that the owner has stopped. Its end is reported in the turn in
 * which it comes, once for each time that it was held, and before anything that is done by a later renewal.
 */
export class Lease {
  readonly #clock: Clock;
  readonly #leaseMs: number;
  readonly #onLost: () => void;
  #renewedAt = Number.NEGATIVE_INFINITY;
  /** Whether an end of it has still to be reported. */
  #isActedOn = false;
  #disarm: (() => void) | undefined;

  /** `leaseMs`: after this long without a renewal the key expires. */
  constructor(clock: Clock, leaseMs: number, onLost: () => void) {
    this.#clock = clock;
    this.#leaseMs = leaseMs;
    this.#onLost = onLost;
  }

  /** Whether this process may act as an owner now. Checked before every write for a shard. */
  get holds(): boolean {
    return this.#clock.monotonic() < this.#renewedAt + USABLE * this.#leaseMs;
  }

  /** A renewal that was sent at `sentAt` (monotonic, ms) has been confirmed. It may be over by now. */
  renewed(sentAt: number): void {
    // A lease that ended before this renewal was sent may have been another's since: that comes first.
    this.#noticeEnd();
    this.#renewedAt = sentAt;
    this.#isActedOn = this.holds;
    this.#armEnd();
  }

  /** Ends it without a report: its holder has given everything back. */
  end(): void {
    this.#disarm?.();
    this.#isActedOn = false;
    this.#renewedAt = Number.NEGATIVE_INFINITY;
  }

  /** The end is noticed even if nothing else happens in this process. */
  #armEnd(): void {
    this.#disarm?.();
    if (!this.#isActedOn) return;
    const leftMs = this.#renewedAt + USABLE * this.#leaseMs - this.#clock.monotonic();
    this.#disarm = this.#clock.timer(Math.ceil(leftMs), () => {
      this.#noticeEnd();
      // A timer may come a little early.
      this.#armEnd();
    });
  }

  #noticeEnd(): void {
    if (!this.#isActedOn || this.holds) return;
    this.#isActedOn = false;
    this.#onLost();
  }
}
