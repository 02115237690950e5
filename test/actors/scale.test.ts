import { expect, test } from "vitest";
import { z } from "zod";
import { plan, worker } from "../../src/index.ts";
import { describeRuntime } from "../support/runtime.ts";

const one = worker("one", { input: z.object({ i: z.number() }), output: z.number(), run: ({ input }) => input.i });
const many = worker("many", {
  input: z.object({ n: z.number() }),
  run: ({ input }) =>
    plan((p) => {
      const parts = Array.from({ length: input.n }, (_, i) => p.task(one, { i }, { key: `k${i}` }));
      return p.task(sum, { all: parts.map((part) => part.output) });
    }),
});
const sum = worker("sum", {
  input: z.object({ all: z.array(z.number()) }),
  output: z.number(),
  run: ({ input }) => input.all.reduce((a, b) => a + b, 0),
});

describeRuntime("a plan of many children", (runtime) => {
  test("takes a time that grows with their number, not with its square", async () => {
    const app = await runtime.start({ workers: [one, many, sum], concurrency: 500 });
    const msOf = async (n: number): Promise<number> => {
      const began = process.cpuUsage();
      expect(await app.run(many, { n })).toBe((n * (n - 1)) / 2);
      const { user, system } = process.cpuUsage(began);
      return (user + system) / 1000;
    };
    // What is compiled by and by must not count for the small ones.
    await msOf(3000);
    const [small, large] = [Math.min(await msOf(3000), await msOf(3000), await msOf(3000)), await msOf(30_000)];
    console.log(`${app.bus}: 3,000 in ${small.toFixed(0)} ms, 30,000 in ${large.toFixed(0)} ms`);
    // This process's own time, as others may be busy on the machine. Ten times is linear, and a hundred times quadratic.
    expect(large / small).toBeLessThan(25);
  });

  test("shows every one of 10,000", async () => {
    const app = await runtime.start({ workers: [one, many, sum], concurrency: 500 });
    await app.run(many, { n: 10_000 }, { run: "r" });
    const { totals, tasks } = await app.get("r");
    expect(totals).toEqual({ tasks: 10_002, succeeded: 10_002, failed: 0, cancelled: 0, executions: 10_002 });
    expect(tasks).toHaveLength(10_002);
  });

  test("of which 3,000 are queued is cancelled, and its queue is empty", async () => {
    const began = Promise.withResolvers<void>();
    let executed = 0;
    const wait = worker("wait", {
      run: ({ signal }) => {
        executed++;
        began.resolve();
        return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
      },
    });
    const waits = worker("waits", {
      run: () => plan((p) => void Array.from({ length: 3000 }, (_, i) => p.task("wait", {}, { key: `k${i}` }))),
    });
    const app = await runtime.start({ workers: [wait, waits, one], concurrency: 4 });
    const ended = app.run("waits", {}, { run: "r" }).catch((error) => error);
    await began.promise;
    await app.cancel("r");
    expect(await ended).toMatchObject({ code: 499 });
    expect((await app.get("r")).totals).toMatchObject({ tasks: 3001, cancelled: 3001 });
    expect(await app.run(one, { i: 1 })).toBe(1);
    // Those that were on their way may still begin; none is executed for long.
    expect(executed).toBeLessThan(300);
  });
});
