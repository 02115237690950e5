import { expect, test } from "vitest";
import { connectNats } from "../../src/bus/nats/bus.ts";
import { type Tutti, worker } from "../../src/index.ts";
import { eventually } from "../contract/wait.ts";
import { connectPlainly } from "../support/plain-client.ts";
import { describeOnNats, describeRuntime } from "../support/runtime.ts";
import { startRuntimeProcess } from "../support/runtime-process.ts";

const echo = worker("echo", { run: ({ input }) => input as never });

const submit = (app: Tutti, plan: object, run: string, input: unknown = {}) =>
  app.submit("plan", { plan: { v: 2, ...plan }, input } as never, { run });
const waiting = (app: Tutti, count: number) =>
  eventually(`${count} waits`, async () => (await app.approvals()).length === count);
const schema = { type: "object", required: ["ok"], properties: { ok: { type: "boolean" } } };

describeRuntime("a wait for a signal", (runtime) => {
  test("asks, is listed, refuses what is not asked for, and gives the answer on", async () => {
    const app = await runtime.start({ workers: [echo] });
    const tasks = {
      draft: { type: "echo", input: { text: "Hello" } },
      ask: {
        wait: { signal: "approve", ask: { publish: { $ref: "draft#/text" } }, schema, from: ["ada"], within: "2d" },
      },
      publish: { type: "echo", when: "ask.ok", input: { said: { $ref: "ask" } } },
    };
    const handle = await submit(app, { tasks, output: { said: { $ref: "publish#/said", default: null } } }, "r");
    await waiting(app, 1);
    const [asked] = await app.approvals();
    expect(asked).toMatchObject({ run: "r", type: "plan", task: "ask", signal: "approve", from: ["ada"], schema });
    expect(asked!.ask).toEqual({ publish: "Hello" });
    expect(Date.parse(asked!.until!) - Date.parse(asked!.since)).toBe(2 * 86_400_000);
    expect((await app.get("r")).tasks.find(({ task }) => task === "ask")).toMatchObject({
      type: "wait",
      state: "awaiting",
      wait: { for: "signal", name: "approve", ask: { publish: "Hello" }, from: ["ada"], until: asked!.until },
    });
    await expect(handle.signal("approve", { ok: "yes" }, { by: "eve" })).rejects.toMatchObject({
      code: 400,
      message:
        'the signal is not what ask waits for: /by: expected ada, received "eve"; /data/ok: expected boolean, received "yes"',
    });
    expect(await handle.signal("approve", { ok: true }, { by: "ada", id: "once" })).toEqual({
      run: "r",
      id: "once",
      state: "taken",
      task: "ask",
    });
    expect(await handle.result()).toEqual({ said: { ok: true } });
    expect(await app.approvals()).toEqual([]);
    // The same once more, after the end that it has brought about; and another one.
    expect(await handle.signal("approve", { ok: true }, { by: "ada", id: "once" })).toMatchObject({ state: "taken" });
    await expect(handle.signal("approve", { ok: true })).rejects.toMatchObject({ code: 409 });
    await expect(app.signal("nobody", "approve")).rejects.toMatchObject({ code: 404 });
  });

  test("for a time succeeds when that has come", async () => {
    const app = await runtime.start({ workers: [echo] });
    const tasks = {
      a: { wait: { for: { $ref: "#/pause" } } },
      b: { wait: { until: { $expr: "input.until" } } },
      c: { type: "echo", needs: ["a", "b"], input: "later" },
      never: { wait: { for: "400d" } },
    };
    const until = new Date(Date.now() + 150).toISOString();
    const plan = { tasks, output: "c", join: "any" };
    expect(await (await submit(app, plan, "r", { pause: "100ms", until })).result()).toBe("later");
    expect(Date.now()).toBeGreaterThanOrEqual(Date.parse(until));
    expect((await app.get("r")).tasks.find(({ task }) => task === "never")).toMatchObject({ state: "abandoned" });
    const wrong = await submit(app, { tasks: { a: { wait: { until: { $ref: "#/x" } } } } }, "wrong", { x: "soon" });
    await expect(wrong.result()).rejects.toMatchObject({
      message: expect.stringContaining(
        'wait/until: expected a time in ISO 8601, or milliseconds since the epoch, received "soon"',
      ),
    });
  });
});

