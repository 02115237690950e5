import { expect, it } from "vitest";
import { prepareWideFold } from "../support/wide-fold.ts";

/** Too many for the processor's caches, or the large fold would be compared with one that hardly leaves them. */
const SMALL = 18_000;

/** Milliseconds of this thread's own time: others may be busy on the machine. */
function foldMs(count: number): number {
  const fold = prepareWideFold(count);
  const began = process.threadCpuUsage();
  fold();
  const { user, system } = process.threadCpuUsage(began);
  return (user + system) / 1000;
}

const bestOf = (runs: number, measure: () => number): number => Math.min(...Array.from({ length: runs }, measure));

it("has the engine do no more than about ten times the work for ten times the tasks", () => {
  foldMs(SMALL);
  const small = bestOf(5, () => foldMs(SMALL));
  const large = bestOf(3, () => foldMs(10 * SMALL));
  // Our own steps are counted elsewhere (linear-steps.test.ts); what the engine does within one (`includes`, a copy) only
  // time tells. Such a scan for each task makes it 70 and more. Measured are 12 to 16: objects of so many keys are sorted, and
  // a heap ten times the size is collected, in somewhat more than ten times the time. A busy machine adds to that, but not as much.
  expect(large / small).toBeLessThan(40);
}, 600_000);
