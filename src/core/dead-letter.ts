import { z } from "zod";
import { taskError, wireError } from "./error.ts";
import { json } from "./json.ts";
import { name, taskId } from "./names.ts";

/** What is stored of a task that has failed its run, under `dead.tasks.<tenant>.<run>.<task>.<attempt>`. The log has the rest. */
export const deadTask = z.object({
  v: z.literal(1),
  tenant: name,
  run: name,
  task: taskId,
  type: name,
  /** The attempt that failed, the last one. */
  attempt: z.int().min(1),
  error: taskError.omit({ retryAfterMs: true, policy: true }),
  worker: z.string().optional(),
  /** The workers that were lost with its attempts: how many, and the names of the last. */
  lost: z.object({ times: z.int(), workers: z.array(z.string()) }).optional(),
  /** What the attempt was given. Absent where it can no longer be put together. */
  message: z.record(z.string(), json).optional(),
});
export type DeadTask = z.output<typeof deadTask>;

/** What is stored of a request that can never be started, under `dead.requests.<type>.<sequence>`. */
export const deadRequest = z.object({
  v: z.literal(1),
  /** As it was published. */
  subject: z.string(),
  headers: z.record(z.string(), z.string()),
  /** It may be anything but JSON. */
  bodyBase64: z.string().optional(),
  bodyRef: z.string().optional(),
  error: wireError,
  /** The id that the run would have had. */
  run: z.string().optional(),
});
export type DeadRequest = z.output<typeof deadRequest>;

/** A dead letter as it is shown, whatever died. */
export const deadLetter = z.object({
  /** Of a task: its run's id, since one task fails a run. Of a request: `request:<sequence>`. */
  id: z.string(),
  kind: z.enum(["task", "request"]),
  /** ISO 8601. */
  at: z.string(),
  tenant: name,
  type: z.string(),
  run: z.string().optional(),
  task: taskId.optional(),
  attempt: z.int().optional(),
  lost: deadTask.shape.lost,
  error: wireError.extend({ kind: taskError.shape.kind.optional() }),
  /** Not in lists. Of a task: the message that its last attempt was given. */
  message: z.record(z.string(), json).optional(),
  /** Not in lists. Of a request: what was published; the body as text where it is text. */
  request: z
    .object({
      subject: z.string(),
      headers: z.record(z.string(), z.string()),
      body: z.string().optional(),
      bodyBase64: z.string().optional(),
      bodyRef: z.string().optional(),
    })
    .optional(),
});
export type DeadLetter = z.output<typeof deadLetter>;

/** What a redrive came to: the run that goes on (or is started, for a request), and the attempt that opens. */
export const redriven = z.object({
  id: z.string(),
  run: name,
  task: taskId.optional(),
  attempt: z.int().optional(),
  /** Present and true when it had been redriven before, and this one changed nothing. */
  already: z.literal(true).optional(),
});
export type Redriven = z.output<typeof redriven>;

/** The dead letters. A task's letter has its run's id, a request's `request:<number>`. */
export interface DeadLetterBox {
  /** Newest first, without what they were given. Default: 50. */
  list(options?: { tenant?: string; limit?: number }): Promise<DeadLetter[]>;
  /** Rejects with 404 when there is none of that id (any more). */
  get(id: string, options?: { tenant?: string }): Promise<DeadLetter>;
  /**
   * The run goes on from what has succeeded: the task that failed it is tried again, with all the attempts its policy
   * allows, and what its failure had stopped goes on; its deadline begins anew. A request is published again. Rejects
   * with 404, or 409 for a run that no task has failed. Repeated, it does nothing more.
   */
  redrive(id: string, options?: { tenant?: string; by?: string; reason?: string }): Promise<Redriven>;
  /** Takes it off the list, for good. */
  drop(id: string, options?: { tenant?: string }): Promise<void>;
}
