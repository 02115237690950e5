import { expect, test } from "vitest";
import { z } from "zod";
import { type HandlerContext, TerminalError, type Tutti, task, worker } from "../../../src/index.ts";
import { eventually } from "../../contract/wait.ts";
import { describeRuntime } from "../../support/runtime.ts";

const contract = task("double", { input: z.object({ n: z.number() }), output: z.number(), retry: { attempts: 1 } });

/** Sends a map over the numbers 0 to `count - 1`, and gives the outcomes. */
const map = (app: Tutti, count: number, run?: string) =>
  app.run(
    "plan",
    {
      plan: {
        v: 2,
        tasks: {
          m: {
            type: "double",
            input: { n: { $item: "" } },
            each: { in: Array.from({ length: count }, (_, n) => n), join: "settled" },
          },
        },
        output: "m",
      },
    } as never,
    run === undefined ? {} : { run },
  ) as Promise<unknown>;

describeRuntime("a worker that takes many", (runtime) => {
  test("is called once for many tasks, each of which has its own result or error", async () => {
    const sizes: number[] = [];
    const double = worker(contract, { batch: { size: 10, wait: "50ms" } }, (tasks) => {
      sizes.push(tasks.length);
      return tasks.map(({ input: { n } }) =>
        n === 3 ? new TerminalError("not three") : n === 4 ? Promise.reject(new Error("nor four")) : 2 * n,
      );
    });
    const app = await runtime.start({ workers: [double] });
    const outcomes = (await map(app, 25)) as { state: string; output?: number; error?: { message: string } }[];
    expect(outcomes.map(({ output, error }) => output ?? error!.message)).toEqual(
      Array.from({ length: 25 }, (_, n) => (n === 3 ? "not three" : n === 4 ? "nor four" : 2 * n)),
    );
    expect(sizes.length).toBeLessThanOrEqual(5);
    expect(Math.max(...sizes)).toBe(10);
  });

  test("fails all of a batch with what it throws, and with a list that is no result for each", async () => {
    let answer: (tasks: readonly HandlerContext<{ n: number }>[]) => never = () => {
      throw new TypeError("no connection");
    };
    const double = worker(contract, { batch: { size: 3 } }, (tasks) => answer(tasks));
    const app = await runtime.start({ workers: [double] });
    expect(await map(app, 3)).toMatchObject(
      Array(3).fill({ state: "failed", error: { name: "TypeError", message: "no connection" } }),
    );
    answer = () => [1] as never;
    const message = "the batch handler of double: expected a list of 3 results, one for each task in order, received 1";
    expect(await map(app, 3)).toMatchObject(Array(3).fill({ state: "failed", error: { kind: "terminal", message } }));
  });

  test("has each task cancelled on its own, and leaves out one that was before the batch began", async () => {
    const began: string[][] = [];
    const gate = Promise.withResolvers<void>();
    const double = worker(contract, { batch: { size: 4, wait: "5ms" }, concurrency: 2 }, async (tasks) => {
      began.push(tasks.map(({ run }) => run).sort());
      await Promise.race([
        gate.promise,
        ...tasks.map(({ signal }) => new Promise((resolve) => signal.addEventListener("abort", resolve))),
      ]);
      return tasks.map(({ input, signal }) => (signal.aborted ? new Error("aborted") : 2 * input.n));
    });
    const app = await runtime.start({ workers: [double] });
    const [a, b] = [
      await app.submit(contract, { n: 1 }, { run: "a" }),
      await app.submit(contract, { n: 2 }, { run: "b" }),
    ];
    await eventually("both at work", async () => began.flat().length === 2);
    await a.cancel();
    await expect(a.result()).rejects.toMatchObject({ code: 499 });
    gate.resolve();
    expect(await b.result()).toBe(4);
  });

  test("finishes what it has gathered when it is stopped", async () => {
    const double = worker(contract, { batch: { size: 100, wait: "1h" } }, (tasks) =>
      tasks.map(({ input }) => 2 * input.n),
    );
    const app = await runtime.start({ workers: [double] });
    const run = await app.submit(contract, { n: 21 }, { run: "r" });
    await eventually("it is gathered", async () => (await app.workers())[0]?.running === 1);
    const result = run.result();
    void app.stop({ graceMs: 5000 });
    expect(await result).toBe(42);
  });
});

test("the options of a batch are checked, and a batch handler cannot be taken for a single one", () => {
  const many = () => [];
  expect(() => worker(contract, { batch: { size: 1 } }, many)).toThrow("batch.size: expected an integer from 2");
  expect(() => worker(contract, { batch: { size: 5, wait: "soon" } }, many)).toThrow("batch.wait: expected a duration");
  expect(() => worker(contract, { batch: { size: 5, every: 1 } as { size: number } }, many)).toThrow(
    "/batch/every".slice(6),
  );
  const batch = { size: 5 };
  // @ts-expect-error a handler of one task
  worker(contract, { batch }, ({ input }) => input.n);
  // @ts-expect-error one result for many tasks
  worker(contract, { batch }, () => 5);
  // @ts-expect-error results of another type
  worker(contract, { batch }, (tasks) => tasks.map(() => "text"));
  // @ts-expect-error a batch handler without a batch
  worker(contract, {}, (tasks: readonly HandlerContext<{ n: number }>[]) => tasks.map(({ input }) => input.n));
  // @ts-expect-error a batch without a contract
  expect(() => worker("named", { batch }, many)).toThrow(
    'expected a contract, worker(task("named", …), options, handler)',
  );
});
