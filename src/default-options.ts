import type { TuttiOptions } from "./app.ts";
import { duration } from "./core/duration.ts";
import { TuttiError } from "./core/error.ts";
import { meantDelay, type Policy, policy } from "./core/policy.ts";
import { describeProblems, problemsOf } from "./core/problem.ts";
import type { Worker } from "./define/worker.ts";

/** What `defaults` states for an application, read once. */
export interface ReadDefaults {
  /** For the task types of this process. */
  readonly policy: Policy;
  /** For the runs that this process submits, in milliseconds. */
  readonly deadlineMs: number | undefined;
}

/** Reads `defaults`. Throws a {@link TuttiError} (400) for what is no retry, timeout or deadline. */
export function readDefaults({ defaults = {} }: TuttiOptions): ReadDefaults {
  const { deadline, ...stated } = defaults;
  const parsed = policy.safeParse(stated);
  if (!parsed.success) throw refusal(describeProblems(problemsOf(parsed.error, stated)));
  if (deadline === undefined) return { policy: meantDelay(parsed.data), deadlineMs: undefined };
  const parsedDeadline = duration.safeParse(deadline);
  if (!parsedDeadline.success)
    throw refusal(`/deadline: ${describeProblems(problemsOf(parsedDeadline.error, deadline))}`);
  return { policy: meantDelay(parsed.data), deadlineMs: parsedDeadline.data };
}

const refusal = (why: string): TuttiError => new TuttiError(400, `tutti(): /defaults: ${why}`);

/**
 * The workers as if each had stated the defaults itself: they are registered with them, so that the gateway writes them into
 * a run, and failures carry them to tasks of plans that state none.
 */
export function withDefaults(workers: readonly Worker[], { policy: defaults }: ReadDefaults): readonly Worker[] {
  if (Object.keys(defaults).length === 0) return workers;
  return workers.map((worker) => {
    const retry = { ...defaults.retry, ...worker.policy.retry };
    const own = Object.keys(retry).length > 0 ? { ...worker.policy, retry } : worker.policy;
    return { ...worker, policy: { ...defaults, ...own } };
  });
}
