import type { Json } from "../core/json.ts";
import { NO_TASKS, type Output, type TaskRecord } from "./task-record.ts";

/**
 * Outputs are kept only while somebody needs them: siblings that have yet to return, and the parent whose output is
 * made of them. What nobody holds is let go; the log still has it. Tasks that have failed or were cancelled hold on to
 * what they needed, until the run is forgotten: it may be redriven.
 */

/** Whether the parent's output contains this child's. The root's is the run's. */
export const makesParentsOutput = (task: TaskRecord): boolean => {
  const named = task.parent?.children?.output;
  return named === undefined || named === task;
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

function drop(task: TaskRecord): void {
  task.output = undefined;
  if (!task.children) return;
  for (const child of task.children.all) if (makesParentsOutput(child)) letGo(child);
}

/** The output of a task that has succeeded; of an expanded one, made of its children's. `load` fetches those kept elsewhere. */
export function outputOf(task: TaskRecord, load: (ref: string) => Json): Json {
  if (!task.children) {
    const { output } = task;
    if (!output) throw new Error(`the output of ${task.id} is no longer held`);
    return "ref" in output ? load(output.ref) : output.value;
  }
  const { all, output } = task.children;
  if (output) return outputOf(output, load);
  const outputs: Record<string, Json> = {};
  for (const child of all) outputs[child.key] = outputOf(child, load);
  return outputs;
}

/** Where a task's output stands as it is, if it is in one place; undefined when it has to be put together. */
export function soleOutput(task: TaskRecord): Output | undefined {
  if (!task.children) return task.output;
  const { output } = task.children;
  return output && soleOutput(output);
}

/** Whether {@link outputOf} would have to load anything. */
export function holdsRef(task: TaskRecord): boolean {
  if (!task.children) return task.output !== undefined && "ref" in task.output;
  for (const child of task.children.all) if (makesParentsOutput(child) && holdsRef(child)) return true;
  return false;
}

/** The references that {@link outputOf} would load. */
export function* refsOf(task: TaskRecord): Generator<string> {
  if (!task.children) {
    if (task.output && "ref" in task.output) yield task.output.ref;
    return;
  }
  for (const child of task.children.all) if (makesParentsOutput(child)) yield* refsOf(child);
}
