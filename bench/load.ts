/** The loads that are measured on any app. All times are in milliseconds. */
import type { Tutti } from "../src/app.ts";

/** Executes one run of `n` no-op tasks and a reducer that needs them all. */
export async function runFanOut(app: Tutti, n: number): Promise<number> {
  const from = performance.now();
  const counted = await app.run("fan-out", { n });
  if (counted !== n) throw new Error(`fan-out: expected ${n} tasks to be counted, received ${JSON.stringify(counted)}`);
  return performance.now() - from;
}

/** Executes `n` tasks one after another. Resolves with the time of one. */
export async function runChain(app: Tutti, n: number): Promise<number> {
  const from = performance.now();
  const output = await app.run("chain", { n });
  if ((output as { i?: number } | null)?.i !== 0)
    throw new Error(`chain: expected the first task's output, received ${JSON.stringify(output)}`);
  return (performance.now() - from) / n;
}

/** Executes one run of the six-task plan: one task, four that need it, one that needs those. */
export async function runSixTasks(app: Tutti): Promise<number> {
  const from = performance.now();
  const counted = await app.run("six-tasks", { i: 1 });
  if (counted !== 4) throw new Error(`six-tasks: expected 4 to be counted, received ${JSON.stringify(counted)}`);
  return performance.now() - from;
}

export interface ManyRuns {
  readonly ms: number;
  /** The time of each run. */
  readonly latencies: readonly number[];
}

/** Calls `run` `count` times, `inFlight` of them at a time. */
export async function runMany(count: number, inFlight: number, run: () => Promise<number>): Promise<ManyRuns> {
  const latencies: number[] = [];
  let left = count;
  const lane = async () => {
    while (left-- > 0) latencies.push(await run());
  };
  const from = performance.now();
  await Promise.all(Array.from({ length: inFlight }, lane));
  return { ms: performance.now() - from, latencies };
}

/** Executes a run of `n` tasks with outputs of `bytes` each, and a reducer that gets them all. */
export async function runTexts(app: Tutti, n: number, bytes: number): Promise<number> {
  const from = performance.now();
  const total = await app.run("texts", { n, bytes });
  if (total !== n * bytes)
    throw new Error(`texts: expected ${n * bytes} bytes to be counted, received ${JSON.stringify(total)}`);
  return performance.now() - from;
}