describeRuntime("a wait", (runtime) => {
  test("keeps an early signal, and is answered once whatever is sent", async () => {
    const app = await runtime.start({ workers: [echo] });
    const ask = { wait: { signal: "go" } };
    const tasks = { pause: { wait: { for: "150ms" } }, a: { ...ask, needs: ["pause"] }, b: { ...ask, needs: ["a"] } };
    const handle = await submit(app, { tasks }, "r");
    expect(await handle.signal("go", 1, { id: "one" })).toEqual({ run: "r", id: "one", state: "kept" });
    expect(await handle.signal("go", 1, { id: "one" })).toEqual({ run: "r", id: "one", state: "kept" });
    await eventually(
      "b waits",
      async () => (await handle.get()).tasks.find(({ task }) => task === "b")?.wait !== undefined,
    );
    // It waits no more, which its path says; the name is still waited for.
    await expect(handle.signal("a", 2)).rejects.toMatchObject({ code: 409 });
    expect(await handle.signal("go", 3)).toMatchObject({ state: "taken", task: "b" });
    expect(await handle.result()).toMatchObject({ a: 1, b: 3 });
  });

  test("in parallel branches, all answered at once, takes one answer each", async () => {
    const app = await runtime.start({ workers: [echo] });
    const keys = Array.from({ length: 8 }, (_, i) => `branch-${i}`);
    const branch = { plan: { tasks: { ask: { wait: { signal: "ok", schema: { type: "number" } } } }, output: "ask" } };
    const handle = await submit(app, { tasks: Object.fromEntries(keys.map((key) => [key, branch])) }, "r");
    await waiting(app, keys.length);
    const answers = await Promise.all(keys.map((_, i) => handle.signal("ok", i)));
    expect(new Set(answers.map(({ task }) => task))).toEqual(new Set(keys.map((key) => `${key}/ask`)));
    const output = (await handle.result()) as Record<string, number>;
    expect(Object.values(output).sort()).toEqual(keys.map((_, i) => i));
  });

  test("takes the end of another run: its output, or its failure", async () => {
    const gate = Promise.withResolvers<void>();
    const gated = worker("gated", { run: () => gate.promise.then(() => "done") });
    const fail = worker("fail", {
      retry: { attempts: 1 },
      run: () => {
        throw new Error("it broke");
      },
    });
    const app = await runtime.start({ workers: [echo, gated, fail] });
    await app.run("echo", "before" as never, { run: "over" });
    await app.submit("gated", {} as never, { run: "open" });
    await app.run("fail", {} as never, { run: "broken" }).catch(() => {});
    const waits = ["over", "open", "broken", "nobody", "r"].map((run) => [run, { wait: { run }, optional: true }]);
    const tasks = Object.fromEntries(waits);
    const output = Object.fromEntries(waits.map(([run]) => [run as string, { $outcome: run }]));
    const handle = await submit(app, { tasks, output, join: "settled" }, "r");
    await eventually("it waits for the open one alone", async () => {
      const open = (await handle.get()).tasks.filter(({ state }) => state === "awaiting");
      return open.length === 1 && open[0]!.wait?.name === "open";
    });
    gate.resolve();
    expect(await handle.result()).toMatchObject({
      over: { state: "succeeded", output: "before" },
      open: { state: "succeeded", output: "done" },
      broken: { state: "failed", error: { name: "RunFailed" } },
      nobody: { state: "failed", error: { name: "UnknownRun" } },
      r: { state: "failed", error: { name: "OwnRun" } },
    });
  });
});

describeRuntime("a task of the type start", (runtime) => {
  test("starts another run, once, and does not wait for it", async () => {
    const gate = Promise.withResolvers<void>();
    const gated = worker("gated", { run: async ({ input }) => gate.promise.then(() => input as never) });
    const app = await runtime.start({ workers: [echo, gated] });
    const tasks = {
      n: { type: "echo", input: 2 },
      one: { type: "start", input: { type: "gated", input: { n: { $ref: "n" } } } },
      named: { type: "start", input: { type: "echo", input: { $expr: "n + 1" }, run: "named" } },
      many: { type: "start", each: { in: [1, 2] }, input: { type: "echo", input: { $item: "" } } },
      taken: { type: "start", input: { type: "echo", input: "other", run: "named" }, needs: ["named"], optional: true },
      nobody: { type: "start", input: { type: { $ref: "#/type" } }, optional: true },
    };
    const handle = await submit(app, { tasks }, "r", { type: "nobody-does" });
    const output = (await handle.result()) as { one: { run: string }; many: { run: string }[] };
    expect(output).toMatchObject({ one: { run: expect.stringMatching(/^r-/) }, named: { run: "named" } });
    expect(await app.result("named")).toBe(3);
    expect(await Promise.all(output.many.map(({ run }) => app.result(run)))).toEqual([1, 2]);
    const states = Object.fromEntries(
      (await handle.get()).tasks.map((one) => [one.task, one.error?.name ?? one.state]),
    );
    expect(states).toMatchObject({ taken: "NotStarted", nobody: "NotStarted" });
    expect((await app.get(output.one.run)).status).toBe("running");
    gate.resolve();
    expect(await app.result(output.one.run)).toEqual({ n: 2 });
    expect(await app.list()).toHaveLength(5);
    const [submitted] = await app.log("named");
    expect(submitted!.body).toMatchObject({ requester: "run r, task named" });
  });
});

