import type { CheckedPlanV2 } from "../core/checked-plan.ts";
import { type JoinCounts, judge, judgeAtEnd, type Verdict } from "../core/join.ts";
import type { Json } from "../core/json.ts";
import type { PlannedTaskV2 } from "../core/plan-v2.ts";
import { type Children, isOfTheEnd, NO_TASKS, stateOf, type TaskRecord } from "./task-record.ts";

/** Of those that are joined, how many have come out in which way. Kept up to date, so that a verdict is constant work. */
export class Tally implements JoinCounts {
  succeeded = 0;
  failed = 0;
  skipped = 0;
  unfinished: number;

  constructor(size: number) {
    this.unfinished = size;
  }

  count(ending: Ending): void {
    this.unfinished--;
    this[ending]++;
  }
}

export type Ending = "succeeded" | "failed" | "skipped";

/** A task of a plan of version 2, as a node of that plan's graph. */
export interface PlanNode {
  readonly checked: CheckedPlanV2;
  /** Its place in `checked.keys`. */
  readonly index: number;
  readonly stated: PlannedTaskV2;
  /** What the output of the plan makes of it: nothing, a part that may be missing, or a part without which there is none. */
  readonly inOutput: "no" | "optional" | "required";
  /** Whether its failure is the plan's, whatever the join of the sinks says. */
  readonly breaks: boolean;
  /** How what it needs has come out. */
  needs: Tally;
  /** How many of those that need it have neither started nor ended. At 0 it is abandoned, unless it counts for the plan itself. */
  waitedBy: number;
  /** While it is blocked: log time, ms, at which its join has taken as long as it may; 0: not known yet, or never. */
  withinAt: number;
  /** While it is neither blocked nor over: log time, ms, at which it has taken as long as it may; 0: never. */
  deadlineAt: number;
  /** Whether it has started or ended, and its needs know. */
  hasLeft: boolean;
  /** The answers to its expressions, by their texts, once they were decided. */
  answers: { readonly [text: string]: Json } | undefined;
  /** Of a map: how many items it has, once that was decided. */
  items: number | undefined;
  /** Whether its fallback has taken its failure, and says what it is. */
  hasFallenBack: boolean;
  /** Of a map whose items have labels: these, by their places, once they were decided. */
  labels: readonly string[] | undefined;
  /** Of an item that is a plan which is sent: its input, once it was decided. */
  given: Json | undefined;
  /** Of the child of a map that reduces what its items came to: those that have an output. */
  reduces: readonly TaskRecord[] | undefined;
  /** Of a task that its plan says how to undo. */
  readonly undo: UndoState | undefined;
}

/** What there is to undo of a task. */
export interface UndoState {
  /** Its place among all that were opened in the run. */
  order: number;
  /** Whether it has succeeded, or an attempt was opened that is not known to have failed. */
  hasEffects: boolean;
  /** Whether it has succeeded, be it undone since. */
  hasOutput: boolean;
  /** What undoes that; undefined before it has begun. */
  task: TaskRecord | undefined;
}

/** How far a plan of version 2 has come. */
export interface PlanProgress {
  readonly checked: CheckedPlanV2;
  sinks: Tally;
  /** How many of those without which there is no output have not succeeded yet. */
  outstanding: number;
  /** While its task is expanded: log time, ms, at which the join of the sinks has taken as long as it may; 0: never. */
  withinAt: number;
  /** Its place among all that were opened in the run. */
  order: number;
  /** What the plan runs at its end; undefined before that has begun. */
  cleanup: TaskRecord | undefined;
  /** How often a change of it was asked for, and of whom last; why the last change was refused. */
  replans: number;
  replanner: TaskRecord | undefined;
  refused: string | undefined;
}

/** Whether the task counts for its plan itself, besides those that need it. */
export const countsForPlan = ({ checked, index, inOutput }: PlanNode): boolean =>
  inOutput !== "no" || checked.isSink(index);

/** Abandoned ones count for nothing. */
const endingOf = (task: TaskRecord): Ending | undefined => {
  switch (stateOf(task)) {
    case "succeeded":
      return "succeeded";
    case "skipped":
      return "skipped";
    case "failed":
    case "cancelled":
      return "failed";
    default:
      return undefined;
  }
};

/** Counts the end of a need. Returns what the join of the task says now. */
export function countNeed({ node }: TaskRecord, need: TaskRecord): Verdict {
  const { checked, index, needs } = node!;
  const join = checked.joinOf(index);
  let ending = endingOf(need);
  if (join.rule === "all") {
    if (ending === "failed" && isOptional(need)) ending = "skipped";
    if (ending === "skipped" && checked.bears(index, need.node!.index)) ending = "succeeded";
  }
  if (ending) needs.count(ending);
  return judge(join, needs);
}

