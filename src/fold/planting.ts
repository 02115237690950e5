import type { CheckedPlanV2 } from "../core/checked-plan.ts";
import type { Json } from "../core/json.ts";
import { childOf, ROOT } from "../core/names.ts";
import type { CheckedPlan } from "../core/plan-check.ts";
import type { PlannedTaskV2 } from "../core/plan-v2.ts";
import { DEFAULT_RETRY } from "../core/policy.ts";
import { visitTemplate } from "../core/template.ts";
import { notePlanted } from "./budget.ts";
import { makesParentsOutput, releaseNeeds } from "./held-outputs.ts";
import { createProgress, itemStated, planOfItems } from "./map-node.ts";
import { type PlanNode, Tally, type UndoState } from "./plan-node.ts";
import { forgetRound, planOfRound, roundStated } from "./rounds.ts";
import { type RunState, uncount } from "./run-state.ts";
import { firstSnapshot } from "./steps.ts";
import { attemptOf, NO_TASKS, type TaskRecord, type TaskSpec } from "./task-record.ts";

/** Grows the children of a task from its plan. None of them has started when this returns. */

export function createTask(run: RunState, parent: TaskRecord | undefined, key: string, spec: TaskSpec): TaskRecord {
  const id = parent ? childOf(parent.id, key) : ROOT;
  const task: TaskRecord = {
    run,
    id,
    key,
    parent,
    spec,
    snapshot: firstSnapshot(spec.retry?.attempts ?? DEFAULT_RETRY.attempts, run.hasReplanted ? replace(run, id) : 0),
    needs: NO_TASKS,
    missing: 0,
    node: undefined,
    dependents: undefined,
    children: undefined,
    output: undefined,
    holders: 0,
    error: undefined,
    failedAt: undefined,
    openedAt: 0,
    endedAt: 0,
    startedAt: 0,
    worker: undefined,
    dueAt: 0,
    deferral: undefined,
    losses: undefined,
  };
  run.tasks.set(task.id, task);
  return task;
}

/** Attempts of a task of that id which is not there any more: those of the one in its place go on from there. */
function replace(run: RunState, id: string): number {
  const before = run.tasks.get(id);
  if (!before) return 0;
  uncount(before);
  return attemptOf(before);
}

export function plant(task: TaskRecord, checked: CheckedPlan | CheckedPlanV2): void {
  notePlanted(task, checked.keys.length);
  if ("sinks" in checked) plantV2(task, checked);
  else plantV1(task, checked);
}

function plantV1(task: TaskRecord, { plan, keys, needsOf }: CheckedPlan): void {
  const all = keys.map((key) => createTask(task.run, task, key, plan.tasks[key]!));
  const output = plan.output === undefined ? undefined : task.run.tasks.get(childOf(task.id, plan.output));
  task.children = { all, remaining: all.length, output, template: undefined, plan: undefined, map: undefined };
  releaseNeeds(task);
  for (let i = 0; i < all.length; i++) {
    const child = all[i]!;
    const needed = needsOf(i);
    holdForParent(child);
    if (needed.length === 0) continue;
    child.missing = needed.length;
    connect(child, needed, all);
  }
}

/**
 * What the task itself was given is kept: its plan may refer to it, and so may a plan further below. `kept`: children that the
 * task has already and goes on with, where its plan was changed.
 */
export function plantV2(
  task: TaskRecord,
  checked: CheckedPlanV2,
  kept: ReadonlyMap<string, TaskRecord> = NO_CHILDREN,
): void {
  const { plan, keys, needsOf, isKept, sinks } = checked;
  const { output } = plan;
  const parts = partsOfOutput(checked);
  if (isUndoable(plan)) task.run.isUndoable = true;
  const breaking = new Set(checked.outputs.flatMap(({ task, breaks }) => (breaks ? [task] : [])));
  // Of a sink that may be missing in the output, the join decides.
  const breaksPlan = (index: number, inOutput: PlanNode["inOutput"]) =>
    inOutput === "required" || (breaking.has(index) && !checked.isSink(index));
  const all = keys.map((key, index) => {
    const stated = plan.tasks[key]!;
    const before = kept.get(key);
    const child = before ?? createTask(task.run, task, key, specOf(stated));
    const inOutput = parts.get(key) ?? "no";
    child.needs = NO_TASKS;
    child.dependents = undefined;
    const breaks = breaksPlan(index, inOutput);
    const node = createNode(checked, index, { stated, inOutput, breaks });
    child.node = before ? { ...node, ...before.node, checked, index, inOutput, breaks } : node;
    return child;
  });
  task.children = {
    all,
    remaining: 0,
    output: typeof output === "string" ? task.run.tasks.get(childOf(task.id, output)) : undefined,
    template: typeof output === "object" ? (output as Json) : undefined,
    plan: {
      checked,
      sinks: new Tally(sinks.length),
      withinAt: 0,
      order: ++task.run.opened,
      cleanup: undefined,
      ...NOT_REPLANNED,
      outstanding: [...parts.values()].filter((part) => part === "required").length,
    },
    map: undefined,
  };
  for (let i = 0; i < all.length; i++) {
    const child = all[i]!;
    holdForParent(child);
    // A change of the plan may refer to anything.
    if (isKept(i) || task.node?.stated.replan) child.holders++;
    const needed = needsOf(i);
    if (needed.length > 0) connect(child, needed, all);
  }
  for (const { node, dependents } of all) node!.waitedBy = dependents?.length ?? 0;
}

