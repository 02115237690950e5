import { z } from "zod";
import { RUN_STATUSES } from "./event.ts";
import { name, taskId } from "./names.ts";

/** How a task came out in one of two runs. */
const side = z.object({
  state: z.string(),
  attempts: z.int(),
  /** From when it was ready to its end, or until now. */
  ms: z.number(),
  /** The sums of what its attempts report. */
  usage: z.record(z.string(), z.number()),
  error: z.string().optional(),
});
export type DifferenceSide = z.output<typeof side>;

const sides = z.object({ left: side.optional(), right: side.optional() });

/** What of a task is not the same in two runs. */
export const WHAT_DIFFERS = ["presence", "type", "state", "attempts", "output", "error"] as const;

const taskDifference = sides.extend({
  task: taskId,
  type: name,
  differs: z.array(z.enum(WHAT_DIFFERS)),
});
export type TaskDifference = z.output<typeof taskDifference>;

const runSide = z.object({ run: name, type: name, status: z.enum(RUN_STATUSES), ms: z.number(), tasks: z.int() });

/** Two runs compared task by task, as `tutti diff --json` prints it. */
export const runDifference = z.object({
  left: runSide,
  right: runSide,
  /** Whether both were given the same. */
  sameInput: z.boolean(),
  /** Tasks that are in both, and the same but for time and usage. */
  same: z.int(),
  /** The others, parents before their children. */
  different: z.array(taskDifference),
  /** Tasks of both runs whose time differs most: ten at most. */
  slower: z.array(sides.extend({ task: taskId, type: name, ms: z.number() })),
});
export type RunDifference = z.output<typeof runDifference>;
