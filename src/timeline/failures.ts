import type { Failure } from "../core/explanation.ts";
import { ROOT } from "../core/names.ts";
import type { RunStep, TaskStep } from "../core/run-step.ts";
import type { Attempt, RunTimeline } from "./run-timeline.ts";

const MOST_STOPPED = 20;

/**
 * The first failure of the last round of a run, as its steps tell it: a task that failed by itself, and not because of
 * another. `hasFailed`: whether the run has failed, so that nothing has taken the failure.
 */
export function firstFailure(
  steps: readonly RunStep[],
  timeline: RunTimeline,
  hasFailed: boolean,
): Failure | undefined {
  const round = steps.findLastIndex(
    ({ event, run }) => event === "submitted" || run.some(({ on }) => on === "redrive"),
  );
  // Of a run that has failed: the failure that it has failed of, whatever others were taken before.
  const culprit = hasFailed ? timeline.run?.root.failedAt : undefined;
  for (const step of steps.slice(Math.max(0, round))) {
    const index = step.tasks.findIndex((one) =>
      culprit === undefined ? isFailure(one) : one.task === culprit && one.to === "failed",
    );
    if (index >= 0) return describe(step, index, timeline, hasFailed);
  }
  return undefined;
}

/** Whether the step ended in a failure that no other step of the same event had led to. */
const isFailure = ({ to, because }: TaskStep): boolean => to === "failed" && because === undefined;

function describe(step: RunStep, index: number, timeline: RunTimeline, hasFailed: boolean): Failure {
  const { task: id, type, error } = step.tasks[index]!;
  const task = timeline.run!.tasks.get(id)!;
  const attempts = timeline.of(task)?.attempts ?? [];
  // The ends of parents follow from it in the same event: they come after it.
  const stopped = step.tasks.slice(index + 1).filter(({ from, to }) => from !== to && STOPPED.has(to));
  const last = attempts.at(-1)?.error;
  return {
    task: id,
    type,
    sequence: step.sequence,
    at: step.at,
    attempts: attempts.map(describeAttempt),
    message: error ?? last?.message ?? timeline.run!.end?.body.error?.message ?? "no reason was given",
    ...(last?.stack !== undefined && { stack: last.stack }),
    isTaken: !hasFailed && id !== ROOT,
    stopped: stopped.slice(0, MOST_STOPPED).map(({ task, type, to }) => ({ task, type, state: to })),
    stoppedCount: stopped.length,
  };
}

/** The ends that a failure brings upon others. */
const STOPPED: ReadonlySet<string> = new Set(["failed", "cancelled", "skipped", "abandoned"]);

function describeAttempt({
  attempt,
  openedAt,
  startedAt,
  endedAt,
  endedOn,
  worker,
  error,
}: Attempt): Failure["attempts"][number] {
  const end = endedAt ?? openedAt;
  return {
    attempt,
    at: new Date(end).toISOString(),
    ms: Math.round(Math.max(0, end - (startedAt ?? openedAt))),
    ...(worker !== undefined && { worker }),
    ...(endedOn && { endedOn }),
    ...(error && {
      error: { kind: error.kind, message: error.message, ...(error.name !== undefined && { name: error.name }) },
    }),
  };
}
