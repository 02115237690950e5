import type { TaskError } from "../core/error.ts";
import type { Json } from "../core/json.ts";
import { stateOf, type TaskRecord } from "./task-record.ts";

/**
 * What takes the failure of a task that its retries have not: a value in place of its output, or more attempts, of another
 * type. Attempts go on counting, so that none is taken for one of those before.
 */

/** Whether the fallback of the task takes this failure. Past the deadline only a value does, since it takes no time. */
export function takesFailure(task: TaskRecord, error: TaskError | undefined, isLate: boolean): boolean {
  const { node, run } = task;
  // Of a map it is that of each item.
  if (!node?.stated.fallback || node.stated.each || node.hasFallenBack) return false;
  if (error?.kind === "cancelled" || run.marks?.has(task)) return false;
  return !isLate || node.stated.fallback.value !== undefined;
}

/** Makes the task what its fallback says. Its children, if it had any, are not its own any more. */
export function fallBack(task: TaskRecord): void {
  const node = task.node!;
  const { type, input } = node.stated.fallback!;
  const { priority } = task.spec;
  node.hasFallenBack = true;
  node.answers = undefined;
  node.items = undefined;
  if (type !== undefined)
    task.spec = { type, ...(input !== undefined && { input }), ...(priority !== undefined && { priority }) };
  if (task.children) task.run.hasReplanted = true;
  task.children = undefined;
  task.failedAt = undefined;
}

/** The value in place of the output, if that is what the task has come to. It may be a template. */
export function replacementOf(task: TaskRecord): Json | undefined {
  const { node, output } = task;
  if (!node?.hasFallenBack || output || stateOf(task) !== "succeeded") return undefined;
  return node.stated.fallback!.value;
}
