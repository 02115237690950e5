import { ROOT } from "../../src/core/names.ts";
import { applyEvent } from "../../src/fold/apply.ts";
import { FoldedRun } from "./folded-run.ts";

const PER_MESSAGE = 100;

/** The fold of a plan of `count` children (in hundreds), that all are needed by one more, and of the results of all. */
export function prepareWideFold(count: number): () => void {
  const run = new FoldedRun();
  const keys = Array.from({ length: count }, (_, i) => `part-${i}`);
  const parts = keys.map((key, i) => [key, { type: "part", input: { i } }] as const);
  const sum = { type: "sum", input: keys.map((key) => ({ $ref: `${key}#/i` })) };
  const plan = { v: 1, tasks: Object.fromEntries([...parts, ["sum", sum]]), output: "sum" };
  const resultsOf = (tasks: readonly string[]) =>
    tasks.map((task) => ({ task, attempt: 1, worker: "w", output: { i: 1 } }));
  const bodies = [[{ task: ROOT, attempt: 1, plan }], ...batches(keys).map(resultsOf), resultsOf(["sum"])];
  return () => {
    for (const results of bodies)
      applyEvent(run.state, { kind: "result", body: { v: 1, results }, sequence: 0, at: 1 });
    if (run.outcome !== "succeeded") throw new Error(`expected the run to succeed; received ${run.outcome}`);
  };
}

const batches = (keys: readonly string[]): string[][] =>
  Array.from({ length: keys.length / PER_MESSAGE }, (_, i) => keys.slice(i * PER_MESSAGE, (i + 1) * PER_MESSAGE));
