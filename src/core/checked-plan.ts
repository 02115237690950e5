import type { Expression } from "./expression.ts";
import { type Join, quorumOf } from "./join.ts";
import type { InnerPlan } from "./plan-v2.ts";

/**
 * A plan of version 2 that is right, and what its check has found out: to go through a large one again takes as long.
 * Tasks are named by their places in `keys`.
 */
export interface CheckedPlanV2 {
  /** Durations are milliseconds. */
  readonly plan: InnerPlan & { readonly v: 2 };
  readonly keys: readonly string[];
  /** The siblings that a task waits for, each once: those in `needs` first. */
  readonly needsOf: (task: number) => readonly number[];
  /** Whether a task bears that this need is skipped: all that it says of it are references with defaults, and outcomes. */
  readonly bears: (task: number, need: number) => boolean;
  /** When what a task needs is enough. */
  readonly joinOf: (task: number) => Join;
  /** Those that nobody needs, in order. */
  readonly sinks: readonly number[];
  readonly isSink: (task: number) => boolean;
  /** When the sinks are enough. */
  readonly join: Join;
  /** What `output` names, each once: never abandoned. `breaks`: its failure is the plan's, an outcome's is not. */
  readonly outputs: readonly { readonly task: number; readonly breaks: boolean }[];
  /** Whether something that comes later (a fallback, an undo, `finally`, `repeat`) refers to a task's output: it has to be kept. */
  readonly isKept: (task: number) => boolean;
  /** Whether anything refers to the input that the plan was given: it has to be kept. */
  readonly usesInput: boolean;
  /** Whether the `when` of a map is asked for each of its items. */
  readonly asksItems: (task: number) => boolean;
  /** The plan inside a task, checked. */
  readonly innerOf: (task: number) => CheckedPlanV2 | undefined;
  /** Every expression of the plan, by its text; those of plans inside are theirs. */
  readonly expressions: ReadonlyMap<string, Expression>;
}

/** The edges of a plan, as far as it is asked here what may be skipped. */
export interface SkipGraph {
  readonly size: number;
  readonly needsOf: (task: number) => readonly number[];
  readonly bears: (task: number, need: number) => boolean;
  readonly joinOf: (task: number) => Join;
  /** Whether its own condition may skip it. */
  readonly hasCondition: (task: number) => boolean;
  readonly isOptional: (task: number) => boolean;
}

/**
 * Which tasks may end without an output although nothing breaks: those that may be skipped, by their own condition or by
 * what they need, and optional ones, which may fail. Linear, whether there are cycles or not.
 */
export function findOptionalOutputs(graph: SkipGraph): (task: number) => boolean {
  const { size, needsOf, bears, joinOf, hasCondition, isOptional } = graph;
  const dependents = dependentsOf(graph);
  const maySkip = new Uint8Array(size);
  /** For each task, how many of its needs may be skipped. */
  const missing = new Uint32Array(size);
  const found: number[] = [];
  const skip = (task: number): void => {
    if (maySkip[task]) return;
    maySkip[task] = 1;
    found.push(task);
  };
  const spreadThroughAll = (task: number): void => {
    for (const dependent of dependents(task))
      if (joinOf(dependent).rule === "all" && !bears(dependent, task)) skip(dependent);
  };
  for (let task = 0; task < size; task++) {
    if (hasCondition(task)) skip(task);
    // To those that need all of their needs, an optional failure is as a skip.
    if (isOptional(task)) spreadThroughAll(task);
  }
  for (let task = found.pop(); task !== undefined; task = found.pop()) {
    spreadThroughAll(task);
    for (const dependent of dependents(task)) {
      const join = joinOf(dependent);
      if (join.rule !== "quorum") continue;
      const needs = needsOf(dependent).length;
      if (needs - ++missing[dependent]! < quorumOf(join, needs)) skip(dependent);
    }
  }
  return (task) => maySkip[task] === 1 || isOptional(task);
}

function dependentsOf({ size, needsOf }: SkipGraph): (task: number) => readonly number[] {
  const lists: number[][] = Array.from({ length: size }, () => []);
  for (let task = 0; task < size; task++) for (const need of needsOf(task)) lists[need]!.push(task);
  return (task) => lists[task]!;
}
