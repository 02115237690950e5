import { z } from "zod";
import { taskId } from "./names.ts";
import { moment, versionOf } from "./stored.ts";

/**
 * An attempt ended with "not now": it counts neither as an attempt nor towards poison, and another one opens later. A worker
 * that publishes it to `<reply>.deferred` acknowledges its task then, as after a result.
 */
export const deferred = z.object({
  v: versionOf("deferred"),
  task: taskId,
  attempt: z.int().min(1),
  worker: z.string().optional(),
  /** Not before this moment, nor before so long after this event; the later counts. Default: a backoff that grows with each deferral. */
  until: moment.optional(),
  retryAfterMs: z.number().min(0).optional(),
  /** The reason, for people. */
  why: z.string().optional(),
});
export type Deferred = z.output<typeof deferred>;

/**
 * A worker was lost with an attempt that it had. Where its process is gone, the attempt is closed, and another one opens at
 * once: it counts for nothing but poison. Else the attempt stays open.
 */
export const lost = z.object({
  v: versionOf("lost"),
  task: taskId,
  attempt: z.int().min(1),
  /** Of several of which one must have had it, all: `a or b`. */
  worker: z.string(),
  /** Its process is gone, or cut off. Else it does not answer, and may still end the attempt. */
  gone: z.boolean().default(false),
  /** It was executing nothing else. */
  alone: z.boolean().default(false),
  /** False: the attempt was waiting there, and not in execution. */
  begun: z.boolean().default(true),
});
export type Lost = z.output<typeof lost>;
