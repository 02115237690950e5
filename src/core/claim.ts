import { z } from "zod";
import { name } from "./names.ts";

/** The entry of a shard in the bucket `shards`. The epoch grows with every change of owner. */
export const claim = z.object({
  v: z.literal(1),
  /** Null: the shard was given back. */
  owner: name.nullable(),
  epoch: z.int(),
  /** The version that the shard's log needs, once an owner has met one above its own: an orchestrator that reads less does not take it. */
  needs: z.int().optional(),
});
export type Claim = z.output<typeof claim>;