const NO_CHILDREN: ReadonlyMap<string, TaskRecord> = new Map();
const NOT_REPLANNED = { replans: 0, replanner: undefined, refused: undefined };

/** A task of a plan, before anything has happened to it. */
export const createNode = (
  checked: CheckedPlanV2,
  index: number,
  { stated, inOutput, breaks }: Pick<PlanNode, "stated" | "inOutput" | "breaks">,
): PlanNode => ({
  checked,
  index,
  stated,
  inOutput,
  breaks,
  needs: new Tally(checked.needsOf(index).length),
  waitedBy: 0,
  withinAt: 0,
  deadlineAt: 0,
  hasLeft: false,
  answers: undefined,
  items: undefined,
  hasFallenBack: false,
  labels: undefined,
  given: undefined,
  reduces: undefined,
  undo: undoOf(stated),
});

/** Of a map it is that of each item. */
const undoOf = ({ compensate, each }: PlannedTaskV2): UndoState | undefined =>
  compensate && !each ? { order: 0, hasEffects: false, hasOutput: false, task: undefined } : undefined;

/** Whether the plan says how a task of it is undone, or what runs at its end; those inside say it themselves. */
const isUndoable = ({ tasks, finally: last }: CheckedPlanV2["plan"]): boolean =>
  last !== undefined || Object.values(tasks).some(({ compensate }) => compensate !== undefined);

/** One that no worker executes is shown as what it is, a plan or a wait. */
const specOf = (stated: PlannedTaskV2): TaskSpec =>
  stated.type === undefined
    ? { ...stated, type: stated.wait ? "wait" : "plan" }
    : (stated as PlannedTaskV2 & { readonly type: string });

/** Grows the items of a map. None of them has started when this returns. */
export function plantItems(task: TaskRecord, size: number): void {
  notePlanted(task, size);
  const node = task.node!;
  const checked = planOfItems(node, size);
  const stated = itemStated(node);
  const spec = specOf(stated);
  const map = createProgress(node);
  // What tasks reduce is kept for them.
  const isKept = task.holders > 0 || map.reducer.way === "type";
  const all = checked.keys.map((key, index) => {
    const child = createTask(task.run, task, key, spec);
    child.node = createNode(checked, index, { stated, inOutput: "optional", breaks: false });
    if (isKept) child.holders++;
    return child;
  });
  const plan = {
    checked,
    sinks: new Tally(size),
    outstanding: 0,
    withinAt: 0,
    order: 0,
    cleanup: undefined,
    ...NOT_REPLANNED,
  };
  task.children = { all, remaining: 0, output: undefined, template: undefined, plan, map };
}

/** Grows the next round of a repetition. It has not started when this returns. */
export function plantRound(task: TaskRecord, isFirst: boolean): TaskRecord {
  const { children, run } = task;
  const number = (children?.rounds?.number ?? -1) + 1;
  const executions = isFirst ? 1 : children!.rounds!.executions + 1;
  const kept = (children?.all ?? NO_TASKS).filter((round) => !forgetRound(round));
  const node = task.node!;
  notePlanted(task, 1);
  // Each round may have done something.
  if (node.undo) node.undo.hasEffects = true;
  const stated = roundStated(node);
  const checked = planOfRound(node, String(number));
  const round = createTask(run, task, String(number), specOf(stated));
  round.node = createNode(checked, 0, { stated, inOutput: "optional", breaks: false });
  if (task.holders > 0) round.holders++;
  task.children = {
    all: [...kept, round],
    remaining: 0,
    output: round,
    template: undefined,
    plan: {
      checked,
      sinks: new Tally(1),
      outstanding: 0,
      withinAt: 0,
      order: ++run.opened,
      cleanup: undefined,
      ...NOT_REPLANNED,
    },
    map: undefined,
    rounds: { number, executions },
  };
  return round;
}

/** What the output of a plan is made of. Where it has a default for a part, or asks only how it came out, it can do without. */
function partsOfOutput({
  plan: { output },
  outputs,
  keys,
  expressions,
}: CheckedPlanV2): Map<string, "optional" | "required"> {
  const parts = new Map<string, "optional" | "required">();
  for (const { task } of outputs) parts.set(keys[task]!, "optional");
  if (typeof output === "string") parts.set(output, "required");
  else if (output)
    visitTemplate(output as Json, {
      found(word) {
        if (word.word === "$ref" && word.key !== "" && !("default" in word)) parts.set(word.key, "required");
        const mentions = word.word === "$expr" ? expressions.get(word.text)?.mentions : undefined;
        for (const mention of mentions ?? []) if (mention.what === "output") parts.set(mention.key, "required");
      },
      malformed() {},
      tooDeep() {},
    });
  return parts;
}

/** An output that nobody needs is not kept in parts either. */
function holdForParent(child: TaskRecord): void {
  if (child.parent!.holders > 0 && makesParentsOutput(child)) child.holders++;
}

function connect(child: TaskRecord, needed: readonly number[], all: readonly TaskRecord[]): void {
  child.needs = needed.map((index) => all[index]!);
  for (const need of child.needs) {
    need.holders++;
    // Most have one alone, and an array that was pushed to has room for many.
    if (need.dependents) need.dependents.push(child);
    else need.dependents = [child];
  }
}
