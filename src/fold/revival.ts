import { recountItems, startable } from "./map-node.ts";
import { countChild, countNeed, judgeNeeds, type PlanNode, Tally } from "./plan-node.ts";
import { uncount } from "./run-state.ts";
import { type Children, isFinal, stateOf, type TaskRecord } from "./task-record.ts";

/** What a redrive does to a task: an event of its chart, or its start, where its needs turn out to be met. */
export interface Revival {
  readonly task: TaskRecord;
  readonly event: "redriven" | "childrenRedriven" | "needsRedriven" | "start";
}

/**
 * Of a run that has failed, the failures behind the cause go on, and what they had stopped; nothing else was to end there.
 * Each is to be carried out before the next is asked for. Parents come before their children, so that none of them takes an
 * old failure for a new one.
 */
export function* revivals(task: TaskRecord, siblings: ReadonlySet<TaskRecord> = NONE): Generator<Revival> {
  reset(task);
  const { children } = task;
  if (!children) return yield { task, event: isOpenedAgain(task, siblings) ? "redriven" : "needsRedriven" };
  // Its rounds were not enough: it begins again.
  if (children.rounds && !children.all.some(isStopped)) return yield { task, event: "needsRedriven" };
  yield { task, event: "childrenRedriven" };
  const stopped = children.plan ? findStopped(counted(children)) : NONE;
  for (const child of children.plan ? stopped : children.all) if (isStopped(child)) yield* revivals(child, stopped);
  if (!children.plan) return;
  recount(task);
  if (children.map) {
    recountItems(task);
    for (const item of startable(task)) yield { task: item, event: "start" };
    return;
  }
  for (const child of children.all)
    if (stateOf(child) === "blocked" && judgeNeeds(child) === "met") yield { task: child, event: "start" };
}

/** Those that count for the plan now: of a map whose items are reduced by tasks, what reduces them. */
const counted = ({ all, plan }: Children): readonly TaskRecord[] =>
  all.filter(({ node }) => node!.checked === plan!.checked);

const NONE: ReadonlySet<TaskRecord> = new Set();

/** Whether it goes on with a new attempt; else it begins again with its needs, as a wait does. `siblings` are those that go on as well. */
const isOpenedAgain = (task: TaskRecord, siblings: ReadonlySet<TaskRecord>): boolean =>
  task.node
    ? task.openedAt > 0 && !isWait(task.node) && !task.needs.some((need) => siblings.has(need))
    : task.missing === 0;

const isWait = ({ stated, hasFallenBack }: PlanNode): boolean => stated.wait !== undefined && !hasFallenBack;

const isStopped = (task: TaskRecord): boolean => STOPPED.has(stateOf(task));
const STOPPED: ReadonlySet<string> = new Set(["failed", "cancelled", "abandoned"]);

export function reset(task: TaskRecord): void {
  uncount(task);
  const plan = task.children?.plan;
  if (plan?.cleanup) {
    plan.cleanup = undefined;
    task.run.hasReplanted = true;
  }
  // A value has no attempts: what it was to replace is tried again.
  if (task.node?.stated.fallback?.value !== undefined) task.node.hasFallenBack = false;
  task.error = undefined;
  task.run.marks?.delete(task);
  // What it waits for is decided again.
  if (task.node && isWait(task.node)) task.node.answers = undefined;
  task.failedAt = undefined;
  task.losses = undefined;
  task.endedAt = 0;
}

/** In a plan of version 2: the failures that broke it, those that broke the tasks which failed by others, and what was stopped then. */
function findStopped(all: readonly TaskRecord[]): ReadonlySet<TaskRecord> {
  const found = new Set(all.filter(isBehindTheEnd));
  // What is added is gone through as well.
  for (const task of found) {
    const isBroken = (task.failedAt !== undefined || task.openedAt === 0) && !task.children;
    if (!isBroken && stateOf(task) !== "abandoned") continue;
    for (const need of task.needs) if (isStopped(need) && !need.node!.stated.optional) found.add(need);
  }
  return found;
}

function isBehindTheEnd(task: TaskRecord): boolean {
  const { checked, index, breaks, stated } = task.node!;
  if (stateOf(task) === "cancelled") return true;
  return stateOf(task) === "failed" && !stated.optional && (breaks || checked.isSink(index));
}

/** Counts again what counts, once all that goes on has been set back. */
export function recount({ children }: TaskRecord): void {
  const { plan } = children!;
  const all = counted(children!);
  plan!.sinks = new Tally(plan!.checked.sinks.length);
  plan!.outstanding = 0;
  for (const task of all) {
    const node = task.node!;
    node.needs = new Tally(node.checked.needsOf(node.index).length);
    node.hasLeft = stateOf(task) !== "blocked";
    node.waitedBy = (task.dependents ?? []).filter((one) => stateOf(one) === "blocked").length;
    if (node.inOutput === "required") plan!.outstanding++;
  }
  for (const task of all) {
    for (const need of task.needs) if (isFinal(need)) countNeed(task, need);
    if (isFinal(task)) countChild(children!, task);
  }
}
