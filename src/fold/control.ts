import type { Cancel, PauseEvent, ResumeEvent } from "../core/control-event.ts";
import type { TaskError } from "../core/error.ts";
import { ROOT } from "../core/names.ts";
import { applyDecision } from "./decisions.ts";
import { applyDue } from "./due.ts";
import { momentsOf } from "./obligations.ts";
import { begin, passOn } from "./pass-on.ts";
import { hasPause, isPaused, subtreeOf } from "./pauses.ts";
import { judgeNeeds } from "./plan-node.ts";
import type { RunState } from "./run-state.ts";
import type { Turn } from "./steps.ts";
import { attemptOf, hasOpenAttempt, isFinal, stateOf, type TaskRecord } from "./task-record.ts";
import { endTask, start, startItems, stepRun } from "./tree.ts";

/** What is asked of a run from outside: that it, or a task and what is below it, is paused, goes on, or is cancelled. */

/** The first one counts, until it is resumed. */
export function applyPause(run: RunState, { task: id, by, reason }: PauseEvent, turn: Turn): void {
  const task = run.tasks.get(id);
  if (!task || isFinal(task) || hasPause(task) || !run.snapshot.hasTag("active")) return;
  const held = [...subtreeOf(task)].filter((one) => hasOpenAttempt(one) && !isPaused(one));
  run.pauses ??= new Map();
  run.pauses.set(task, { by, reason, at: turn.at, resumedAt: undefined });
  if (task === run.root) stepRun(run, { type: "pause" }, turn);
  turn.effects.push({ kind: "paused", run, task });
  for (const one of held) turn.effects.push({ kind: "hold", task: one, attempt: attemptOf(one) });
}

/**
 * What came due meanwhile counts now, in the order of its moments; after that, what can start does. One that is still paused
 * from above, or by itself, stays as it is.
 */
export function applyResume(run: RunState, { task: id }: ResumeEvent, turn: Turn): void {
  const task = run.tasks.get(id);
  const pause = task && run.pauses?.get(task);
  if (!task || !pause || !hasPause(task)) return;
  run.pauses!.set(task, { ...pause, resumedAt: turn.at });
  if (task === run.root) stepRun(run, { type: "resume" }, turn);
  turn.effects.push({ kind: "paused", run, task });
  const released = [...subtreeOf(task)].filter((one) => !isPaused(one));
  const held = released.filter(hasOpenAttempt);
  countMoments(run, released, turn);
  for (const one of held)
    if (hasOpenAttempt(one)) turn.effects.push({ kind: "open", task: one, attempt: attemptOf(one) });
  for (const one of released) goOn(one, turn);
  passOn(turn);
}

/** Those that lie ahead are armed. */
function countMoments(run: RunState, tasks: readonly TaskRecord[], turn: Turn): void {
  const moments = tasks.flatMap((task) => [...momentsOf(task)]);
  if (tasks.includes(run.root) && run.deadline !== undefined && run.deadline <= turn.at)
    moments.push({ kind: "arm", task: run.root, what: "deadline", at: run.deadline });
  moments.sort((one, other) => one.at - other.at);
  for (const { task, what } of moments) applyDue(run, { v: 2, task: task.id, attempt: attemptOf(task), what }, turn);
}

/** Starts what was held back: a task whose join is met, or whose expressions were answered, and the items of a map. */
function goOn(task: TaskRecord, turn: Turn): void {
  const { run, parent, children } = task;
  const state = stateOf(task);
  const decision = run.heldDecisions?.get(task);
  run.heldDecisions?.delete(task);
  if (state === "deciding" && decision) applyDecision(run, decision, turn);
  else if (state === "recovering" && !run.unwindings.has(task)) start(task, turn);
  else if (state === "expanded" && children?.map) startItems(task, turn);
  else if (state === "blocked" && parent && isMet(task, parent)) begin(task, turn);
}

function isMet(task: TaskRecord, { children }: TaskRecord): boolean {
  if (!task.node) return task.missing === 0;
  // An item has to have been given its place.
  return children!.map ? task.node.hasLeft : judgeNeeds(task) === "met";
}

/** Cancels the run, or a task and what is below it: that is a failure of the kind `cancelled`, which is not tried again. */
export function applyCancel(run: RunState, { task: id = ROOT, by, reason, force }: Cancel, turn: Turn): void {
  if (id === ROOT) {
    run.cancelledBy ??= { by, reason };
    stepRun(run, force ? { type: "cancel", isForced: true } : { type: "cancel" }, turn);
    return passOn(turn);
  }
  const task = run.tasks.get(id);
  if (!task || isFinal(task)) return;
  const message = `cancelled${by ? ` by ${by}` : ""}${reason ? `: ${reason}` : ""}`;
  const error: TaskError = { kind: "cancelled", message };
  endTask(task, "cancel", turn, { error });
  passOn(turn);
}
