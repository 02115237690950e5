import type { CheckedPlanV2 } from "../core/checked-plan.ts";
import { ALL } from "../core/join.ts";
import type { PlannedTaskV2 } from "../core/plan-v2.ts";
import { isItem } from "./map-node.ts";
import { subtreeOf } from "./pauses.ts";
import type { PlanNode } from "./plan-node.ts";
import { uncount } from "./run-state.ts";
import type { TaskRecord } from "./task-record.ts";

/** How far a repetition has come. Its one child is the present round, called by its number: a number is not used twice. */
export interface Rounds {
  readonly number: number;
  /** Executions since the repetition began, this one included. */
  readonly executions: number;
}

export const isRound = (task: TaskRecord): boolean =>
  task.parent?.children?.rounds !== undefined && task.node !== undefined;

/** The task in whose plan a task stands: items of a map, and rounds of a repetition, stand where those do. */
export function planOf(task: TaskRecord): TaskRecord {
  const parent = task.parent!;
  return isItem(task) || isRound(task) ? planOf(parent) : parent;
}

/** What of a repetition is said of each round; all else is its own. */
export function roundStated({ stated, checked, index }: PlanNode): PlannedTaskV2 {
  const { type, plan, wait, each, input, when, retry, timeout, priority, limit, cache, replan } = stated;
  const fields = { type, plan, wait, each, input, retry, timeout, priority, limit, cache, replan };
  const asked = checked.asksItems(index) ? { ...fields, when } : fields;
  return Object.fromEntries(Object.entries(asked).filter(([, value]) => value !== undefined));
}

/** A round as a plan of one task. */
export function planOfRound({ checked, index }: PlanNode, key: string): CheckedPlanV2 {
  return {
    plan: { v: 2, tasks: {} },
    keys: [key],
    needsOf: () => [],
    bears: () => false,
    joinOf: () => ALL,
    sinks: [0],
    isSink: () => true,
    join: ALL,
    outputs: [],
    isKept: () => false,
    usesInput: checked.usesInput,
    asksItems: () => checked.asksItems(index),
    innerOf: () => checked.innerOf(index),
    expressions: checked.expressions,
  };
}

/**
 * Forgets a round that is over, with all that was in it: a repetition takes no more memory for being long. False: it is kept,
 * since something in it may have to be undone.
 */
export function forgetRound(round: TaskRecord): boolean {
  const tasks = [...subtreeOf(round)];
  if (round.run.isUndoable && tasks.some(({ node }) => node?.undo)) return false;
  const { tasks: known, usage, planted, marks, pauses, unwindings } = round.run;
  for (const task of tasks) {
    uncount(task);
    known.delete(task.id);
    for (const notes of [usage, planted, marks, pauses, unwindings]) notes?.delete(task);
  }
  return true;
}
