import { expect, test } from "vitest";
import { type Tutti, worker } from "../../src/index.ts";
import { eventually } from "../contract/wait.ts";
import { describeOnNats } from "../support/runtime.ts";
import { startRuntimeProcess } from "../support/runtime-process.ts";

const send = (app: Tutti, tasks: object, input: unknown, run: string) =>
  app.run("plan", { plan: { v: 2, tasks, output: "m" }, input } as never, { run }) as Promise<unknown>;
const stateOf = async (app: Tutti, run: string, id: string) =>
  (await app.get(run).catch(() => undefined))?.tasks.find(({ task }) => task === id)?.state;

const echo = worker("echo", { run: ({ input }) => input as never });
/** Larger than what travels in a message. */
const large = "x".repeat(300_000);

describeOnNats("a map on a real server", (runtime) => {
  test("goes over what lies in the object store, and its outputs may lie there", async () => {
    const list = worker("list", { run: () => [1, 2, 3].map((n) => ({ n, text: large })) as never });
    const grow = worker("grow", { run: ({ input }) => [input, large] as never });
    const app = await runtime.start({ workers: [echo, list, grow] });
    const over = { type: "echo", each: { in: { $ref: "list" }, reduce: "sum" }, input: { $item: "/n" } };
    expect(await send(app, { list: { type: "list" }, m: over }, {}, "a")).toBe(6);
    const grown = { type: "grow", each: { in: [1, 2], reduce: { collect: "/0" } } };
    expect(await send(app, { m: grown }, {}, "b")).toEqual([1, 2]);
  });

  test("over no items, and of maps, comes to what it says", async () => {
    const app = await runtime.start({ workers: [echo] });
    const inner = { tasks: { n: { type: "echo", each: { in: { $ref: "#" } } } }, output: "n" };
    const m = { plan: inner, each: { in: { $ref: "#/lists" }, reduce: "concat" } };
    expect(await send(app, { m }, { lists: [[1, 2], [], [3]] }, "a")).toEqual([1, 2, 3]);
    expect(await send(app, { m }, { lists: [] }, "b")).toEqual([]);
  });

  test("executes the failed reducing task again when its run is redriven, and nothing else", async () => {
    const executed: unknown[] = [];
    let isBroken = true;
    const add = worker("add", {
      retry: { attempts: 1 },
      run: ({ input }) => {
        const { items } = input as { items: number[] };
        executed.push(items);
        if (items[0] === 3 && isBroken) throw new Error("not now");
        return items.reduce((sum, one) => sum + one, 0);
      },
    });
    const app = await runtime.start({ workers: [echo, add] });
    const m = { type: "echo", each: { in: [1, 2, 3, 4], reduce: { type: "add", width: 2 } } };
    await expect(send(app, { m }, {}, "r")).rejects.toMatchObject({ details: { task: "m/_reduce/r1" } });
    isBroken = false;
    await app.dead.redrive("r");
    expect(await app.result("r")).toBe(10);
    expect(executed.map(String)).toEqual(expect.arrayContaining(["1,2", "3,4", "3,4", "3,7"]));
    expect(executed).toHaveLength(4);
  });

  test("executes the failed item again when its run is redriven, and no other", async () => {
    const executed: unknown[] = [];
    let isBroken = true;
    const shaky = worker("shaky", {
      retry: { attempts: 1 },
      run: ({ input }) => {
        executed.push(input);
        if (input === 2 && isBroken) throw new Error("not now");
        return input as never;
      },
    });
    const app = await runtime.start({ workers: [shaky] });
    const m = { type: "shaky", each: { in: [1, 2, 3], concurrency: 1, reduce: "sum" } };
    await expect(send(app, { m }, {}, "r")).rejects.toMatchObject({ details: { task: "m/1" } });
    isBroken = false;
    await app.dead.redrive("r");
    expect(await app.result("r")).toBe(6);
    expect(executed).toEqual([1, 2, 2, 3]);
  });

  test("goes on where it stood when its orchestrator is killed", async () => {
    const timing = { ackWaitMs: 1500, presenceTtlMs: 1000 };
    const startOrchestrator = () =>
      startRuntimeProcess({ bus: runtime.server.url, prefix: runtime.prefix, shards: 4, timing });
    const gates = Array.from({ length: 6 }, () => Promise.withResolvers<void>());
    const began: number[] = [];
    const gated = worker("gated", {
      run: async ({ input }) => {
        began.push(input as number);
        await gates[input as number]!.promise;
        return { n: input } as never;
      },
    });
    let orchestrator = await startOrchestrator();
    const app = await runtime.start({ orchestrator: false, workers: [gated], timing });
    const m = { type: "gated", each: { in: { $ref: "#/list" }, concurrency: 2, reduce: { stats: "/n" } } };
    // The list is in the object store.
    const ended = send(app, { m }, { list: gates.map((_, n) => n), large }, "r").catch((error) => error);
    for (const n of [0, 2, 4]) {
      await eventually(`item ${n} at work`, async () => (await stateOf(app, "r", `m/${n}`)) === "ready");
      await orchestrator.kill9();
      gates[n]!.resolve();
      gates[n + 1]!.resolve();
      orchestrator = await startOrchestrator();
    }
    expect(await ended).toMatchObject({ count: 6, sum: 15, min: 0, max: 5 });
    expect(new Set(began).size).toBe(6);
    expect((await app.get("r")).totals).toMatchObject({ tasks: 8, succeeded: 8 });
    await orchestrator.stop();
  }, 60_000);
});
