import type { Ended } from "../../core/event.ts";
import type { RunState } from "../../fold/run-state.ts";
import { attemptOf, stateOf } from "../../fold/task-record.ts";
import { viewError } from "../../fold/view.ts";
import type { FinishedRun, FinishedTask } from "../../telemetry/record-run.ts";

/** A run as its trace needs it, all times from the log. */
export function finishedRun(state: RunState, ended: Ended, at: number): FinishedRun {
  const { run, tenant, submitted, submittedAt } = state;
  return {
    run,
    tenant,
    type: submitted.type,
    ...(submitted.trace && { trace: submitted.trace }),
    submittedAt,
    endedAt: at,
    status: ended.status,
    ...(ended.error && { error: { code: ended.error.code, message: ended.error.message } }),
    tasks: finishedTasks(state, at),
  };
}

function* finishedTasks(state: RunState, endedAt: number): Generator<FinishedTask> {
  for (const task of state.tasks.values()) {
    // What had succeeded before a redrive is in the trace since the run's first end.
    if (task.endedAt < (state.redriven?.at ?? 0)) continue;
    yield {
      task: task.id,
      type: task.spec.type,
      // A task that never became ready has no duration.
      startedAt: task.openedAt || task.endedAt || endedAt,
      endedAt: task.endedAt || endedAt,
      state: stateOf(task),
      attempt: attemptOf(task),
      ...(task.error && { error: viewError(task.error) }),
    };
  }
}
