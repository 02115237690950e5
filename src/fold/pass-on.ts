import type { TaskError } from "../core/error.ts";
import type { Verdict } from "../core/join.ts";
import { REPLAN } from "../core/names.ts";
import { releaseNeeds } from "./held-outputs.ts";
import { isPaused } from "./pauses.ts";
import { countChild, countNeed, countsForPlan, judgeInTime } from "./plan-node.ts";
import { ask, takeAnswer } from "./replanning.ts";
import type { Turn } from "./steps.ts";
import { isFinal, NO_TASKS, stateOf, type TaskRecord } from "./task-record.ts";
import { breakBy, endTask, failTask, start, startItems, stepTask, succeed } from "./tree.ts";
import { beginUndo, goOn, unwind } from "./unwinding.ts";

/** What the starts and ends of tasks in plans of version 2 mean for those that need them and for their plan. */

/** Passes the ends and starts of tasks in plans of version 2 on, until none is left that changes anything. */
export function passOn(turn: Turn): void {
  // What is passed on may add to them.
  for (let i = 0; i < turn.pending.length; i++) passOnOne(turn.pending[i]!, turn);
  turn.pending.length = 0;
}

function passOnOne(task: TaskRecord, turn: Turn): void {
  // Of a map, one that was cancelled before its turn had none.
  const hadPlace = task.node?.hasLeft;
  if (task.node) leaveNeeds(task, turn);
  const state = stateOf(task);
  if (state === "recovering" || state === "tidying") return unwind(task, turn);
  if (state === "undoing") return beginUndo(task, turn);
  if (state === "replanning") return ask(task, turn);
  if (!task.node) return task.key === REPLAN ? takeAnswer(task.parent!, turn) : goOn(task, turn);
  // Nothing starts, and what ends is counted once the plan was changed.
  if (task.parent && stateOf(task.parent) === "replanning") return;
  if (state === "abandoned") return;
  if (state === "skipped") releaseNeeds(task);
  for (const dependent of task.dependents ?? NO_TASKS)
    if (stateOf(dependent) === "blocked") meet(dependent, countNeed(dependent, task), task, turn);
  const { parent } = task;
  if (!parent || stateOf(parent) !== "expanded") return;
  const { map, rounds } = parent.children!;
  if (rounds && state === "succeeded") return stepTask(parent, "roundOver", turn);
  conclude(parent, countChild(parent.children!, task), task, turn);
  if (!map) return;
  if (hadPlace) map.running--;
  if (stateOf(parent) === "expanded") startItems(parent, turn);
}

/** `last`: the need whose end has decided it. */
function meet(task: TaskRecord, verdict: Verdict, last: TaskRecord, turn: Turn): void {
  if (verdict === "skipped") return stepTask(task, "skip", turn);
  if (verdict === "broken") return breakBy(task, last, turn);
  if (verdict === "met") begin(task, turn);
}

/** Starts a task whose join is met; one that is paused starts when it is resumed. */
export function begin(task: TaskRecord, turn: Turn): void {
  if (isPaused(task)) return;
  if (task.node) leaveNeeds(task, turn);
  start(task, turn);
}

function conclude(parent: TaskRecord, verdict: Verdict, last: TaskRecord, turn: Turn): void {
  if (verdict === "met") succeed(parent, turn);
  else if (verdict === "skipped") endTask(parent, "skip", turn);
  else if (verdict === "broken") breakBy(parent, last, turn);
}

/** The task has started or ended: what nothing else waits for any more, and the plan itself does not ask for, is abandoned. */
export function leaveNeeds(task: TaskRecord, turn: Turn): void {
  const node = task.node!;
  if (node.hasLeft) return;
  node.hasLeft = true;
  for (const need of task.needs)
    if (--need.node!.waitedBy === 0 && !isFinal(need) && !countsForPlan(need.node!)) endTask(need, "abandon", turn);
}

/** The join that a task waits for has taken as long as it may. */
export function endWithin(task: TaskRecord, turn: Turn): void {
  const isBlocked = stateOf(task) === "blocked";
  if (judgeInTime(task) === "broken") {
    const what = isBlocked ? "what it needs was" : "its plan was";
    const error: TaskError = {
      kind: "terminal",
      name: "timeout",
      message: `${what} not settled within the time of its join`,
    };
    return failTask(task, "broken", turn, { error });
  }
  if (isBlocked) begin(task, turn);
  else succeed(task, turn);
}

/** The task has taken as long as it may, all its attempts together. */
export function endDeadline(task: TaskRecord, turn: Turn): void {
  const message = `it did not end within its deadline of ${task.node!.stated.deadline} ms`;
  failTask(task, "expired", turn, { error: { kind: "terminal", name: "timeout", message } });
}
