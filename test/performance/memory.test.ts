import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, it } from "vitest";
import { runFanOut } from "../../bench/load.ts";
import { WORKERS } from "../../bench/workers.ts";
import { createMemoryBus } from "../../src/bus/memory/bus.ts";
import { createVirtualClock } from "../../src/core/virtual-clock.ts";
import { worker } from "../../src/index.ts";
import { tutti } from "../../src/tutti.ts";

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

const RUNS = 12;
const TASKS = 3000;
const CHARACTERS = 200_000;

it("is given back by runs that have ended", async () => {
  const clock = createVirtualClock();
  const options = { workers: WORKERS.plans, concurrency: 500, env: {} };
  const app = await clock.runUntilSettled(tutti(options, { bus: createMemoryBus({ clock }), clock }));
  const run = () => clock.runUntilSettled(runFanOut(app, TASKS));
  const used = async () => {
    // What is told a little later is told by then.
    await clock.advance(1000);
    collectGarbage();
    return process.memoryUsage().heapUsed;
  };
  await run();
  const before = await used();
  for (let i = 0; i < RUNS; i++) await run();
  const bytesPerTask = ((await used()) - before) / (RUNS * TASKS);
  await clock.runUntilSettled(app.stop({ graceMs: 0 }));
  // A task takes more than 500 bytes while it is pending; the log, which this bus keeps in memory, is not on the heap.
  expect(bytesPerTask).toBeLessThan(50);
});

it("is given back of outputs that were waited for", async () => {
  const large = worker("large", { run: ({ input }) => `${input}`.repeat(CHARACTERS) });
  const app = await tutti({ workers: [large], env: {} });
  const used = () => {
    collectGarbage();
    return process.memoryUsage().heapUsed;
  };
  const run = async (times: number) => {
    for (let i = 0; i < times; i++) expect(await app.run("large", i % 10)).toHaveLength(CHARACTERS);
  };
  await run(10);
  const before = used();
  await run(100);
  const bytesPerRun = (used() - before) / 100;
  await app.stop({ graceMs: 0 });
  expect(bytesPerRun).toBeLessThan(CHARACTERS / 4);
});
