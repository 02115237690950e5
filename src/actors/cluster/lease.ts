import type { Clock } from "../../core/clock.ts";

/** The fraction of the lease that an owner uses. The rest is a reserve for clock drift and messages in flight. */
const USABLE = 0.8;

/**
 * The arithmetic of a lease. It counts from the time at which the last confirmed renewal was *sent*, on the monotonic
 * clock, so that another process that sees the key expire can be sure that the owner has stopped. The end is reported
 * in the turn in which it occurs, once each time that the lease was held, and before any effect of a later renewal.
 */
export class Lease {
  readonly #clock: Clock;
  readonly #leaseMs: number;
  readonly #onLost: () => void;
  #renewedAt = Number.NEGATIVE_INFINITY;
  /** Whether the end of the lease, when it comes, has to be reported. */
  #isActedOn = false;
  #disarm: (() => void) | undefined;

  /** `leaseMs` is the time without a renewal after which the key expires. */
  constructor(clock: Clock, leaseMs: number, onLost: () => void) {
    this.#clock = clock;
    this.#leaseMs = leaseMs;
    this.#onLost = onLost;
  }

  /** Whether this process may act as an owner now. Checked before every write for a shard. */
  get holds(): boolean {
    return this.#clock.monotonic() < this.#renewedAt + USABLE * this.#leaseMs;
  }

  /** Notes that a renewal sent at `sentAt` (monotonic, ms) was confirmed. The lease may have ended again by now. */
  renewed(sentAt: number): void {
    // If the lease ended before, another process may have acted meanwhile, so the end is reported first.
    this.#noticeEnd();
    this.#renewedAt = sentAt;
    this.#isActedOn = this.holds;
    this.#armEnd();
  }

  /** Ends the lease without a report, because its holder has released everything. */
  end(): void {
    this.#disarm?.();
    this.#isActedOn = false;
    this.#renewedAt = Number.NEGATIVE_INFINITY;
  }

  /** Arms a timer, so that the end is noticed even if nothing else happens in this process. */
  #armEnd(): void {
    this.#disarm?.();
    if (!this.#isActedOn) return;
    const leftMs = this.#renewedAt + USABLE * this.#leaseMs - this.#clock.monotonic();
    this.#disarm = this.#clock.timer(Math.ceil(leftMs), () => {
      this.#noticeEnd();
      // A timer may fire slightly early.
      this.#armEnd();
    });
  }

  #noticeEnd(): void {
    if (!this.#isActedOn || this.holds) return;
    this.#isActedOn = false;
    this.#onLost();
  }
}
