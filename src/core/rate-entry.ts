import { z } from "zod";

/** What all processes have used of a limit in the last minute: an entry of the bucket `rates`. */
export const rateEntry = z.object({
  v: z.literal(1),
  /** The endpoint. */
  name: z.string(),
  /** The second since the epoch, requests, tokens; each second once. */
  used: z.array(z.tuple([z.number(), z.number(), z.number()])),
});
