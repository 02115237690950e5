import { z } from "zod";
import { name, taskId } from "./names.ts";
import { DEFAULT_TENANT } from "./request.ts";
import { tag } from "./tags.ts";

const tenant = name.default(DEFAULT_TENANT);
const whichRun = z.object({ run: name, tenant });
const whichLetter = z.object({ id: z.string().max(100), tenant });

/** Asks whether an attempt still matters. */
export const settledQuery = z.object({
  run: name,
  tenant,
  task: taskId,
  attempt: z.int().min(1),
});
export type SettledQuery = z.output<typeof settledQuery>;

/** The requests of `api.<resource>.<verb>`, by resource and verb. */
export const QUERIES = {
  /** `tasks: false` leaves the tasks out: a run may have more of them than a message holds. */
  "runs.get": whichRun.extend({ tasks: z.boolean().default(true) }),
  /** With `tag`, only runs that have it. */
  "runs.list": z.object({ tenant, limit: z.int().min(1).max(1000).default(50), tag: tag.optional() }),
  "runs.cancel": whichRun.extend({ by: z.string().max(256).optional(), reason: z.string().max(2000).optional() }),
  "dead.list": z.object({ tenant, limit: z.int().min(1).max(1000).default(50) }),
  "dead.get": whichLetter,
  "dead.redrive": whichLetter.extend({
    attempt: z.int().min(1).optional(),
    by: z.string().max(256).optional(),
    reason: z.string().max(2000).optional(),
  }),
  "dead.drop": whichLetter,
  "tasks.settled": settledQuery,
  "workers.list": z.object({}),
  "orchestrators.list": z.object({}),
  "types.list": z.object({}),
} as const;
export type QueryName = keyof typeof QUERIES;
