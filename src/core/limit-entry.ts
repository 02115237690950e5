import { z } from "zod";
import { name } from "./names.ts";

/** What is limited together: the tasks of a type, of a tenant, or those whose `limit.key` gives the same value within a tenant. */
export const LIMITED_BY = ["type", "tenant", "key"] as const;

const count = z.int().min(0);

/** What a shard has of a limit. Its attempts in progress never are more than `held`. */
const shardPermits = z.object({
  /** The orchestrator that has written this: the owner of the shard, or one that owned it before. */
  owner: z.string(),
  held: count,
  /** The permits that its tasks hold, and those that they wait for. */
  wanted: count,
  /** The lowest number that these tasks state themselves. */
  most: count.optional(),
});
export type ShardPermits = z.output<typeof shardPermits>;

/**
 * A limit and its permits, as an entry of the bucket `limits`. Permits belong to shards, and not to the orchestrators that
 * own them: so the next owner of a shard has the permits of the attempts that it finds on the queue.
 */
export const limitEntry = z.object({
  v: z.literal(1),
  by: z.enum(LIMITED_BY),
  /** The type, the tenant, or the key. */
  of: z.string(),
  /** Of a key. */
  tenant: name.optional(),
  /** Permits in all. */
  most: z.int().min(1),
  /** Of a rate: a permit comes back when its attempt began this long ago, ms. Of a concurrency: when the attempt is over. */
  perMs: z.number().positive().optional(),
  /** Stated by an operator, and not by plans: it stays without use, and counts before what plans state of the key. */
  isSet: z.boolean().default(false),
  /** Grows with every change, so that what a watch reports late is known to be old. */
  changes: count,
  /** The orchestrator that had the last permit which could not be divided. */
  turn: z.string().optional(),
  shards: z.record(z.string(), shardPermits),
});
export type LimitEntry = z.output<typeof limitEntry>;
