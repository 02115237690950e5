import { expect, test } from "vitest";
import { PlanOf, TerminalError, type Tutti, worker } from "../../src/index.ts";
import { startTestTutti } from "../../src/testing.ts";
import { eventually } from "../contract/wait.ts";
import { connectPlainly } from "../support/plain-client.ts";
import { describeOnNats, describeRuntime } from "../support/runtime.ts";
import { startRuntimeProcess } from "../support/runtime-process.ts";

/** Handlers that the test lets go on. */
function createWorkers() {
  const gates = new Map<string, PromiseWithResolvers<void>>();
  const gateOf = (task: string) => {
    const gate = gates.get(task) ?? Promise.withResolvers<void>();
    gates.set(task, gate);
    return gate;
  };
  const aborted: string[] = [];
  const workers = [
    worker("echo", { run: ({ input }) => input as never }),
    worker("given", { run: ({ input, needs }) => ({ input, needs }) as never }),
    worker("fail", {
      retry: { attempts: 1 },
      run: () => {
        throw new Error("it broke");
      },
    }),
    worker("gated", {
      run: async ({ input, task, signal }) => {
        const stopped = new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
        stopped.catch(() => aborted.push(task));
        await Promise.race([gateOf(task).promise, stopped]);
        return input as never;
      },
    }),
    worker("planner", { run: ({ input }) => new PlanOf<unknown>(input as never) as never }),
  ];
  return { workers, aborted, open: (task: string) => gateOf(task).resolve() };
}

const send = (app: Tutti, plan: object, input: unknown = {}, run?: string) =>
  app.run("plan", { plan: { v: 2, ...plan }, input } as never, run === undefined ? {} : { run });
const statesOf = async (app: Tutti, run: string) =>
  Object.fromEntries((await app.get(run)).tasks.map(({ task, state }) => [task, state]));

