import { z } from "zod";
import { moment } from "./event.ts";
import { json } from "./json.ts";
import { taskId } from "./names.ts";

/** What workers tell while they work, on `tutti.live.<tenant>.<run>.<kind>`; not stored, may be lost. */
export const LIVE_KINDS = ["started", "progress", "token", "log", "lost"] as const;
export type LiveKind = (typeof LIVE_KINDS)[number];

/** One or several of a kind, of one run, as they came in one turn. */
export const liveMessage = z.object({
  v: z.literal(1),
  worker: z.string().optional(),
  items: z.array(
    z.object({
      task: taskId,
      attempt: z.int(),
      at: moment,
      /** `progress`: a fraction 0…1 or anything; `token`: a string; `log`: `{level, message}`; `lost`: `{times}`. */
      data: json.optional(),
    }),
  ),
});
export type LiveMessage = z.output<typeof liveMessage>;
