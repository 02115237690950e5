import type { CheckedPlanV2 } from "../core/checked-plan.ts";
import { ALL } from "../core/join.ts";
import type { Json } from "../core/json.ts";
import { REDUCE } from "../core/names.ts";
import { checkPlanV2 } from "../core/plan-v2-check.ts";
import type { Reducer } from "../core/reducer.ts";
import { ReductionTree } from "../core/reduction-tree.ts";
import { Tally } from "./plan-node.ts";
import { createNode, createTask } from "./planting.ts";
import { hasOutput, type TaskRecord } from "./task-record.ts";

/**
 * A map whose outputs are reduced by a task type: once its items are enough, it grows one more child, a plan of reducing
 * tasks, each of which takes at most `width` outputs, in a tree. The map's output is that of its root.
 */

type ByType = Extract<Reducer, { way: "type" }>;

/** Whether the map's items are enough, and what reduces them has not been grown yet. */
export const isToReduce = ({ children }: TaskRecord): boolean =>
  children?.map?.reducer.way === "type" && children.output === undefined;

/** Grows the child that reduces the outputs of the items which have one, in order. It has not started when this returns. */
export function plantReduction(map: TaskRecord): TaskRecord {
  const children = map.children!;
  const { type, width } = children.map!.reducer as ByType;
  const items = children.all.filter(hasOutput);
  const inner = checkedReduction(type, new ReductionTree(items.length, width), items.length);
  const checked = planOf(inner);
  const child = createTask(map.run, map, REDUCE, { type: "plan" });
  child.node = createNode(checked, 0, { stated: { plan: inner.plan }, inOutput: "required", breaks: true });
  child.node.reduces = items;
  if (map.holders > 0) child.holders++;
  const plan = { ...children.plan!, checked, sinks: new Tally(1), outstanding: 1, withinAt: 0 };
  map.children = { ...children, all: [...children.all, child], output: child, plan };
  return child;
}

/** The reducing tasks as a plan, by their places in the tree: those of the first level are given items, which no reference leads to. */
function checkedReduction(type: string, tree: ReductionTree, items: number): CheckedPlanV2 {
  const tasks: Record<string, { type: string; input?: Json }> = {};
  for (let task = items; task < tree.size; task++) {
    const { from, to } = tree.inputsOf(task);
    const inputs = Array.from({ length: to - from }, (_, i) => ({ $ref: keyOf(from + i - items) }));
    tasks[keyOf(task - items)] = from < items || items === 0 ? { type } : { type, input: { items: inputs } };
  }
  return checkPlanV2({ v: 2, tasks, output: keyOf(tree.root - items) }, { depth: 0 }) as CheckedPlanV2;
}

const keyOf = (place: number): string => `r${place}`;

/** The map's plan from then on: it has the child that reduces, and no other. */
const planOf = (inner: CheckedPlanV2): CheckedPlanV2 => ({
  plan: { v: 2, tasks: {} },
  keys: [REDUCE],
  needsOf: () => [],
  bears: () => false,
  joinOf: () => ALL,
  sinks: [0],
  isSink: () => true,
  join: ALL,
  outputs: [],
  isKept: () => false,
  usesInput: false,
  asksItems: () => false,
  innerOf: () => inner,
  expressions: new Map(),
});
