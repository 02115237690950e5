import type { CheckedPlanV2 } from "../core/checked-plan.ts";
import type { Result } from "../core/event.ts";
import { ALL, findExcess, readJoin } from "../core/join.ts";
import type { Json } from "../core/json.ts";
import type { MapItems } from "../core/map-items.ts";
import { PLAN_LIMITS } from "../core/plan.ts";
import type { PlannedTaskV2 } from "../core/plan-v2.ts";
import { isFolded, type Reducer, Tally as Reduction, readReducer, UnreducibleOutput } from "../core/reducer.ts";
import { templateOfSent } from "../core/sent-template.ts";
import { visitTemplate } from "../core/template.ts";
import type { PlanNode } from "./plan-node.ts";
import { isFinal, stateOf, type TaskRecord } from "./task-record.ts";

/** How far a map has come. Its children are its items, by their places. */
export interface MapProgress {
  readonly reducer: Reducer;
  /**
   * What is folded as results arrive; undefined where outputs are kept and put together at the end. Items that were expanded
   * come to it at the end, too: what they come to may be made of what the map was given, which the fold does not have.
   */
  readonly reduction: Reduction | undefined;
  /** Items at once. */
  readonly concurrency: number;
  running: number;
  /** The first item that has not been looked at yet whether it can start. */
  next: number;
  /** What it is over, once that was read. Not a part of the state: it is read again where it is not there. */
  items: MapItems | undefined;
  /** Whether the input of an item is made of nothing but the item. */
  readonly needsItemsOnly: boolean;
}

/** An item's input where none is stated: the item. */
export const WHOLE_ITEM: Json = { $item: "" };

export const isItem = (task: TaskRecord): boolean => {
  const children = task.parent?.children;
  // A map has a child as its output where that reduces what the items came to.
  return children?.map !== undefined && children.output !== task;
};

/** Which items' outputs a task is given that reduces them; undefined for any other task. */
export function reducedBy({ parent, node }: TaskRecord): readonly TaskRecord[] | undefined {
  const items = parent?.node?.reduces;
  const reducer = items && parent!.parent!.children!.map!.reducer;
  if (reducer?.way !== "type") return undefined;
  const first = node!.index * reducer.width;
  return node!.index === 0 || first < items!.length ? items!.slice(first, first + reducer.width) : undefined;
}

/** What of a map is said of each of its items. */
export function itemStated({ stated, checked, index }: PlanNode): PlannedTaskV2 {
  const { type, plan, input = WHOLE_ITEM, when, retry, timeout, priority, limit, cache, fallback, compensate } = stated;
  const fields = { type, plan, input, retry, timeout, priority, limit, cache, fallback, compensate };
  const asked = checked.asksItems(index) ? { ...fields, when } : fields;
  return Object.fromEntries(Object.entries(asked).filter(([, value]) => value !== undefined));
}

/** The items of a map as a plan: none of them needs another, and all of them count. */
export function planOfItems({ stated, checked, index }: PlanNode, size: number): CheckedPlanV2 {
  const keys = Array.from({ length: size }, (_, item) => String(item));
  return {
    plan: { v: 2, tasks: {} },
    keys,
    needsOf: () => NONE,
    bears: () => false,
    joinOf: () => ALL,
    sinks: [...keys.keys()],
    isSink: () => true,
    join: readJoin(stated.each!.join),
    outputs: [],
    isKept: () => false,
    usesInput: checked.usesInput,
    asksItems: () => false,
    innerOf: () => checked.innerOf(index),
    expressions: checked.expressions,
  };
}
const NONE: readonly number[] = [];

export function createProgress({ stated }: PlanNode): MapProgress {
  const reducer = readReducer(stated.each!.reduce);
  const { input: inputOfItems = WHOLE_ITEM } = stated;
  return {
    reducer,
    reduction: isFolded(reducer) ? new Reduction(reducer) : undefined,
    concurrency: stated.each!.concurrency ?? Number.POSITIVE_INFINITY,
    running: 0,
    next: 0,
    items: undefined,
    needsItemsOnly: needsItemsOnly(stated.type === "plan" ? templateOfSent(inputOfItems) : inputOfItems),
  };
}

function needsItemsOnly(input: Json): boolean {
  let isOnly = true;
  visitTemplate(input, {
    found({ word }) {
      if (word !== "$item" && word !== "$index") isOnly = false;
    },
    malformed() {},
    tooDeep() {},
  });
  return isOnly;
}

/**
 * Adds what an attempt of an item has returned to what its map comes to, where outputs are not kept. False: they are kept.
 * Throws an `UnreducibleOutput`.
 */
export function reduceOutput(
  { parent }: TaskRecord,
  { output, outputRef }: Pick<Result, "output" | "outputRef">,
): boolean {
  const map = parent?.children?.map;
  if (!map?.reduction) return false;
  const { way, pointer } = map.reducer as Parameters<typeof isFolded>[0] & { readonly pointer: string };
  // One that is stored apart is something, whatever it is.
  const isCounted = way === "count" && pointer === "";
  if (outputRef !== undefined && !isCounted)
    throw new UnreducibleOutput(
      `${way}: expected an output that travels in its result, received one from the object store`,
    );
  map.reduction.add(outputRef === undefined ? (output as Json) : true);
  return true;
}

/** What is wrong with a map of so many items, if anything is. */
export function findMapProblem({ stated }: PlanNode, size: number): string | undefined {
  if (size > PLAN_LIMITS.tasks) return `each: expected at most ${PLAN_LIMITS.tasks} items, received ${size}`;
  const excess = findExcess(readJoin(stated.each!.join), size);
  return excess && `each.join: expected ${excess.expected}, received ${excess.received}`;
}

/** The items that can start now, one after the other: each is to be started before the next is asked for. */
export function* startable({ children }: TaskRecord): Generator<TaskRecord> {
  const { all, map } = children!;
  while (map!.next < all.length && map!.running < map!.concurrency) {
    const item = all[map!.next++]!;
    if (stateOf(item) !== "blocked") continue;
    map!.running++;
    // It has its place now, and keeps it while it is paused itself.
    item.node!.hasLeft = true;
    yield item;
  }
}

/** Counts again which items are at work, once all that goes on has been set back. */
export function recountItems({ children }: TaskRecord): void {
  const { all, map } = children!;
  map!.next = 0;
  map!.running = all.filter((item) => !isFinal(item) && stateOf(item) !== "blocked").length;
}
