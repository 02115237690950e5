import { type Bucket, type Entry, isBusError } from "../../bus/port.ts";
import { type Claim, claim } from "../../core/claim.ts";
import { encodeJson } from "../../core/json.ts";
import { orchestratorPresence } from "../../core/registration.ts";
import { LOG_VERSION } from "../../core/version.ts";
import { parseBy } from "../host/bucket-entry.ts";

/** Claims and releases shards by compare-and-set: of two orchestrators that try at once, one succeeds. */
export class Claims {
  readonly #bucket: Bucket;
  readonly #presences: Bucket;
  readonly #id: string;

  constructor(bucket: Bucket, presences: Bucket, id: string) {
    this.#bucket = bucket;
    this.#presences = presences;
    this.#id = id;
  }

  /**
   * Claims a shard. Resolves with the new epoch, or with undefined if another running orchestrator owns the shard, has
   * just claimed it, or the shard needs a newer build.
   */
  async take(shard: number): Promise<number | undefined> {
    const key = String(shard);
    const entry = await this.#bucket.get(key);
    const claim = entry && readClaim(entry);
    // If the claim cannot be read, only the presences show whether the shard has an owner.
    if (entry && !claim && (await this.#isOwnedByAnother(shard))) return undefined;
    if (claim?.owner && claim.owner !== this.#id && (await this.#isAlive(claim.owner))) return undefined;
    if ((claim?.needs ?? 1) > LOG_VERSION) return undefined;
    // A claim that cannot be read had an epoch, too. Each epoch took a revision of the bucket, so the revision is not
    // below it.
    const epoch = (claim?.epoch ?? entry?.revision ?? 0) + 1;
    const next = encodeJson({ ...claim, v: 1, owner: this.#id, epoch } satisfies Claim);
    try {
      if (entry) await this.#bucket.update(key, next, entry.revision);
      else await this.#bucket.create(key, next);
      return epoch;
    } catch (error) {
      if (isBusError(error, "wrong-sequence")) return undefined;
      throw error;
    }
  }

  /** Whether an owner's presence, which is its lease, exists. The list of members may be older than the owner. */
  async #isAlive(owner: string): Promise<boolean> {
    return (await this.#presences.get(owner)) !== undefined;
  }

  async #isOwnedByAnother(shard: number): Promise<boolean> {
    for (const { key, value } of await this.#presences.entries())
      if (key !== this.#id && readPresence(value)?.shards.includes(shard)) return true;
    return false;
  }

  /** Releases a shard, if this process still owns it. `needs` is the version that the shard's log was found to need. */
  async giveBack(shard: number, needs = 1): Promise<void> {
    const entry = await this.#bucket.get(String(shard));
    const claim = entry && readClaim(entry);
    if (!entry || claim?.owner !== this.#id) return;
    const most = Math.max(needs, claim.needs ?? 1);
    const next = encodeJson({ ...claim, owner: null, ...(most > 1 && { needs: most }) } satisfies Claim);
    await this.#bucket.update(String(shard), next, entry.revision).catch((error) => {
      if (!isBusError(error, "wrong-sequence")) throw error;
    });
  }
}

const readClaim = ({ value, key }: Entry): Claim | undefined => orNothing(() => parseBy(claim)(value, key));
const readPresence = (value: Uint8Array) => orNothing(() => parseBy(orchestratorPresence)(value, ""));

/** Returns undefined for an entry that cannot be read. The watcher of the bucket logs the warning. */
function orNothing<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
