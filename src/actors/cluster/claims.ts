import { type Bucket, type Entry, isBusError } from "../../bus/port.ts";
import { type Claim, claim } from "../../core/claim.ts";
import { encodeJson } from "../../core/json.ts";
import { orchestratorPresence } from "../../core/registration.ts";
import { LOG_VERSION } from "../../core/version.ts";
import { parseBy } from "../host/bucket-entry.ts";

/** Takes and gives back shards by compare-and-set: of two who try at once, one wins. */
export class Claims {
  readonly #bucket: Bucket;
  readonly #presences: Bucket;
  readonly #id: string;

  constructor(bucket: Bucket, presences: Bucket, id: string) {
    this.#bucket = bucket;
    this.#presences = presences;
    this.#id = id;
  }

  /** The new epoch, or undefined when the shard is another's who is alive, was taken in this moment, or needs a newer build. */
  async take(shard: number): Promise<number | undefined> {
    const key = String(shard);
    const entry = await this.#bucket.get(key);
    const claim = entry && readClaim(entry);
    // Without its claim, only its presence says who owns the shard.
    if (entry && !claim && (await this.#isOwnedBySomebody(shard))) return undefined;
    if (claim?.owner && claim.owner !== this.#id && (await this.#isAlive(claim.owner))) return undefined;
    if ((claim?.needs ?? 1) > LOG_VERSION) return undefined;
    // One that cannot be read had an epoch too: each took a revision of the bucket, so that this one is above it.
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

  /** Its presence is its lease. The list of members will not do: an owner may have joined since it was made. */
  async #isAlive(owner: string): Promise<boolean> {
    return (await this.#presences.get(owner)) !== undefined;
  }

  async #isOwnedBySomebody(shard: number): Promise<boolean> {
    for (const { key, value } of await this.#presences.entries())
      if (key !== this.#id && readPresence(value)?.shards.includes(shard)) return true;
    return false;
  }

  /** Gives a shard back, if it is still ours. `needs`: its log has turned out to need this version. */
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

/** Whoever watches the bucket warns of what cannot be read there. */
function orNothing<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
