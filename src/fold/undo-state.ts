import type { TaskError } from "../core/error.ts";
import type { RunMachineEvent } from "../machines/run.ts";
import type { RunState } from "./run-state.ts";
import { isLater, type TaskRecord } from "./task-record.ts";

/** What there is to undo of a task, as its attempts begin and end. */

/** What has begun may have to be undone: an attempt may have done something as soon as it is open. */
export function noteOpened({ run, node }: TaskRecord, isAttempt: boolean): void {
  const undo = node?.undo;
  if (!undo) return;
  undo.order = ++run.opened;
  if (!isAttempt) return;
  undo.hasEffects = true;
  undo.hasOutput = false;
  undo.task = undefined;
}

/** Its attempt has failed. One that was aborted, or that keeps killing its worker, may have done anything. */
export function noteFailed(task: TaskRecord, kind: TaskError["kind"]): void {
  if (kind === "retryable" || kind === "terminal") noteNothingDone(task);
}

/** The attempt is known to have failed, or was deferred. */
export function noteNothingDone({ node }: TaskRecord): void {
  if (node?.undo) node.undo.hasEffects = false;
}

export function noteSucceeded({ node, children }: TaskRecord): void {
  const undo = node?.undo;
  if (!undo) return;
  undo.hasOutput = true;
  // A plan that is written down has had no attempt, nor has the start of another run.
  if (children || node.stated.type === "start") undo.hasEffects = true;
}

/** What was undone cannot be tried again, and neither can what a deadline has ended, or what a plan runs at its end. */
export function rootFailed({ root, tasks, hasUndone, expired }: RunState): RunMachineEvent {
  const culprit = root.failedAt === undefined ? root : tasks.get(root.failedAt)!;
  return hasUndone || expired || isLater(culprit) ? { type: "rootFailed", isFinal: true } : { type: "rootFailed" };
}
