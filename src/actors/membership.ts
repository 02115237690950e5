import type { Bucket, Stoppable } from "../bus/port.ts";
import type { Clock } from "../core/clock.ts";
import { messageOf } from "../core/error.ts";
import { encodeJson } from "../core/json.ts";
import type { Logger } from "./logger.ts";

/** Of its lease, an owner uses this part: the rest is for clocks that run apart and messages under way. */
const USABLE = 0.8;

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
  readonly #ttlMs: number;
  readonly #log: Logger;
  readonly #onChange: () => void;
  #members: readonly string[] = [];
  #renewedAt = Number.NEGATIVE_INFINITY;
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
    options: { clock: Clock; ttlMs: number; log: Logger; onChange: () => void },
  ) {
    this.#bucket = bucket;
    this.#id = id;
    this.#describe = describe;
    this.#clock = options.clock;
    this.#ttlMs = options.ttlMs;
    this.#log = options.log;
    this.#onChange = options.onChange;
  }

  /** Those alive, ourselves included while our lease holds; sorted. */
  get members(): readonly string[] {
    return this.#members;
  }

  /** Whether we may act as an owner now. Checked before every write for a shard. */
  get holds(): boolean {
    return this.#clock.monotonic() < this.#renewedAt + USABLE * this.#ttlMs;
  }

  async start(): Promise<void> {
    await this.#beat();
    // Expiry sends no event, so the bucket is polled as well; a newcomer or a leaver is noticed at once.
    this.#watch = await this.#bucket.watch((key, value) => {
      if (key !== this.#id && this.#members.includes(key) !== (value !== undefined)) this.#beatSoon();
    });
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

  #beatSoon(): void {
    if (this.#beating) this.#again = true;
    else void this.#beat();
  }

  #beat(): Promise<void> {
    this.#disarm?.();
    this.#beating = this.#renewAndLook().finally(() => {
      this.#beating = undefined;
      if (this.#stopped) return;
      this.#disarm = this.#clock.timer(this.#again ? 0 : this.#ttlMs / 5, () => void this.#beat());
      this.#again = false;
    });
    return this.#beating;
  }

  async #renewAndLook(): Promise<void> {
    const sentAt = this.#clock.monotonic();
    try {
      await this.#bucket.put(this.#id, encodeJson(this.#describe()));
      if (this.#stopped) return;
      this.#renewedAt = sentAt;
      this.#armLeaseEnd();
      const alive = (await this.#bucket.entries()).map((entry) => entry.key).sort();
      if (this.#stopped) return;
      this.#members = this.holds ? alive : alive.filter((member) => member !== this.#id);
      this.#onChange();
    } catch (error) {
      this.#log("warn", `presence could not be renewed: ${messageOf(error)}`);
    }
  }

  /** The moment the lease ends unrenewed, everything stops, even if nothing else happens in this process. */
  #armLeaseEnd(): void {
    this.#disarmLease?.();
    const leftMs = this.#renewedAt + USABLE * this.#ttlMs - this.#clock.monotonic();
    this.#disarmLease = this.#clock.timer(Math.max(0, leftMs), () => {
      if (!this.holds && !this.#stopped) this.#onChange();
    });
  }
}
