import { expect, it } from "vitest";
import { ROOT } from "../../src/core/names.ts";
import { applyEvent } from "../../src/fold/apply.ts";
import { noEffects } from "../../src/fold/effects.ts";
import { FoldedRun } from "../support/folded-run.ts";

const PER_MESSAGE = 100;

/** Milliseconds of this process's own time (others may be busy on the machine) to fold a plan of `count` children, that all are needed by one more, and the results of all. */
function foldMs(count: number): number {
  const { state } = new FoldedRun();
  const keys = Array.from({ length: count }, (_, i) => `part-${i}`);
  const parts = keys.map((key, i) => [key, { type: "part", input: { i } }] as const);
  const sum = { type: "sum", input: keys.map((key) => ({ $ref: `${key}#/i` })) };
  const plan = { v: 1, tasks: Object.fromEntries([...parts, ["sum", sum]]), output: "sum" };
  const resultsOf = (tasks: readonly string[]) =>
    tasks.map((task) => ({ task, attempt: 1, worker: "w", output: { i: 1 } }));
  const bodies = [[{ task: ROOT, attempt: 1, plan }], ...batches(keys).map(resultsOf), resultsOf(["sum"])];
  const began = process.cpuUsage();
  for (const results of bodies)
    applyEvent(state, { kind: "result", body: { v: 1, results }, sequence: 0, at: 1 }, noEffects);
  const { user, system } = process.cpuUsage(began);
  expect(state.snapshot.context.outcome).toBe("succeeded");
  return (user + system) / 1000;
}

const batches = (keys: readonly string[]): string[][] =>
  Array.from({ length: keys.length / PER_MESSAGE }, (_, i) => keys.slice(i * PER_MESSAGE, (i + 1) * PER_MESSAGE));

const bestOf = (runs: number, measure: () => number): number => Math.min(...Array.from({ length: runs }, measure));

it("folds ten times the tasks in about ten times the time", () => {
  foldMs(10_000);
  const small = bestOf(5, () => foldMs(10_000));
  const large = bestOf(3, () => foldMs(100_000));
  // Quadratic would be 100; collecting a heap ten times the size costs somewhat more than ten times.
  expect(large / small).toBeLessThan(15);
}, 60_000);
