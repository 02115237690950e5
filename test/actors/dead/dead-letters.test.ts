import { expect, test } from "vitest";
import { z } from "zod";
import { createMemoryBroker } from "../../../src/bus/memory/bus.ts";
import { plan, TerminalError, worker } from "../../../src/index.ts";
import { tutti } from "../../../src/tutti.ts";
import { eventually } from "../../contract/wait.ts";
import { describeOnNats, describeRuntime } from "../../support/runtime.ts";
import { startRuntimeProcess } from "../../support/runtime-process.ts";

/** A tree in which `sum` needs `left` and `right`; `right` fails for good while it is broken. */
function pipeline() {
  const executed: string[] = [];
  const state = { isBroken: true };
  const note = (task: string, attempt: number) => void executed.push(`${task}@${attempt}`);
  const number = worker("number", {
    input: z.object({ n: z.number() }),
    output: z.number(),
    run: ({ input, task, attempt }) => {
      note(task, attempt);
      return input.n;
    },
  });
  const fragile = worker("fragile", {
    input: z.object({ n: z.number(), factor: z.number() }),
    output: z.number(),
    run: ({ input, task, attempt }) => {
      note(task, attempt);
      if (state.isBroken) throw new TerminalError("the service is gone");
      return input.n * input.factor;
    },
  });
  const sum = worker("sum", {
    input: z.object({ all: z.array(z.number()) }),
    output: z.number(),
    run: ({ input, task, attempt }) => {
      note(task, attempt);
      return input.all.reduce((a, b) => a + b, 0);
    },
  });
  const root = worker("root", {
    run: ({ task, attempt }) => {
      note(task, attempt);
      return plan((p) => {
        const left = p.task(number, { n: 1 }, { key: "left" });
        const right = p.task(fragile, { n: 20, factor: left.output }, { key: "right" });
        return p.task(sum, { all: [left.output, right.output] }, { key: "sum" });
      });
    },
  });
  return { workers: [number, fragile, sum, root], executed, state };
}

describeRuntime("a task that fails for good", (runtime) => {
  test("leaves a dead letter with what it was given, and goes on from there when it is redriven", async () => {
    const { workers, executed, state } = pipeline();
    const app = await runtime.start({ workers });
    await expect(app.run("root", {}, { run: "r" })).rejects.toMatchObject({ code: 422, details: { task: "right" } });
    const summary = {
      id: "r",
      kind: "task",
      tenant: "default",
      type: "fragile",
      run: "r",
      task: "right",
      attempt: 1,
      error: {
        code: 422,
        kind: "terminal",
        message: "the service is gone",
        name: "TerminalError",
        stack: expect.stringContaining("dead-letters.test"),
        task: "right",
        path: "right",
        run: "r",
      },
    };
    expect(await app.dead.list()).toEqual([{ ...summary, at: expect.any(String) }]);
    expect(await app.dead.get("r")).toMatchObject({ ...summary, message: { input: { n: 20, factor: 1 }, attempt: 1 } });

    state.isBroken = false;
    expect(await app.dead.redrive("r", { by: "me" })).toEqual({ id: "r", run: "r", task: "right", attempt: 2 });
    expect(await app.result("r")).toBe(21);
    // The sum had waited for it, and so its first attempt is still to come.
    expect(executed).toEqual(["-@1", "left@1", "right@1", "right@2", "sum@1"]);
    const view = await app.get("r");
    expect(view).toMatchObject({ status: "succeeded", output: 21, redriven: { task: "right", attempt: 1, times: 1 } });
    expect(view.totals).toMatchObject({ tasks: 4, succeeded: 4, failed: 0, cancelled: 0 });
    expect((await app.log("r")).map(({ event }) => event)).toEqual([
      "submitted",
      "result",
      "result",
      "result",
      "ended",
      "redrive",
      "result",
      "result",
      "ended",
    ]);
    await eventually("no letter", async () => (await app.dead.list()).length === 0);
    await expect(app.dead.get("r")).rejects.toMatchObject({ code: 404 });
    expect(await app.list()).toMatchObject([{ run: "r", status: "succeeded" }]);
  });

  test("is redriven once by a command that comes twice", async () => {
    const { workers, executed, state } = pipeline();
    const app = await runtime.start({ workers });
    await expect(app.run("root", {}, { run: "r" })).rejects.toMatchObject({ code: 422 });
    state.isBroken = false;
    await Promise.all([app.dead.redrive("r"), app.dead.redrive("r")]);
    expect(await app.result("r")).toBe(21);
    expect(executed.filter((one) => one.startsWith("right"))).toEqual(["right@1", "right@2"]);
    expect(await app.dead.redrive("r")).toEqual({ id: "r", run: "r", task: "right", attempt: 2, already: true });
  });

  test("can fail again, and then has one letter, of its last attempt", async () => {
    const { workers } = pipeline();
    const app = await runtime.start({ workers });
    await expect(app.run("root", {}, { run: "r" })).rejects.toMatchObject({ code: 422 });
    for (const attempt of [2, 3]) {
      await app.dead.redrive("r");
      await eventually("the next failure", async () => (await app.dead.list())[0]?.attempt === attempt);
      await expect(app.result("r")).rejects.toMatchObject({ code: 422 });
      expect(await app.dead.list()).toHaveLength(1);
    }
    expect(await app.get("r")).toMatchObject({ status: "failed", redriven: { attempt: 2, times: 2 } });
  });

  test("can be cancelled when it is redriven, and is no dead letter any more", async () => {
    const { workers } = pipeline();
    const waits = worker("waits", {
      retry: { attempts: 1 },
      run: async ({ signal, attempt }) => {
        if (attempt === 1) throw new Error("not yet");
        await new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
      },
    });
    const app = await runtime.start({ workers: [...workers, waits] });
    await expect(app.run("waits", {}, { run: "r" })).rejects.toMatchObject({ code: 422 });
    await app.dead.redrive("r");
    await eventually("its second attempt", async () => (await app.get("r")).status === "running");
    await app.cancel("r");
    await expect(app.result("r")).rejects.toMatchObject({ code: 499 });
    await expect(app.dead.redrive("r")).rejects.toMatchObject({ code: 409 });
    expect(await app.dead.list()).toEqual([]);
  });

  test("can be dropped, and its run redriven all the same", async () => {
    const { workers, state } = pipeline();
    const app = await runtime.start({ workers });
    await expect(app.run("root", {}, { run: "r" })).rejects.toMatchObject({ code: 422 });
    await app.dead.drop("r");
    expect(await app.dead.list()).toEqual([]);
    await expect(app.dead.drop("r")).rejects.toMatchObject({ code: 404 });
    state.isBroken = false;
    await app.dead.redrive("r");
    expect(await app.result("r")).toBe(21);
  });

  test("shows in no other tenant", async () => {
    const { workers } = pipeline();
    const app = await runtime.start({ workers });
    await expect(app.run("root", {}, { run: "r", tenant: "mine" })).rejects.toMatchObject({ code: 422 });
    expect(await app.dead.list()).toEqual([]);
    await expect(app.dead.get("r")).rejects.toMatchObject({ code: 404 });
    expect(await app.dead.list({ tenant: "mine" })).toHaveLength(1);
  });
});

