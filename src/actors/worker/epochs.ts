import type { Bucket } from "../../bus/port.ts";
import { type Claim, claim } from "../../core/claim.ts";
import type { Logger } from "../../core/logger.ts";
import { parseBy } from "../host/bucket-entry.ts";
import { BucketMirror } from "../host/bucket-mirror.ts";

/**
 * The present epoch of every shard, as the claims have it. What an owner has sent may reach the queue after it has lost
 * the shard: its process was stopped in the middle of a write, or a network held it up. By then its successor may have
 * had the same attempt executed, so a worker that takes a message of an earlier epoch asks whether the attempt is settled.
 */
export class Epochs {
  readonly #log: Logger;
  #claims: BucketMirror<Claim> | undefined;
  /** The highest epoch of all shards. */
  #highest = 0;

  constructor(log: Logger) {
    this.#log = log;
  }

  /** Resolves when the claims of this moment are known. `name`: of their bucket, for warnings. */
  async start(bucket: Bucket, name: string): Promise<void> {
    this.#claims = await BucketMirror.open(bucket, { bucket: name, parse: parseBy(claim), log: this.#log });
    this.#claims.onChange(() => this.#count());
    this.#count();
  }

  async stop(): Promise<void> {
    await this.#claims?.stop();
  }

  /** Whether that epoch is past in any shard: else the shard need not be looked up. */
  mayBePast(epoch: number): boolean {
    return epoch < this.#highest;
  }

  isPast(shard: number, epoch: number): boolean {
    return epoch < (this.#claims?.entries.get(String(shard))?.epoch ?? 0);
  }

  #count(): void {
    this.#highest = 0;
    for (const { epoch } of this.#claims!.entries.values()) this.#highest = Math.max(this.#highest, epoch);
  }
}