describeRuntime("a plan of version 2", (runtime) => {
  test("can be sent, is given an input, and returns what its output says", async () => {
    const app = await runtime.start({ workers: createWorkers().workers });
    const tasks = {
      a: { type: "echo", input: { n: { $ref: "#/n" } } },
      b: { type: "fail", optional: true },
      c: { type: "given", needs: ["a", "b"], join: "settled", input: { b: { $outcome: "b" } } },
      d: { type: "echo", when: "a.n > 5", input: "large" },
      e: { type: "echo", input: { twice: { $expr: "a.n * 2" }, d: { $ref: "d", default: "small" } } },
    };
    const output = { e: { $ref: "e" }, state: { $ref: "c#/input/b/state" } };
    expect(await send(app, { tasks, output }, { n: 3 }, "r")).toEqual({ e: { twice: 6, d: "small" }, state: "failed" });
    expect(await statesOf(app, "r")).toEqual({
      "-": "succeeded",
      a: "succeeded",
      b: "failed",
      c: "succeeded",
      d: "skipped",
      e: "succeeded",
    });
    const { totals, tasks: views } = await app.get("r");
    expect(totals).toMatchObject({ tasks: 6, succeeded: 4, failed: 1, skipped: 1 });
    expect(views.find(({ task }) => task === "-")).toMatchObject({ type: "plan" });
  });

  test("is returned by a worker, as an event of its own", async () => {
    const app = await runtime.start({ workers: createWorkers().workers });
    const plan = { v: 2, tasks: { a: { type: "fail" }, b: { type: "echo", input: 2 } }, join: "any" };
    expect(await app.run("planner", plan as never, { run: "r" })).toEqual({ b: 2 });
    const events = (await app.log("r")).map(({ event, body }) => [event, (body as { v: number }).v]);
    expect(events).toContainEqual(["planned", 2]);
    // What builds of version 1 know is written as they know it.
    expect(events.filter(([event]) => event !== "planned").map(([, v]) => v)).toEqual(events.slice(1).map(() => 1));
  });

  test("ends with the first of its sinks, and aborts the others", async () => {
    const { workers, aborted, open } = createWorkers();
    const app = await runtime.start({ workers });
    const tasks = { fast: { type: "gated", input: 1 }, slow: { type: "gated", input: 2 } };
    const ended = send(app, { tasks, join: "any" }, {}, "r");
    await eventually("both at work", async () => (await app.get("r").catch(() => undefined))?.tasks.length === 3);
    open("fast");
    expect(await ended).toEqual({ fast: 1 });
    await eventually("the other aborted", async () => aborted.includes("slow"));
    expect(await statesOf(app, "r")).toMatchObject({ slow: "abandoned" });
  });

  test("names the cause of its failure, and goes on from there when it is redriven", async () => {
    let isBroken = true;
    const shaky = worker("shaky", {
      retry: { attempts: 1 },
      run: () => {
        if (isBroken) throw new Error("not now");
        return 1;
      },
    });
    const app = await runtime.start({ workers: [...createWorkers().workers, shaky] });
    const tasks = {
      a: { type: "shaky" },
      b: { type: "echo", input: { $ref: "a" } },
      c: { type: "echo", needs: ["b"] },
    };
    await expect(send(app, { tasks }, {}, "r")).rejects.toMatchObject({
      code: 422,
      message: "task a failed: not now",
      details: { task: "a" },
    });
    expect((await app.get("r")).tasks.find(({ task }) => task === "c")).toMatchObject({ state: "failed", cause: "a" });
    isBroken = false;
    await app.dead.redrive("r");
    expect(await app.result("r")).toEqual({ a: 1, b: 1, c: {} });
  });

  test("has of its tasks the attempts and the time that they state", async () => {
    let times = 0;
    const shaky = worker("shaky", {
      retry: { attempts: 1 },
      run: () => {
        if (++times < 3) throw new Error("not yet");
        return times;
      },
    });
    const app = await runtime.start({ workers: [...createWorkers().workers, shaky] });
    const tasks = {
      a: { type: "shaky", retry: { attempts: 3, delay: 1 } },
      b: { type: "gated", timeout: "50ms", retry: { attempts: 1 } },
    };
    expect(await send(app, { tasks, output: { a: { $ref: "a" }, b: { $outcome: "b" } }, join: "settled" })).toEqual({
      a: 3,
      b: { state: "failed", error: { kind: "retryable", name: "timeout", message: expect.stringContaining("50 ms") } },
    });
  });

  test("has those failures of a task tried again that it says, and no others", async () => {
    class QuotaError extends Error {
      override readonly name = "QuotaError";
    }
    const tries: Record<string, number> = {};
    const failing = worker("failing", {
      run: ({ task, input }) => {
        tries[task] = (tries[task] ?? 0) + 1;
        if (input === "terminal") throw new TerminalError("not like this");
        throw input === "quota" ? new QuotaError("all used") : new Error("not now");
      },
    });
    const app = await runtime.start({ workers: [failing] });
    const one = (input: string, ...on: string[]) => ({
      type: "failing",
      input,
      retry: { attempts: 2, delay: 1, on },
      optional: true,
    });
    const tasks = {
      named: one("quota", "timeout", "QuotaError"),
      other: one("other", "QuotaError"),
      kind: one("other", "retryable"),
      final: one("terminal", "terminal"),
      left: one("terminal", "retryable"),
    };
    await send(app, { tasks });
    expect(tries).toEqual({ named: 2, other: 1, kind: 2, final: 2, left: 1 });
  });

  test("is over at the deadline of a task, whatever its attempts and its plan do", async () => {
    const { workers, aborted } = createWorkers();
    const app = await runtime.start({ workers });
    const endless = { type: "fail", retry: { attempts: 1000, delay: "10ms", backoff: "constant" } };
    const tasks = {
      attempt: { type: "gated", deadline: "100ms" },
      tries: { ...endless, deadline: "100ms" },
      inner: { plan: { tasks: { x: { type: "gated" } } }, deadline: "100ms" },
      map: { type: "gated", each: { in: [1, 2] }, deadline: "100ms" },
      quick: { type: "echo", input: 1, deadline: "1h" },
    };
    const output = Object.fromEntries(Object.keys(tasks).map((key) => [key, { $outcome: key }]));
    const message = "it did not end within its deadline of 100 ms";
    const late = { state: "failed", error: { kind: "terminal", name: "timeout", message } };
    expect(await send(app, { tasks, output, join: "settled" })).toEqual({
      attempt: late,
      tries: late,
      inner: late,
      map: late,
      quick: { state: "succeeded", output: 1 },
    });
    await eventually("all aborted", async () => aborted.length === 4);
  });

  test("is refused for what is not carried out yet, sent or returned by a worker", async () => {
    const app = await runtime.start({ workers: createWorkers().workers });
    const plan = { v: 2, tasks: { a: { type: "echo", cache: { for: "1d" } } } };
    const message = "cache is not carried out by this version yet";
    await expect(send(app, plan, {}, "r")).rejects.toMatchObject({
      code: 400,
      message: `the input of plan is invalid: /plan/tasks/a/cache: ${message}`,
      details: { path: "/plan/tasks/a/cache" },
    });
    await expect(app.get("r")).rejects.toMatchObject({ code: 404 });
    await expect(app.run("planner", plan as never, { run: "p" })).rejects.toMatchObject({
      code: 422,
      message: `task - failed: the plan of planner is refused: /tasks/a/cache: ${message}`,
    });
    expect((await app.get("p")).tasks).toMatchObject([{ task: "-", attempt: 1, error: { kind: "terminal" } }]);
  });

  test("is refused as a whole before anything starts", async () => {
    const app = await runtime.start({ workers: createWorkers().workers });
    const wrong = { tasks: { a: { type: "nobody-does" }, b: { type: "echo", needs: ["x"] } } };
    await expect(send(app, wrong, {}, "r")).rejects.toMatchObject({
      code: 400,
      details: { problems: [{ path: "/plan/tasks/a/type" }, { path: "/plan/tasks/b/needs/0" }] },
    });
    await expect(app.get("r")).rejects.toMatchObject({ code: 404 });
  });
});

