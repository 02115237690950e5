import type { Due } from "../core/event.ts";
import { endWaitInTime } from "./answers.ts";
import { findRefusal } from "./budget.ts";
import { endDeadline, endWithin, passOn } from "./pass-on.ts";
import { isPaused } from "./pauses.ts";
import { withinAtOf } from "./plan-node.ts";
import type { RunState } from "./run-state.ts";
import { arm, type Turn } from "./steps.ts";
import { attemptOf, stateOf } from "./task-record.ts";
import { failTask, stepRun, stepTask } from "./tree.ts";

/** A moment that the fold had computed has come, if the log's own time says so too. What is paused does not see it: see `resume`. */
export function applyDue(run: RunState, { task: id, attempt, what }: Due, turn: Turn): void {
  const task = run.tasks.get(id);
  if (task && isPaused(task)) return;
  if (what === "deadline") {
    if (task?.node) {
      const { deadlineAt } = task.node;
      if (deadlineAt === 0) return;
      if (turn.at < deadlineAt) return arm(task, "deadline", deadlineAt, turn);
      endDeadline(task, turn);
      return passOn(turn);
    }
    if (run.deadline === undefined || !run.snapshot.hasTag("active")) return;
    if (turn.at < run.deadline) return arm(run.root, "deadline", run.deadline, turn);
    stepRun(run, { type: "deadlinePassed" }, turn);
    return passOn(turn);
  }
  if (what === "within") {
    if (!task || attemptOf(task) !== attempt || withinAtOf(task) === 0) return;
    if (turn.at < withinAtOf(task)) return arm(task, "within", withinAtOf(task), turn);
    if (stateOf(task) === "awaiting") endWaitInTime(task, turn);
    else endWithin(task, turn);
    return passOn(turn);
  }
  if (!task || !PAUSES.has(stateOf(task)) || attemptOf(task) !== attempt) return;
  // The log's clock decides. An owner whose own clock is ahead tries again.
  if (turn.at < task.dueAt) return arm(task, "backoff", task.dueAt, turn);
  const error = findRefusal(task, stateOf(task) === "resting" ? 1 : undefined);
  if (error) failTask(task, "broken", turn, { error });
  else stepTask(task, "backoffElapsed", turn, { round: "next" });
  passOn(turn);
}

/** States that end after a delay: of an attempt that failed, and of a round that was not the last. */
const PAUSES: ReadonlySet<string> = new Set(["backingOff", "resting"]);
