import { expect, test } from "vitest";
import { type Tutti, worker } from "../../src/index.ts";
import { eventually } from "../contract/wait.ts";
import { describeOnNats, describeShared } from "../support/runtime.ts";
import { startRuntimeProcess } from "../support/runtime-process.ts";

/** Counts who is in a handler at once, by what `nameOf` says of the input. */
function createCounter(nameOf: (input: never) => string = () => "all") {
  const running = new Map<string, number>();
  const most = new Map<string, number>();
  const began: { readonly name: string; readonly at: number }[] = [];
  const enter = async (input: unknown, forMs = 5): Promise<void> => {
    const name = nameOf(input as never);
    running.set(name, (running.get(name) ?? 0) + 1);
    most.set(name, Math.max(most.get(name) ?? 0, running.get(name)!));
    began.push({ name, at: performance.now() });
    await new Promise((resolve) => setTimeout(resolve, forMs));
    running.set(name, running.get(name)! - 1);
  };
  return { most, began, enter };
}

const plan = (tasks: object, input: unknown = {}) => ({ plan: { v: 2, tasks }, input }) as never;
const over = (count: number, more: object = {}) => ({
  m: { type: "count", each: { in: Array.from({ length: count }, (_, n) => n), reduce: "count" }, ...more },
});

describeShared("a limit", (runtime) => {
  const counting = (enter: (input: unknown) => Promise<void>) =>
    worker("count", {
      concurrency: 50,
      run: async ({ input }) => {
        await enter(input);
        return null;
      },
    });
  /** Two orchestrators and four workers. */
  async function startAll(enter: (input: unknown) => Promise<void>): Promise<Tutti> {
    const workers = [counting(enter)];
    const first = await runtime.start({ workers });
    await runtime.start({ workers });
    for (let i = 0; i < 2; i++) await runtime.start({ orchestrator: false, workers });
    return first;
  }

  test("by type holds over all processes, and is reached", async () => {
    const { most, began, enter } = createCounter();
    const app = await startAll(enter);
    await app.limits.set("type:count", { concurrency: 3 });
    await Promise.all(Array.from({ length: 8 }, () => app.run("plan", plan(over(10)))));
    expect(began).toHaveLength(80);
    expect(most.get("all")).toBe(3);
  });

  test("by key holds for the tasks of plans that have the same, whatever their types and runs; nested limits, too", async () => {
    const keyOf = ({ n }: { n: number }) => `key ${n % 3}`;
    const { most, began, enter } = createCounter(keyOf as never);
    const app = await startAll(enter);
    await app.limits.set("type:count", { concurrency: 4 });
    await app.limits.set("tenant:default", { concurrency: 5 });
    const limit = { key: "'user ' + string(item % 3)", concurrency: 2 };
    const m = { input: { n: { $item: "" } }, limit };
    await Promise.all(Array.from({ length: 4 }, () => app.run("plan", plan(over(15, m)))));
    expect(began).toHaveLength(60);
    expect([...most.values()].every((one) => one <= 2)).toBe(true);
    expect((await app.limits.list()).map(({ limit, isSet }) => [limit, isSet])).toEqual(
      expect.arrayContaining([
        ["type:count", true],
        ["tenant:default", true],
      ]),
    );
  });

  test("by rate holds for the beginnings of attempts in any such time", async () => {
    const { began, enter } = createCounter();
    const app = await startAll(enter);
    const limit = { key: "'site'", rate: "5/300ms" };
    await Promise.all([1, 2].map(() => app.run("plan", plan(over(8, { limit })))));
    const times = began.map(({ at }) => at).sort((a, b) => a - b);
    expect(times).toHaveLength(16);
    for (const [i, at] of times.entries()) if (i >= 5) expect(at - times[i - 5]!).toBeGreaterThanOrEqual(299);
  });

  test("is changed while its tasks run and wait, and removed", async () => {
    const { most, began, enter } = createCounter();
    const app = await startAll((input) => enter(input));
    await app.limits.set("type:count", { concurrency: 1 });
    const run = app.run("plan", plan(over(30)));
    await app.limits.set("type:count", { concurrency: 2, rate: "1000/1s" });
    await app.limits.set("type:count", { concurrency: 6 });
    const [concurrency, rate] = await app.limits.list();
    expect(concurrency).toMatchObject({ limit: "type:count", what: "concurrency", most: 6, isSet: true });
    expect(rate).toMatchObject({ limit: "type:count", what: "rate", most: 1000, perMs: 1000, isSet: true });
    await app.limits.remove("type:count");
    await run;
    await expect(app.limits.remove("type:count")).rejects.toMatchObject({ code: 404 });
    await expect(app.limits.set("count", { concurrency: 1 })).rejects.toMatchObject({ code: 400 });
    expect(began).toHaveLength(30);
    expect(most.get("all")).toBeGreaterThan(1);
  });

  test("says of the tasks that it holds back which it is, and how full", async () => {
    const gate = Promise.withResolvers<void>();
    const block = worker("block", { run: () => gate.promise });
    const app = await runtime.start({ workers: [block] });
    const tasks = (n: number) => [`t${n}`, { type: "block", limit: { key: "'site'", concurrency: 2 } }];
    const handle = await app.submit("plan", plan(Object.fromEntries([1, 2, 3].map(tasks))));
    const held = await eventually("the third is held back", async () =>
      (await handle.get()).tasks.find(({ state }) => state === "held"),
    );
    expect(held).toMatchObject({ task: "t3", limit: { limit: "key:site", what: "concurrency", most: 2, held: 2 } });
    gate.resolve();
    await handle.result();
  });

  test("is let go of by attempts that are over, whatever follows, and by those that no worker was given", async () => {
    const { enter } = createCounter();
    const broken = worker("broken", {
      retry: { attempts: 1 },
      run: () => {
        throw new Error("it broke");
      },
    });
    const app = await runtime.start({ workers: [counting(enter), broken] });
    const limit = { key: "'site'", concurrency: 1 };
    // The fallback opens another attempt of the task in the very turn in which the first one ends.
    const a = { type: "broken", limit, fallback: { type: "count" } };
    await app.run("plan", plan({ a, b: { type: "broken", limit, optional: true, needs: ["a"] } }));
    // No worker takes tasks of this type: what is cancelled stood on the queue.
    const idle = await runtime.start({ orchestrator: false, workers: [worker("idle", { run: () => null })] });
    await idle.stop();
    const stuck = await app.submit("plan", plan({ a: { type: "idle", limit } }));
    await eventually("it holds the permit", async () => (await app.limits.list())[0]?.held === 1);
    await stuck.cancel();
    await app.run("plan", plan(over(3, { limit })), { deadline: "5s" });
  });

  test("lets a small run through while a large one waits, and low priority have its share", async () => {
    const { began, enter } = createCounter(({ who }: { who: string } = { who: "" }) => who);
    const workers = [counting(enter)];
    const app = await runtime.start({ workers });
    await app.limits.set("type:count", { concurrency: 1 });
    const of = (who: string, count: number, more: object = {}) =>
      app.submit("plan", plan(over(count, { input: { who }, ...more })));
    const large = await of("large", 60);
    await new Promise<void>(
      (resolve) =>
        void (async () => {
          while (began.length < 3) await new Promise(setImmediate);
          resolve();
        })(),
    );
    const small = await of("small", 3);
    const high = await of("high", 12, { priority: "high" });
    const low = await of("low", 3, { priority: "low" });
    for (const one of [small, high, low, large]) await one.result();
    const placeOf = (who: string) => began.findLastIndex(({ name }) => name === who);
    expect(placeOf("high")).toBeLessThan(30);
    expect(placeOf("small")).toBeLessThan(40);
    expect(placeOf("low")).toBeLessThan(placeOf("large"));
  });
});

