import { z } from "zod";
import { taskId } from "./names.ts";

const named = z.array(taskId).optional();
const withReason = z.array(z.object({ task: taskId, message: z.string() })).optional();

/** What a run that did not succeed has left behind, where a plan of version 2 was a part of it: at most 20 tasks of each kind. */
export const aftermath = z.object({
  /** The tasks that were stopped, or failed by the failure of the run. */
  took: named,
  /** Those of which what they did was undone. */
  undone: named,
  /** Those of which it could not be, and why. */
  notUndone: withReason,
  /** Those whose plans could not do what they say with `finally`, and why. */
  notTidied: withReason,
  /** How many more there are of all these. */
  unnamed: z.int().optional(),
});
export type Aftermath = z.output<typeof aftermath>;