describeRuntime("a task that is repeated", (runtime) => {
  test("polls until what it finds is right, and says which round it is in", async () => {
    let polls = 0;
    const gate = Promise.withResolvers<void>();
    const poll = worker("poll", {
      run: async ({ input }) => {
        if (++polls === 3) await gate.promise;
        return { ...(input as object), polls } as never;
      },
    });
    const app = await runtime.start({ workers: [echo, poll] });
    const repeat = { until: "p.polls >= least && p.ok", every: "20ms", times: 100 };
    const tasks = {
      least: { type: "echo", input: 3 },
      p: { type: "poll", input: { ok: { $expr: "least > 0" } }, repeat },
      never: { type: "echo", input: 1, repeat: { until: "never > 1", times: 2 }, optional: true },
    };
    const output = { p: { $ref: "p" }, never: { $outcome: "never" } };
    const handle = await submit(app, { tasks, output }, "r");
    const view = async () => (await handle.get()).tasks.find(({ task }) => task === "p");
    await eventually("the third round", async () => (await view())?.repeat?.round === 3);
    expect(await view()).toMatchObject({ state: "expanded", repeat: { round: 3, times: 100 } });
    gate.resolve();
    expect(await handle.result()).toMatchObject({
      p: { ok: true, polls: 3 },
      never: { state: "failed", error: { name: "exhausted" } },
    });
    const left = (await handle.get()).tasks.map(({ task }) => task);
    expect(left.sort()).toEqual(["-", "least", "never", "never/1", "p", "p/2"]);
  });
});

describeOnNats("a wait on NATS", (runtime) => {
  const timing = { ackWaitMs: 1500, presenceTtlMs: 1000 };
  const startOrchestrator = () =>
    startRuntimeProcess({ bus: runtime.server.url, prefix: runtime.prefix, shards: 4, timing });
  const waitsFor = (app: Tutti, run: string, task: string) =>
    eventually(`${task} waits`, async () => {
      const view = (await app.get(run).catch(() => undefined))?.tasks.find((one) => one.task === task);
      return view?.state === "awaiting";
    });

  test("takes the first message that matches, from where it began", async () => {
    const app = await runtime.start({ workers: [echo] });
    const client = await connectPlainly(runtime.server.url);
    const match = "message.order == input.order";
    const subject = { $expr: "'orders.' + run.id" };
    const tasks = { paid: { wait: { subject, match } }, text: { wait: { subject: "hello.*" } } };
    const handle = await submit(app, { tasks }, "r", { order: 7 });
    await waitsFor(app, "r", "paid");
    await waitsFor(app, "r", "text");
    const paid = (await handle.get()).tasks.find(({ task }) => task === "paid");
    expect(paid!.wait).toMatchObject({ for: "subject", name: "orders.r", isStored: false });
    for (const message of [{ order: 6 }, { other: true }, "text", { order: 7, by: "card" }, { order: 7 }])
      client.publish("orders.r", message);
    client.publish("hello.world", "no quotes around it");
    expect(await handle.result()).toMatchObject({ paid: { order: 7, by: "card" } });
    const wrong = await submit(app, { tasks: { a: { wait: { subject: `${runtime.prefix}.log.>` } } } }, "wrong");
    await expect(wrong.result()).rejects.toMatchObject({
      message: expect.stringContaining("wait/subject: expected a subject"),
    });
    await client.close();
  });

  test("outlives its orchestrator, which is killed: an approval, a time, another run, a message of a stream", async () => {
    let orchestrator = await startOrchestrator();
    const app = await runtime.start({ orchestrator: false, workers: [echo], timing });
    const stream = `${runtime.prefix}-orders`;
    const bus = await connectNats({ servers: runtime.server.url });
    await bus.ensureStream({ name: stream, subjects: [`${stream}.>`], retention: "limits" });
    const follower = { v: 2, tasks: { x: { type: "echo", input: "followed" } }, output: "x" };
    const tasks = {
      ask: { wait: { signal: "approve", schema, within: "1h" } },
      paid: { wait: { subject: `${stream}.paid`, match: "message.order == 7" } },
      other: { wait: { run: "other" } },
      time: { wait: { for: "3s" } },
      poll: { wait: { for: "50ms" }, repeat: { until: "run.id != 'r'", times: 40, every: "50ms" }, optional: true },
      after: { type: "start", needs: ["ask"], input: { type: "plan", input: { plan: { $literal: follower } } } },
    };
    await submit(app, { tasks: { gate: { wait: { signal: "gate" } } } }, "other");
    const handle = await submit(app, { tasks }, "r");
    for (const task of ["ask", "paid", "other", "time"]) await waitsFor(app, "r", task);
    await orchestrator.kill9();
    // Nobody listens now.
    await bus.append(`${stream}.paid`, Buffer.from(JSON.stringify({ order: 7 })));
    orchestrator = await startOrchestrator();
    await app.signal("other", "gate", "opened", { id: "gate" });
    expect(await handle.signal("approve", { ok: true }, { id: "a" })).toMatchObject({ task: "ask" });
    expect(await handle.signal("approve", { ok: true }, { id: "a" })).toMatchObject({ state: "taken" });
    const { after, ...output } = (await handle.result()) as { after: { run: string } };
    expect(await app.result(after.run)).toBe("followed");
    expect(output).toEqual({
      ask: { ok: true },
      paid: { order: 7 },
      other: { gate: "opened" },
      time: null,
    });
    await bus.close();
    await orchestrator.stop();
  }, 60_000);
});