describeOnNats("a limit over orchestrators that are killed", (runtime) => {
  test("is never exceeded, and its permits come back", async () => {
    const timing = { ackWaitMs: 1500, presenceTtlMs: 1000 };
    const { most, began, enter } = createCounter();
    const workers = [
      worker("count", {
        run: async ({ input }) => {
          await enter(input, 30);
          return null;
        },
      }),
    ];
    const doomed = await startRuntimeProcess({ bus: runtime.server.url, prefix: runtime.prefix, shards: 4, timing });
    const app = await runtime.start({ workers, timing });
    await runtime.start({ orchestrator: false, workers, timing });
    await eventually("both own shards", async () =>
      (await app.orchestrators()).every(({ shards }) => shards.length === 2),
    );
    const limit = { key: "'site'", concurrency: 3 };
    const handles = await Promise.all(Array.from({ length: 8 }, () => app.submit("plan", plan(over(10, { limit })))));
    await eventually("20 at work", async () => began.length >= 20);
    await doomed.kill9();
    for (const handle of handles) await handle.result();
    expect(most.get("all")).toBe(3);
    expect(began.length).toBeGreaterThanOrEqual(80);
    await eventually("the permits are given back", async () => (await app.limits.list()).length === 0);
  }, 60_000);

  test("is not exceeded by attempts that were cancelled while their handlers take no notice", async () => {
    const { most, began, enter } = createCounter();
    const app = await runtime.start({
      workers: [
        worker("count", {
          concurrency: 10,
          run: async ({ input }) => {
            await enter(input, 20);
            return null;
          },
        }),
      ],
    });
    await app.limits.set("type:count", { concurrency: 2 });
    const first = await app.submit("plan", plan(over(20)));
    await eventually("some at work", async () => began.length >= 4);
    await first.cancel();
    await first.result().catch(() => {});
    await app.run("plan", plan(over(5)));
    expect((await app.limits.list())[0]).toMatchObject({ limit: "type:count", most: 2 });
    expect(most.get("all")).toBeLessThanOrEqual(4);
  });
});