test("a plan of version 2 takes first what is urgent", async () => {
  const order: string[] = [];
  const gate = Promise.withResolvers<void>();
  const workers = [
    worker("gate", { run: () => gate.promise }),
    worker("step", { run: ({ task }) => void order.push(task) }),
  ];
  const { app, clock } = await startTestTutti({ workers, concurrency: 1 });
  const priorities = ["low", "high"] as const;
  // Their queues are opened by the first task of each.
  for (const priority of priorities) await clock.runUntilSettled(app.run("step", {}, { priority }));
  order.length = 0;
  await clock.runUntilSettled(app.submit("gate", {}));
  const steps = priorities.flatMap((priority) =>
    [0, 1, 2, 3].map((n) => [`${priority}-${n}`, { type: "step", priority }]),
  );
  const { run } = await clock.runUntilSettled(
    app.submit("plan", { plan: { v: 2, tasks: Object.fromEntries(steps) } } as never),
  );
  await clock.advance(100);
  gate.resolve();
  await clock.runUntilSettled(app.result(run));
  expect(order).toHaveLength(8);
  const placesOf = (which: string) => order.flatMap((task, place) => (task.startsWith(which) ? [place] : []));
  const sum = (which: string) => placesOf(which).reduce((before, place) => before + place, 0);
  expect(sum("high")).toBeLessThan(sum("low"));
  await clock.runUntilSettled(app.stop());
});

describeOnNats("a plan of version 2, over orchestrators that are killed", (runtime) => {
  const timing = { ackWaitMs: 1500, presenceTtlMs: 1000 };
  const startOrchestrator = () =>
    startRuntimeProcess({ bus: runtime.server.url, prefix: runtime.prefix, shards: 4, timing });

  test("goes on where it stood: joins, conditions, and what was abandoned", async () => {
    const { workers, open } = createWorkers();
    let orchestrator = await startOrchestrator();
    const app = await runtime.start({ orchestrator: false, workers, timing });
    const tasks = {
      a: { type: "gated", input: { n: 7 } },
      slow: { type: "gated" },
      first: { type: "gated", needs: ["a", "slow"], join: "any", input: { a: { $ref: "a#/n", default: null } } },
      b: { type: "echo", when: "first.a > 5", input: { $expr: "first.a + 1" } },
      c: { type: "echo", when: "first.a <= 5", input: 0 },
      late: { type: "gated", deadline: "2s", optional: true },
      // Larger than what travels in a message.
      d: { type: "given", needs: ["b", "c"], join: "settled", input: { text: "x".repeat(300_000) } },
    };
    const ended = send(
      app,
      { tasks, output: { b: { $ref: "b", default: null }, c: { $ref: "d#/needs/c" } } as never },
      {},
      "r",
    ).catch((error) => error);
    const isThere = (task: string, state: string) =>
      eventually(`${task} ${state}`, async () => (await statesOf(app, "r").catch(() => ({}) as never))[task] === state);
    for (const task of ["a", "first"]) {
      await isThere(task, "ready");
      await orchestrator.kill9();
      open(task);
      orchestrator = await startOrchestrator();
    }
    expect(await ended).toEqual({ b: 8, c: { state: "skipped" } });
    expect(await statesOf(app, "r")).toMatchObject({ slow: "abandoned", c: "skipped", d: "succeeded", late: "failed" });
    expect((await app.get("r")).totals).toMatchObject({ succeeded: 5, failed: 1, skipped: 1, abandoned: 1 });
    await orchestrator.stop();
  }, 60_000);
});

describeOnNats("a client that knows nothing but NATS", (runtime) => {
  test("sends a plan, and is told what is wrong with one", async () => {
    await runtime.start({ workers: createWorkers().workers });
    const client = await connectPlainly(runtime.server.url);
    const plan = { v: 2, tasks: { a: { type: "echo", input: { $ref: "#" } } }, output: "a" };
    expect((await client.request(`${runtime.prefix}.run.plan`, { plan, input: [1] })).json).toEqual([1]);
    const refused = await client.request(`${runtime.prefix}.run.plan`, { plan: { v: 2 } });
    expect(refused.json).toMatchObject({ error: { code: 400, path: "/plan/tasks" } });
    expect((await client.request(`${runtime.prefix}.run.plan`, 5)).json).toMatchObject({
      error: { code: 400 },
    });
    await client.close();
  });
});