/** When what a task waits for now, its join, that of its plan, or the answer to its wait, has taken as long as it may, log time, ms; 0: never. */
export function withinAtOf(task: TaskRecord): number {
  const state = stateOf(task);
  if (state === "blocked") return task.node?.withinAt ?? 0;
  if (state === "awaiting") return task.run.waits!.open.get(task)!.endsAt;
  return state === "expanded" ? (task.children?.plan?.withinAt ?? 0) : 0;
}

/** When the task has taken as long as it may, and what contains it, too, log time, ms; undefined: never. */
export function deadlineOf(task: TaskRecord): number | undefined {
  let deadline = Number.POSITIVE_INFINITY;
  let isBounded = true;
  for (let above: TaskRecord | undefined = task; above && isBounded; above = above.parent) {
    if (above.node?.deadlineAt) deadline = Math.min(deadline, above.node.deadlineAt);
    // What is undone has the time that it takes.
    isBounded = !isOfTheEnd(above);
  }
  if (isBounded) deadline = Math.min(deadline, task.run.deadline ?? Number.POSITIVE_INFINITY);
  return deadline === Number.POSITIVE_INFINITY ? undefined : deadline;
}

/** The verdict on the join that a task waits for now, when it has taken as long as it may. */
export function judgeInTime({ node, children, snapshot }: TaskRecord): "met" | "broken" {
  if (snapshot.value === "blocked") return judgeAtEnd(node!.checked.joinOf(node!.index));
  const { checked, outstanding } = children!.plan!;
  return outstanding > 0 ? "broken" : judgeAtEnd(checked.join);
}

/** What the join of a task says whose needs have all been counted. */
export const judgeNeeds = ({ node }: TaskRecord): Verdict => judge(node!.checked.joinOf(node!.index), node!.needs);

/**
 * Counts the end of a child for the plan. To a plan, what was skipped and an optional failure are neutral: where all sinks
 * are asked for, they count as if they had succeeded. A plan is not met before what its output must have is there.
 */
export function countChild({ plan }: Children, child: TaskRecord): Verdict {
  const { checked, sinks } = plan!;
  const { index, breaks, inOutput } = child.node!;
  let ending = endingOf(child);
  if (ending === "failed" && isOptional(child)) ending = "skipped";
  if (ending === "failed" && breaks) return "broken";
  // The check refuses an output without default of what may be skipped; but a plan that a worker returns may be skipped as a
  // whole, or a map of which too few items are left, and then there is no output to wait for.
  if (inOutput === "required" && ending === "skipped") return "skipped";
  if (inOutput === "required" && ending === "succeeded") plan!.outstanding--;
  if (checked.join.rule === "all" && ending === "skipped") ending = "succeeded";
  if (ending && checked.isSink(index)) sinks.count(ending);
  return judgePlan(plan!);
}

/** Whether the failure of the task, which is not counted yet, and those that follow from it would break its plan. */
export function breaksPlan(task: TaskRecord): boolean {
  const { plan } = task.parent!.children!;
  const { checked, sinks } = plan!;
  const failed = new Set([task]);
  const failures = new Map<TaskRecord, number>();
  let failedSinks = 0;
  // What is added is gone through as well.
  for (const one of failed) {
    const { node } = one;
    if (node!.breaks && !isOptional(one)) return true;
    if (checked.isSink(node!.index) && !isOptional(one)) failedSinks++;
    for (const dependent of one.dependents ?? NO_TASKS) {
      const join = checked.joinOf(dependent.node!.index);
      if (stateOf(dependent) !== "blocked" || (join.rule === "all" && isOptional(one))) continue;
      const count = (failures.get(dependent) ?? 0) + 1;
      failures.set(dependent, count);
      if (dependent.node!.stated.fallback) continue;
      if (judge(join, withFailures(dependent.node!.needs, count)) === "broken") failed.add(dependent);
    }
  }
  return judge(checked.join, withFailures(sinks, failedSinks)) === "broken";
}

const withFailures = ({ succeeded, failed, skipped, unfinished }: JoinCounts, more: number): JoinCounts => ({
  succeeded,
  skipped,
  failed: failed + more,
  unfinished: unfinished - more,
});

/** What the join of a plan says whose children have all been counted. */
export function judgePlan({ checked, sinks, outstanding }: PlanProgress): Verdict {
  const verdict = judge(checked.join, sinks);
  return verdict === "met" && outstanding > 0 ? "open" : verdict;
}

const isOptional = ({ node }: TaskRecord): boolean => node!.stated.optional === true;
