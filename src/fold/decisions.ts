import type { Decision } from "../core/event.ts";
import { isPaused } from "./pauses.ts";
import type { RunState } from "./run-state.ts";
import type { Turn } from "./steps.ts";
import { attemptOf, stateOf } from "./task-record.ts";
import { failTask, start } from "./tree.ts";

/** Counts for a task that waits for it, once: at the end of its pause, if it is paused. */
export function applyDecision(run: RunState, decision: Decision, turn: Turn): void {
  const { task: id, attempt, answers, items, labels, input, wait, error } = decision;
  const task = run.tasks.get(id);
  if (!task || stateOf(task) !== "deciding" || attemptOf(task) !== attempt) return;
  if (isPaused(task)) {
    run.heldDecisions ??= new Map();
    if (!run.heldDecisions.has(task)) run.heldDecisions.set(task, decision);
    return;
  }
  if (!answers)
    return failTask(task, "broken", turn, { error: { kind: "terminal", message: error ?? "it could not be decided" } });
  task.node!.answers = answers;
  task.node!.items = items;
  task.node!.labels = labels;
  task.node!.given = input;
  start(task, turn, wait);
}
