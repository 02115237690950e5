import { Session } from "node:inspector/promises";
import { setFlagsFromString } from "node:v8";
import { expect, it } from "vitest";

// The engine counts what it compiles from now on, but not what it has optimized.
const engine = new Session();
engine.connect();
await engine.post("Profiler.enable");
await engine.post("Profiler.startPreciseCoverage", { callCount: true, detailed: true });
for (const flag of ["--no-maglev", "--no-turbofan"]) setFlagsFromString(flag);
const { prepareWideFold } = await import("../support/wide-fold.ts");

/** How often functions, branches and bodies of loops of our source were entered meanwhile. */
async function countSteps(work: () => void): Promise<number> {
  await engine.post("Profiler.takePreciseCoverage");
  work();
  const { result } = await engine.post("Profiler.takePreciseCoverage");
  const functions = result.filter(({ url }) => url.includes("/src/")).flatMap((script) => script.functions);
  return functions.flatMap(({ ranges }) => ranges).reduce((sum, { count }) => sum + count, 0);
}

it("folds ten times the tasks in ten times the steps", async () => {
  const small = await countSteps(prepareWideFold(500));
  const large = await countSteps(prepareWideFold(5_000));
  expect(small).toBeGreaterThan(10 * 500);
  // Counts are the same on every machine. Of quadratic steps, one for each two tasks makes it 70.
  expect(large / small).toBeLessThan(10.1);
});
