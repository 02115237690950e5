import type { Deferred } from "../core/event-attempt.ts";
import { backoffMs, type ResolvedRetry } from "../core/policy.ts";
import { toMs } from "./moment.ts";
import type { TaskRecord } from "./task-record.ts";

/** How long a deferral without a time lasts, by the deferrals in a row. */
const DEFAULT_DELAY: ResolvedRetry = { attempts: 1, backoff: "exponential", delay: 1000, maxDelay: 30_000 };
/** A worker that names a moment which is past would be asked again without a pause. */
const LEAST_DELAY_MS = 100;

/** Notes that the task's open attempt was deferred. Returns when the next one opens: log time, ms. */
export function noteDeferral(task: TaskRecord, { attempt, until, retryAfterMs, why }: Deferred, at: number): number {
  const { deferral } = task;
  const times = deferral?.attempt === attempt - 1 ? deferral.times + 1 : 1;
  task.deferral = { attempt, why, times };
  const stated = Math.max(toMs(until) ?? 0, retryAfterMs === undefined ? 0 : at + retryAfterMs);
  if (stated === 0) return at + backoffMs(DEFAULT_DELAY, task.run.run, task.id, times);
  return Math.max(stated, at + LEAST_DELAY_MS);
}
