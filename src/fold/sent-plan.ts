import { isItem } from "./map-node.ts";
import { isLater, type TaskRecord } from "./task-record.ts";

/** Whether the task is a plan that it was sent as its input, for the owner to carry out. */
export const isSentPlan = (task: TaskRecord): boolean => {
  const { node, parent, spec, run } = task;
  return (
    spec.type === "plan" &&
    (node ? node.hasFallenBack || node.stated.type !== undefined : parent ? isLater(task) : run.submitted.v > 1)
  );
};

/** Whether the task is an item of a map, and a plan that is sent: what it is given is read for it and put into the log, so that it can be folded. */
export const isSentItem = (task: TaskRecord): boolean =>
  isItem(task) && task.node!.stated.type === "plan" && !task.node!.hasFallenBack;
