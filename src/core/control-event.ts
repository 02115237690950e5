import { z } from "zod";
import { json } from "./json.ts";
import { ROOT, taskId } from "./names.ts";
import { blobRef, versionOf } from "./stored.ts";

/** What is asked of a run from outside: events of its log like others. */

/** Who asks for it from outside, and why. */
const asked = { by: z.string().optional(), reason: z.string().optional() };

/** Of the whole run; or, in version 2, of a task and what is below it. `force`: what is still to be undone is not. */
export const cancel = z.object({
  v: versionOf("cancel"),
  task: taskId.optional(),
  ...asked,
  force: z.literal(true).optional(),
});
export type Cancel = z.output<typeof cancel>;

/** Nothing of a task and of what is below it starts until it is resumed; the root stands for the whole run. */
export const pause = z.object({ v: versionOf("pause"), task: taskId.default(ROOT), ...asked });
export type PauseEvent = z.output<typeof pause>;
/** Ends the pause of exactly this task. Those above and below it stay. */
export const resume = z.object({ v: versionOf("resume"), task: taskId.default(ROOT), ...asked });
export type ResumeEvent = z.output<typeof resume>;

/** What a task is marked as: exactly one of these. */
export const marking = {
  output: json.optional(),
  skip: z.literal(true).optional(),
  /** Why it is to have failed. */
  fail: z.string().min(1).optional(),
};
/** A task that is not over ends as it is told from outside, whatever it does. */
export const mark = z.object({
  v: versionOf("mark"),
  task: taskId,
  ...marking,
  outputRef: blobRef.optional(),
  ...asked,
});
export type MarkEvent = z.output<typeof mark>;

/** A task that has failed its run is to be tried again: a new attempt opens, and what its failure had stopped goes on. */
export const redrive = z.object({
  v: versionOf("redrive"),
  task: taskId,
  /** The attempt that failed: so that a command which comes twice counts once. Default: whichever it was. */
  attempt: z.int().min(1).optional(),
  ...asked,
});
export type Redrive = z.output<typeof redrive>;
