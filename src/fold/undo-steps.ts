import { breaksPlan } from "./plan-node.ts";
import { replans } from "./replan-limit.ts";
import { isFinal, isLater, stateOf, type TaskRecord } from "./task-record.ts";

/**
 * What is to be done before a task ends, and whether it is for that task to do it: the smallest subtree whose failure is
 * taken is undone, before what takes the failure starts. The plans of that subtree run what they say at their end.
 */

export interface UnwindingStep {
  readonly what: "undo" | "finally";
  /** Whose effects are undone, or whose plan runs what it says. */
  readonly task: TaskRecord;
}

export interface Unwinding {
  /** In the order in which they are carried out, one after the other. */
  readonly steps: readonly UnwindingStep[];
  readonly extent: Extent;
  /** How many of them are done. */
  done: number;
}

/** How much of a subtree is undone: all of it has failed, or was stopped; or it ends well, and only what was stopped in it tidies up. */
export type Extent = "all" | "stopped";

/** Whether something is to be done before the task ends. */
export const hasSteps = (task: TaskRecord, extent: Extent): boolean =>
  task.run.isUndoable && !stepsIn(task, extent).next().done;

/**
 * Latest first. A plan was opened before all that is in it, and so comes after that; whatever is in progress, since a task
 * further below had begun it, is waited for first.
 */
export function stepsOf(task: TaskRecord, extent: Extent): UnwindingStep[] {
  const rank = (step: UnwindingStep) => (laterOf(step) ? Number.POSITIVE_INFINITY : orderOf(step));
  return [...stepsIn(task, extent)].sort((a, b) => rank(b) - rank(a) || 0);
}

function* stepsIn(task: TaskRecord, extent: Extent): Generator<UnwindingStep> {
  const { node, children, run } = task;
  const isUndone = extent === "all" || run.unwindings.get(task)?.extent === "all";
  const { undo } = node ?? {};
  if (undo && (isUndone ? needsUndo(task) : isInProgress(undo.task))) yield { what: "undo", task };
  if (!children) return;
  if (children.plan?.checked.plan.finally && (!children.plan.cleanup || isInProgress(children.plan.cleanup)))
    yield { what: "finally", task };
  const below = isUndone ? "all" : "stopped";
  for (const child of children.all) yield* stepsIn(child, below);
}

/** What carries the step out; undefined before it has begun. */
export const laterOf = ({ what, task }: UnwindingStep): TaskRecord | undefined =>
  what === "undo" ? task.node!.undo!.task : task.children!.plan!.cleanup;

const orderOf = ({ what, task }: UnwindingStep): number =>
  what === "undo" ? task.node!.undo!.order : task.children!.plan!.order;

const isInProgress = (later: TaskRecord | undefined): boolean => later !== undefined && !isFinal(later);

function needsUndo({ node }: TaskRecord): boolean {
  const { hasEffects, task } = node!.undo!;
  return hasEffects && (task === undefined || !isFinal(task));
}

/** Whether the failure of the task goes no further than to what is around it: a join, or its plan, bears it. */
export function isTaken(task: TaskRecord): boolean {
  const { parent } = task;
  // An undo that fails is listed, and fails nothing.
  if (!parent || isLater(task)) return true;
  if (!task.node || stateOf(parent) !== "expanded") return false;
  return replans(parent, task.error) || !breaksPlan(task);
}