describeRuntime("a redrive", (runtime) => {
  test.each([
    ["nowhere", 404, "no run nowhere"],
    ["a b", 400, "request:<number>"],
    ["request:7", 404, "no dead letter request:7"],
    ["well", 409, "it has succeeded"],
  ])("of %s is refused: %i", async (id, code, message) => {
    const app = await runtime.start({ workers: [worker("fine", { run: () => 1 })] });
    await app.run("fine", {}, { run: "well" });
    await expect(app.dead.redrive(id)).rejects.toMatchObject({ code, message: expect.stringContaining(message) });
  });
});

test("a letter that is stored only after its attempt was redriven takes no other's place, and is not listed", async () => {
  const { workers, state } = pipeline();
  const broker = createMemoryBroker();
  const bus = broker.connect();
  await using app = await tutti({ env: {}, workers }, { bus: broker.connect() });
  await expect(app.run("root", {}, { run: "r" })).rejects.toMatchObject({ code: 422 });
  const early = (await bus.getLastMessage("TUTTI_DEAD", "tutti.dead.tasks.default.r.right.1"))!;
  const storeLate = () => bus.append(early.subject, early.data);

  await app.dead.redrive("r");
  await eventually("the second failure", async () => (await app.dead.list())[0]?.attempt === 2);
  await storeLate();
  expect(await app.dead.list()).toMatchObject([{ id: "r", attempt: 2 }]);
  expect(await app.dead.get("r")).toMatchObject({ id: "r", attempt: 2 });

  state.isBroken = false;
  await app.dead.redrive("r");
  expect(await app.result("r")).toBe(21);
  const isEmpty = async () => (await bus.listSubjects("TUTTI_DEAD", "tutti.dead.>")).length === 0;
  await eventually("all letters removed", isEmpty);
  await storeLate();
  expect(await app.dead.list()).toEqual([]);
  await expect(app.dead.get("r")).rejects.toMatchObject({ code: 404 });
  await bus.close();
});

describeOnNats("dead letters, whoever owns the shard", (runtime) => {
  test("a run is redriven although its orchestrator has been killed, and the next as well", async () => {
    const { workers, executed, state } = pipeline();
    const timing = { ackWaitMs: 1500, presenceTtlMs: 1000 };
    const start = () => startRuntimeProcess({ bus: runtime.server.url, prefix: runtime.prefix, shards: 4, timing });
    let orchestrator = await start();
    const app = await runtime.start({ workers, orchestrator: false, timing });
    await expect(app.run("root", {}, { run: "r" })).rejects.toMatchObject({ code: 422 });
    await orchestrator.kill9();
    orchestrator = await start();
    await app.dead.redrive("r");
    await eventually("the second attempt", () => executed.includes("right@2"));
    await eventually("the second failure", async () => (await app.dead.list())[0]?.attempt === 2);
    await orchestrator.kill9();
    state.isBroken = false;
    orchestrator = await start();
    await app.dead.redrive("r");
    expect(await app.result("r")).toBe(21);
    // Twice redriven, twice killed: what had succeeded was not executed again.
    expect(executed.filter((one) => /^(-|left)@/.test(one))).toEqual(["-@1", "left@1"]);
    await eventually("no letter", async () => (await app.dead.list()).length === 0);
    await orchestrator.stop();
  });
});
