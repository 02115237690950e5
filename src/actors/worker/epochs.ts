import type { Bucket, Stoppable } from "../../bus/port.ts";
import type { Claim } from "../../core/claim.ts";
import { messageOf } from "../../core/error.ts";
import { decodeJson } from "../../core/json.ts";
import type { Logger } from "../../core/logger.ts";

/**
 * The present epoch of every shard, as the claims have it. What an owner has sent may reach the queue after it has lost
 * the shard: its process was stopped in the middle of a write, or a network held it up. By then its successor may have
 * had the same attempt executed, so whoever takes a message of an earlier epoch asks whether the attempt is settled.
 */
export class Epochs {
  readonly #log: Logger;
  readonly #epochs = new Map<number, number>();
  /** Of all shards. */
  #highest = 0;
  #watch: Stoppable | undefined;

  constructor(log: Logger) {
    this.#log = log;
  }

  /** Resolves when the claims of this moment are known. */
  async start(claims: Bucket): Promise<void> {
    const ready = Promise.withResolvers<void>();
    this.#watch = await claims.watch((key, value) => value && this.#take(Number(key), value), ready.resolve);
    await ready.promise;
  }

  async stop(): Promise<void> {
    await this.#watch?.stop();
  }

  /** Whether that epoch is past in any shard: else nobody has to look which one it is. */
  mayBePast(epoch: number): boolean {
    return epoch < this.#highest;
  }

  isPast(shard: number, epoch: number): boolean {
    return epoch < (this.#epochs.get(shard) ?? 0);
  }

  #take(shard: number, value: Uint8Array): void {
    try {
      const { epoch } = decodeJson(value) as Claim;
      this.#epochs.set(shard, epoch);
      this.#highest = Math.max(this.#highest, epoch);
    } catch (error) {
      this.#log("warn", `the claim of shard ${shard} cannot be read: ${messageOf(error)}`);
    }
  }
}
