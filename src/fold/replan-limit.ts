import type { TaskError } from "../core/error.ts";
import { stateOf, type TaskRecord } from "./task-record.ts";

/** Whether a change of its plan is asked for before the task fails by this. */
export function replans(task: TaskRecord, error: TaskError | undefined): boolean {
  const { node, children } = task;
  const plan = children?.plan;
  if (!plan || !node?.stated.replan || node.hasFallenBack || error?.kind === "cancelled") return false;
  // The plan of a repetition is its round, which has that option itself.
  if (children.map || children.rounds) return false;
  return stateOf(task) === "expanded" && plan.replans < timesOf(task);
}

/** How often a change of the task's plan is asked for at most, refused ones included. */
export const timesOf = ({ node }: TaskRecord): number => {
  const { replan } = node!.stated;
  return typeof replan === "string" ? 1 : (replan!.times ?? 1);
};
