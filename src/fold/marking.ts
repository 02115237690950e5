import type { MarkEvent } from "../core/control-event.ts";
import { cutMessage, type TaskError } from "../core/error.ts";
import { UnreducibleOutput } from "../core/reducer.ts";
import { reduceOutput } from "./map-node.ts";
import type { Mark } from "./mark.ts";
import { leaveNeeds, passOn } from "./pass-on.ts";
import type { RunState } from "./run-state.ts";
import type { Turn } from "./steps.ts";
import { stateOf, type TaskRecord } from "./task-record.ts";
import { endTask } from "./tree.ts";

/** Whether a task can be left out: in a plan of version 1 all tasks are needed. */
export const maySkip = ({ node, parent }: TaskRecord): boolean => node !== undefined || parent === undefined;

/** Not when it is over, or when what comes at its end has begun. */
export const mayBeMarked = (task: TaskRecord): boolean => MARKABLE.has(stateOf(task));
const MARKABLE: ReadonlySet<string> = new Set([
  ...["blocked", "deciding", "awaiting", "ready", "backingOff", "expanded", "replanning", "checking", "resting"],
]);

/** Counts for a task that is not over, paused or not. What a failure says is final: nothing is tried again. */
export function applyMark(
  run: RunState,
  { task: id, output, outputRef, skip, fail, by, reason }: MarkEvent,
  turn: Turn,
): void {
  const task = run.tasks.get(id);
  if (!task || !mayBeMarked(task) || !run.snapshot.hasTag("active") || (skip && !maySkip(task))) return;
  const note = (as: Mark["as"]) => {
    run.marks ??= new Map();
    run.marks.set(task, { by, reason, at: turn.at, as });
  };
  const problem = fail ?? (skip ? undefined : takeOutput(task, { output: output ?? null, outputRef }));
  if (problem !== undefined) {
    note("failed");
    const error: TaskError = { kind: "terminal", name: "marked", message: cutMessage(problem) };
    endTask(task, "markedFailed", turn, { error });
  } else {
    note(skip ? "skipped" : "succeeded");
    // Of an attempt before, or of the plan that was to be changed.
    task.error = undefined;
    task.failedAt = undefined;
    // What it needed may have no other use. An item needs nothing, and has left only once it has its place.
    if (task.node && task.needs.length > 0) leaveNeeds(task, turn);
    endTask(task, skip ? "markedSkipped" : "markedSucceeded", turn);
  }
  passOn(turn);
}

/** What is wrong with the output, where its map cannot take it. */
function takeOutput(task: TaskRecord, given: Pick<MarkEvent, "output" | "outputRef">): string | undefined {
  try {
    if (reduceOutput(task, given)) return undefined;
  } catch (error) {
    if (!(error instanceof UnreducibleOutput)) throw error;
    return `each.reduce: ${error.message}`;
  }
  const { output = null, outputRef } = given;
  if (task.holders > 0) task.output = outputRef === undefined ? { value: output } : { ref: outputRef };
  return undefined;
}
