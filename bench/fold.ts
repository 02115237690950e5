/**
 * Measures the cost of folding a log without a bus: a plan of N children, then a failure and a result of each in
 * messages of 100, as workers commit them. Messages are created beforehand; parsing their JSON is not measured.
 *
 *     npx node --expose-gc bench/fold.ts
 */

import { ROOT } from "../src/core/names.ts";
import { applyEvent } from "../src/fold/apply.ts";
import { FoldedRun } from "../test/support/folded-run.ts";

const PER_MESSAGE = 100;

for (const count of [1000, 10_000, 100_000, 100_000, 100_000]) measure(count);

function measure(count: number): void {
  const run = new FoldedRun({ policy: { retry: { attempts: 2 } } });
  const keys = Array.from({ length: count }, (_, i) => `part-${i}`);
  const text = JSON.stringify({
    v: 1,
    tasks: Object.fromEntries(keys.map((key, i) => [key, { type: "part", input: { i } }])),
  });
  const fold = (results: unknown[]) =>
    applyEvent(run.state, { kind: "result", body: { v: 1, results }, sequence: 0, at: 0 });
  const foldAll = (content: (i: number) => object) => {
    const attempt = run.task(keys[0]!).snapshot.context.attempt;
    const all = keys.map((task, i) => ({
      task,
      attempt,
      worker: "worker-1",
      startedAt: "2025-01-01T00:00:00.000Z",
      ...content(i),
    }));
    const messages = Array.from({ length: Math.ceil(count / PER_MESSAGE) }, (_, i) =>
      all.slice(i * PER_MESSAGE, (i + 1) * PER_MESSAGE),
    );
    const began = performance.now();
    for (const results of messages) fold(results);
    return Math.round(count / ((performance.now() - began) / 1000));
  };
  const empty = usedBytes();
  const plan = JSON.parse(text);
  const began = performance.now();
  fold([{ task: ROOT, attempt: 1, plan }]);
  const plantedMs = performance.now() - began;
  const pending = usedBytes() - empty;
  const failures = foldAll(() => ({ error: { kind: "retryable", message: "again" } }));
  const backingOff = usedBytes() - empty;
  for (const task of keys)
    applyEvent(run.state, { kind: "due", body: { v: 1, task, attempt: 1, what: "backoff" }, sequence: 0, at: 60_000 });
  const results = foldAll((i) => ({ output: { i } }));
  if (run.outcome !== "succeeded") throw new Error(`the run came to ${run.outcome}`);
  const bytes = (total: number) => `${Math.round(total / count)} bytes`;
  console.log(
    `${count} children (${text.length} characters of plan): planted in ${plantedMs.toFixed(0)} ms; a task takes ${bytes(pending)} while pending, ` +
      `${bytes(backingOff)} while backing off; ${failures} failures/s, ${results} results/s`,
  );
}

function usedBytes(): number {
  globalThis.gc?.();
  return process.memoryUsage().heapUsed;
}
