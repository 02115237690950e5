import type { TaskError } from "../core/error.ts";
import type { Decision } from "../core/event.ts";
import { show } from "../core/problem.ts";
import { isPaused } from "./pauses.ts";
import type { RunState } from "./run-state.ts";
import type { Turn } from "./steps.ts";
import { attemptOf, stateOf, type TaskRecord } from "./task-record.ts";
import { endTask, failTask, start, stepTask } from "./tree.ts";

/** Counts for a task that waits for it, once: at the end of its pause, if it is paused. */
export function applyDecision(run: RunState, decision: Decision, turn: Turn): void {
  const { task: id, attempt, answers, items, labels, input, wait, error } = decision;
  const task = run.tasks.get(id);
  if (task && stateOf(task) === "checking") return applyCheck(task, decision, turn);
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

/** Whether a round was the last: for the round that it names, once. */
function applyCheck(task: TaskRecord, { round, answers, error }: Decision, turn: Turn): void {
  const { number, executions } = task.children!.rounds!;
  if (round !== number) return;
  const { until, times, every = 0 } = task.node!.stated.repeat!;
  const answer = answers?.[until];
  if (answer === true) return endTask(task, "met", turn);
  const problem =
    error ?? (answer === false ? undefined : `repeat/until: expected true or false, received ${show(answer)}`);
  if (problem === undefined && executions < times) return stepTask(task, "again", turn, { dueAt: turn.at + every });
  const exhausted = {
    name: "exhausted",
    message: `repeat/until was not true after ${times} ${times === 1 ? "round" : "rounds"}`,
  };
  const failure: TaskError = { kind: "terminal", ...(problem === undefined ? exhausted : { message: problem }) };
  failTask(task, "broken", turn, { error: failure });
}
