import { type Bucket, isBusError } from "../../bus/port.ts";
import { encodeJson } from "../../core/json.ts";
import { type LimitEntry, limitEntry } from "../../core/limit-entry.ts";
import { readAs } from "../host/bucket-entry.ts";

/** What a limit is before anything is stored of it. */
export type LimitHead = Pick<LimitEntry, "by" | "of" | "tenant" | "most" | "perMs">;

/**
 * A limit's entry in the bucket, as far as it is known here, changed by compare-and-set. What this process holds is the
 * least that the entry may say: a change that was sent and not confirmed may have been stored, or may be yet.
 */
export class StoredLimit {
  readonly #bucket: Bucket;
  readonly #id: string;
  readonly #head: LimitHead;
  readonly #owner: string;
  #entry: LimitEntry | undefined;
  /** Of the stored entry; undefined: to be read before the next change. 0: there is none. */
  #revision: number | undefined;
  #unconfirmed: LimitEntry[] = [];

  constructor(bucket: Bucket, id: string, head: LimitHead, owner: string) {
    this.#bucket = bucket;
    this.#id = id;
    this.#head = head;
    this.#owner = owner;
  }

  get entry(): LimitEntry | undefined {
    return this.#entry;
  }

  /** The entry as it is known here, or as the first one would be. */
  get latest(): LimitEntry {
    return this.#entry ?? { v: 1, ...this.#head, isSet: false, changes: 0, shards: {} };
  }

  /** Takes what a watch has reported (undefined: the entry was removed). False: it is older than what is known, or the same. */
  report(entry: LimitEntry | undefined): boolean {
    if (entry && this.#entry && entry.changes <= this.#entry.changes) return false;
    this.#entry = entry;
    this.#revision = undefined;
    return true;
  }

  /** The permits that the shard holds for certain, by this process's own word. */
  heldBy(shard: number): number {
    return Math.min(...[this.#entry, ...this.#unconfirmed].map((entry) => this.#ownIn(entry, shard)));
  }

  /** The permits that the entry has for the shard, whoever has written that. */
  storedFor(shard: number): number {
    return this.#entry?.shards[shard]?.held ?? 0;
  }

  /**
   * Changes the entry to what `propose` makes of it, which is asked again where another process was first; undefined gives
   * up. `onRead`: the entry has been read. An entry of which nothing is left is removed.
   */
  async change(propose: (entry: LimitEntry) => LimitEntry | undefined, onRead: () => void): Promise<void> {
    for (;;) {
      if (this.#revision === undefined) {
        await this.#read();
        onRead();
      }
      const proposed = propose(this.latest);
      if (!proposed) return;
      this.#unconfirmed.push(proposed);
      try {
        await this.#store(proposed);
        this.#unconfirmed = [];
        return;
      } catch (error) {
        // It is not known what is stored: that is read again.
        this.#revision = undefined;
        if (!isBusError(error, "wrong-sequence")) throw error;
        // This one was refused, and so is certainly not stored.
        this.#unconfirmed = this.#unconfirmed.filter((one) => one !== proposed);
      }
    }
  }

  async #store(proposed: LimitEntry): Promise<void> {
    const isUnused = Object.keys(proposed.shards).length === 0 && !proposed.isSet;
    const revision = this.#revision!;
    if (!isUnused) {
      const data = encodeJson(proposed);
      this.#revision = await (revision > 0
        ? this.#bucket.update(this.#id, data, revision)
        : this.#bucket.create(this.#id, data));
      this.#entry = proposed;
      return;
    }
    if (revision > 0) await this.#bucket.delete(this.#id, revision);
    this.#revision = 0;
    this.#entry = undefined;
  }

  async #read(): Promise<void> {
    const found = await this.#bucket.get(this.#id);
    this.#entry = found && readAs(limitEntry, found.value);
    this.#revision = found?.revision ?? 0;
  }

  /** Before this process has written that they are its own, the permits of an owner before may still be used by it. */
  #ownIn(entry: LimitEntry | undefined, shard: number): number {
    const permits = entry?.shards[shard];
    return permits?.owner === this.#owner ? permits.held : 0;
  }
}
