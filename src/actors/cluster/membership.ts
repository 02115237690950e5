import type { Bucket, Stoppable } from "../../bus/port.ts";
import type { Clock } from "../../core/clock.ts";
import { messageOf } from "../../core/error.ts";
import { encodeJson } from "../../core/json.ts";
import type { Logger } from "../../core/logger.ts";

/** Of its lease, an owner uses this part: the rest is for clocks that run apart and messages under way. */
const USABLE = 0.8;

/** Renewals come so often in a lease. */
const RENEWALS = 8;

/** For this part of its lease after a renewal somebody is taken to be well. */
const TRUSTED = 0.35;

/**
 * Keeps this orchestrator's presence alive and knows which others are. The presence is the lease of all its shards:
 * it counts from when the last confirmed renewal was *sent*, on the monotonic clock, so that whoever sees the key
 * expire can be sure that we have stopped.
 */
export class Membership {
  readonly #bucket: Bucket;
  readonly #id: string;
  readonly #describe: () => unknown;
  readonly #clock: Clock;
  readonly #leaseMs: number;
  /** When its presence expires: later than an owner stops. */
  readonly #expiryMs: number;
  readonly #log: Logger;
  readonly #onChange: () => void;
  readonly #onPresence: (id: string, presence: Uint8Array | undefined) => void;
  /** When each of the others was last heard of (monotonic, ms). */
  readonly #heardAt = new Map<string, number>();
  /** Whose presence has not expired, ourselves included while our lease holds. */
  #alive: readonly string[] = [];
  #renewedAt = Number.NEGATIVE_INFINITY;
  /** Whether we have acted by a lease whose end has not been told yet. */
  #acting = false;
  #disarm: (() => void) | undefined;
  #disarmLease: (() => void) | undefined;
  #watch: Stoppable | undefined;
  #beating: Promise<void> | undefined;
  #again = false;
  #stopped = false;

  constructor(
    bucket: Bucket,
    id: string,
    describe: () => unknown,
    options: {
      clock: Clock;
      leaseMs: number;
      expiryMs: number;
      log: Logger;
      onChange: () => void;
      /** Another says what it does, or is gone. */
      onPresence?: (id: string, presence: Uint8Array | undefined) => void;
    },
  ) {
    this.#bucket = bucket;
    this.#id = id;
    this.#describe = describe;
    this.#clock = options.clock;
    this.#leaseMs = options.leaseMs;
    this.#expiryMs = options.expiryMs;
    this.#log = options.log;
    this.#onChange = options.onChange;
    this.#onPresence = options.onPresence ?? (() => {});
  }

  /**
   * Those who can take shards, ourselves included while our lease holds; sorted. Who has missed two renewals is not
   * waited for: what it owns stays its own until its presence expires, but what nobody owns goes to others.
   */
  get members(): readonly string[] {
    const silentSince = this.#clock.monotonic() - TRUSTED * this.#leaseMs;
    return this.#alive.filter((member) => (this.#heardAt.get(member) ?? silentSince + 1) > silentSince);
  }

  /** Whether we may act as an owner now. Checked before every write for a shard. */
  get holds(): boolean {
    return this.#clock.monotonic() < this.#renewedAt + USABLE * this.#leaseMs;
  }

  async start(): Promise<void> {
    await this.#beat();
    // A newcomer or a leaver is noticed at once. Expiry sends no event: it is looked for when it is due.
    this.#watch = await this.#bucket.watch((key, value) => {
      if (key === this.#id) return;
      if (value) this.#heardAt.set(key, this.#clock.monotonic());
      else this.#heardAt.delete(key);
      this.#onPresence(key, value);
      if (this.#alive.includes(key) !== (value !== undefined)) this.beatSoon();
    });
  }

  /** Renews now, e.g. because the connection is back. */
  beatSoon(): void {
    if (this.#beating) this.#again = true;
    else if (!this.#stopped) void this.#beat();
  }

  /** Stops renewing; the key stays until {@link leave}, or until it expires. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#disarm?.();
    this.#disarmLease?.();
    await this.#watch?.stop();
    await this.#beating;
  }

  /** Tells the others at once that we are gone. */
  async leave(): Promise<void> {
    this.#renewedAt = Number.NEGATIVE_INFINITY;
    await this.#bucket.delete(this.#id).catch(() => {});
  }

  #beat(): Promise<void> {
    this.#disarm?.();
    this.#beating = this.#renewAndLook().finally(() => {
      this.#beating = undefined;
      if (this.#stopped) return;
      this.#disarm = this.#clock.timer(this.#again ? 0 : this.#pauseMs(), () => void this.#beat());
      this.#again = false;
    });
    return this.#beating;
  }

  /** Until the next renewal, or until somebody who has fallen silent expires: a server may be a little late with that. */
  #pauseMs(): number {
    const now = this.#clock.monotonic();
    let pauseMs = this.#leaseMs / RENEWALS;
    for (const member of this.#alive) {
      const heardAt = this.#heardAt.get(member);
      if (heardAt !== undefined) pauseMs = Math.min(pauseMs, heardAt + this.#expiryMs - now);
    }
    return Math.max(pauseMs, this.#leaseMs / 50);
  }

  async #renewAndLook(): Promise<void> {
    const sentAt = this.#clock.monotonic();
    try {
      await this.#bucket.put(this.#id, encodeJson(this.#describe()));
      if (this.#stopped) return;
      // A lease that ended before this renewal was sent may have been another's since: that comes first.
      this.#noticeEnd();
      this.#renewedAt = sentAt;
      this.#acting = this.holds;
      this.#armLeaseEnd();
      const alive = (await this.#bucket.entries()).map((entry) => entry.key).sort();
      if (this.#stopped) return;
      for (const gone of [...this.#heardAt.keys()].filter((one) => !alive.includes(one))) {
        this.#heardAt.delete(gone);
        this.#onPresence(gone, undefined);
      }
      this.#alive = this.holds ? alive : alive.filter((member) => member !== this.#id);
      this.#onChange();
    } catch (error) {
      this.#log("warn", `presence could not be renewed: ${messageOf(error)}`);
    }
  }

  /** The moment the lease ends unrenewed, everything stops, even if nothing else happens in this process. */
  #armLeaseEnd(): void {
    this.#disarmLease?.();
    const leftMs = this.#renewedAt + USABLE * this.#leaseMs - this.#clock.monotonic();
    this.#disarmLease = this.#clock.timer(Math.max(0, leftMs), () => this.#noticeEnd());
  }

  #noticeEnd(): void {
    if (!this.#acting || this.holds || this.#stopped) return;
    this.#acting = false;
    this.#onChange();
  }
}
