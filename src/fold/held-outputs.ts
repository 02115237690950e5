import { NO_TASKS, type TaskRecord } from "./task-record.ts";

/**
 * Outputs are kept only while something needs them: siblings that have yet to return, and the parent whose output is
 * made of them. What nothing holds is let go; the log still has it. Tasks that have failed or were cancelled hold on to
 * what they needed, until the run is forgotten: it may be redriven. So do tasks with a plan of version 2, which may refer to
 * what its task was given.
 */

/** Whether the parent's output contains this child's. The root's is the run's. */
export const makesParentsOutput = (task: TaskRecord): boolean => {
  const children = task.parent?.children;
  if (children?.template !== undefined) return task.node!.inOutput !== "no";
  return children?.output === undefined || children.output === task;
};

/** One of those that hold the task's output is done with it. */
function letGo(task: TaskRecord): void {
  if (task.holders > 0 && --task.holders === 0) drop(task);
}

/** A task that has returned needs its siblings' outputs no longer: retry applies to handlers only. */
export function releaseNeeds(task: TaskRecord): void {
  for (const need of task.needs) letGo(need);
  task.needs = NO_TASKS;
}

/**
 * Whether what a task was given, which has succeeded, is read once more: the output of its plan may be made of that, and so may
 * the values that stand for outputs in it, and what undoes it.
 */
export const mayBeReadAgain = ({ run, children, node }: TaskRecord): boolean =>
  children?.plan !== undefined &&
  (run.isUndoable || children.plan.checked.usesInput || node?.stated.fallback?.value !== undefined);

function drop(task: TaskRecord): void {
  task.output = undefined;
  if (!task.children) return;
  for (const child of task.children.all) if (makesParentsOutput(child)) letGo(child);
}

/** The items of a map whose outputs were reduced by tasks are needed no longer. */
export function releaseItems({ children }: TaskRecord): void {
  if (children?.map?.reducer.way !== "type") return;
  for (const child of children.all) if (child !== children.output) letGo(child);
}
