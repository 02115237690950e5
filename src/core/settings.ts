import { z } from "zod";

/** The entry `shards` of the bucket `config`: fixed when the log is made, since the hash decides where a run's log is. */
export const shardSettings = z.object({ v: z.literal(1), shards: z.int().min(1).max(1024), hash: z.string() });
export type ShardSettings = z.output<typeof shardSettings>;

/** The entry `retention`: how long the log is kept. */
export const retentionSettings = z.object({ v: z.literal(1), maxAgeMs: z.number().positive() });
export type RetentionSettings = z.output<typeof retentionSettings>;

/** The entry `lease`: how long a presence stands unrenewed. */
export const leaseSettings = z.object({ v: z.literal(1), leaseMs: z.number().positive() });
export type LeaseSettings = z.output<typeof leaseSettings>;

/** The entry `checkpoint-<shard>`: the message of the log that a replay of the shard can begin at. */
export const checkpoint = z.object({ v: z.literal(1), sequence: z.int().min(1), at: z.number() });
/**
 * The entry `traced-<shard>`, where spans are exported: the traces of all runs of the shard whose `ended` has this sequence
 * or a lower one were exported. A new owner writes those of the others again.
 */
export const tracedUpTo = z.object({ v: z.literal(1), sequence: z.int().min(0) });
export type TracedUpTo = z.output<typeof tracedUpTo>;
export type StoredCheckpoint = z.output<typeof checkpoint>;
