import type { Bucket, Stoppable } from "../../bus/port.ts";
import type { Clock } from "../../core/clock.ts";
import { messageOf } from "../../core/error.ts";
import { encodeJson } from "../../core/json.ts";
import type { Logger } from "../../core/logger.ts";
import { Lease } from "./lease.ts";

/** The number of renewals per lease. */
const RENEWALS = 8;

/** The fraction of the lease for which a member counts as able to take shards after a renewal. */
const TRUSTED = 0.35;

export interface MembershipOptions {
  readonly clock: Clock;
  readonly leaseMs: number;
  /** The time after which a presence expires. Its owner stops earlier. */
  readonly expiryMs: number;
  readonly log: Logger;
  /** Called at every renewal of the lease, with the members that can take shards. */
  readonly onMembers: (members: readonly string[]) => void;
  /** Called in the turn in which the lease runs out, once each time that it was held. */
  readonly onLost: () => void;
  /** Called when another member has written its presence, or is gone. */
  readonly onPresence?: (id: string, presence: Uint8Array | undefined) => void;
}

/**
 * Renews this orchestrator's presence, which is the lease of all its shards, and knows which other members are alive.
 */
export class Membership {
  readonly #bucket: Bucket;
  readonly #id: string;
  readonly #describe: () => unknown;
  readonly #options: MembershipOptions;
  readonly #lease: Lease;
  /** The time at which each other member last wrote its presence (monotonic, ms). */
  readonly #heardAt = new Map<string, number>();
  /** The members whose presence has not expired, including this one while its lease holds. */
  #alive: readonly string[] = [];
  #disarm: (() => void) | undefined;
  #watch: Stoppable | undefined;
  #beating: Promise<void> | undefined;
  #again = false;
  #stopped = false;

  constructor(bucket: Bucket, id: string, describe: () => unknown, options: MembershipOptions) {
    this.#bucket = bucket;
    this.#id = id;
    this.#describe = describe;
    this.#options = options;
    this.#lease = new Lease(options.clock, options.leaseMs, () => this.#stopped || options.onLost());
  }

  /**
   * The members that can take shards, including this one, sorted. A member that has missed two renewals is left out: it
   * keeps its shards until its presence expires, but shards without an owner go to other members.
   */
  get #members(): readonly string[] {
    const { clock, leaseMs } = this.#options;
    const silentSince = clock.monotonic() - TRUSTED * leaseMs;
    return this.#alive.filter((member) => (this.#heardAt.get(member) ?? silentSince + 1) > silentSince);
  }

  /** See {@link Lease.holds}. */
  get holds(): boolean {
    return this.#lease.holds;
  }

  async start(): Promise<void> {
    await this.#beat();
    // A member that joins or leaves is noticed at once. Expiry sends no event, so it is checked when it is due.
    this.#watch = await this.#bucket.watch((key, value) => {
      if (key === this.#id) return;
      if (value) this.#heardAt.set(key, this.#options.clock.monotonic());
      else this.#heardAt.delete(key);
      this.#options.onPresence?.(key, value);
      if (this.#alive.includes(key) !== (value !== undefined)) this.beatSoon();
    });
  }

  /** Renews now, for example because the connection is back. */
  beatSoon(): void {
    if (this.#beating) this.#again = true;
    else if (!this.#stopped) void this.#beat();
  }

  /** Stops renewing and removes the presence, so that the other members know at once. Never rejects. */
  async leave(): Promise<void> {
    this.#stopped = true;
    this.#disarm?.();
    await this.#watch?.stop().catch(() => {});
    await this.#beating;
    this.#lease.end();
    await this.#bucket.delete(this.#id).catch(() => {});
  }

  #beat(): Promise<void> {
    this.#disarm?.();
    this.#beating = this.#renewAndLook().finally(() => {
      this.#beating = undefined;
      if (this.#stopped) return;
      this.#disarm = this.#options.clock.timer(this.#again ? 0 : this.#pauseMs(), () => void this.#beat());
      this.#again = false;
    });
    return this.#beating;
  }

  /**
   * The time until the next renewal, or until a silent member is due to expire, which a server may do a little late.
   */
  #pauseMs(): number {
    const { clock, leaseMs, expiryMs } = this.#options;
    const now = clock.monotonic();
    let pauseMs = leaseMs / RENEWALS;
    for (const member of this.#alive) {
      const heardAt = this.#heardAt.get(member);
      if (heardAt !== undefined) pauseMs = Math.min(pauseMs, heardAt + expiryMs - now);
    }
    return Math.max(pauseMs, leaseMs / 50);
  }

  async #renewAndLook(): Promise<void> {
    const { clock, log, onMembers, onPresence } = this.#options;
    const sentAt = clock.monotonic();
    try {
      await this.#bucket.put(this.#id, encodeJson(this.#describe()));
      if (this.#stopped) return;
      this.#lease.renewed(sentAt);
      const alive = (await this.#bucket.entries()).map((entry) => entry.key).sort();
      if (this.#stopped) return;
      for (const gone of [...this.#heardAt.keys()].filter((one) => !alive.includes(one))) {
        this.#heardAt.delete(gone);
        onPresence?.(gone, undefined);
      }
      this.#alive = alive;
      if (this.holds) onMembers(this.#members);
    } catch (error) {
      log("warn", `presence could not be renewed: ${messageOf(error)}`);
    }
  }
}
