import { expect, test } from "vitest";
import { z } from "zod";
import { parseTaskSubject } from "../../src/bus/subjects.ts";
import { createTopology } from "../../src/bus/topology.ts";
import { PlanOf, type Tutti, worker } from "../../src/index.ts";
import { eventually } from "../contract/wait.ts";
import { connectPlainly } from "../support/plain-client.ts";
import { describeOnNats, describeShared } from "../support/runtime.ts";
import { startRuntimeProcess } from "../support/runtime-process.ts";

/** Handlers that the test lets go on, one at once. */
function createWorkers() {
  const gates = new Map<string, PromiseWithResolvers<void>>();
  const gateOf = (task: string) => {
    const gate = gates.get(task) ?? Promise.withResolvers<void>();
    gates.set(task, gate);
    return gate;
  };
  const started: string[] = [];
  const aborted: string[] = [];
  const workers = [
    worker("gated", {
      concurrency: 1,
      run: async ({ task, attempt, signal }) => {
        started.push(`${task}@${attempt}`);
        const stopped = new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
        stopped.catch(() => aborted.push(task));
        await Promise.race([gateOf(task).promise, stopped]);
        return task as never;
      },
    }),
    worker("echo", { run: ({ input }) => input as never }),
  ];
  const hasStarted = (task: string) => eventually(`${task} at work`, async () => started.includes(`${task}@1`));
  return { workers, started, aborted, hasStarted, open: (task: string) => gateOf(task).resolve() };
}

const submit = (app: Tutti, tasks: object, more: object = {}, run = "r") =>
  app.submit("plan", { plan: { v: 2, tasks, ...more } } as never, { run });
const stateOf = async (app: Tutti, run: string, task: string) =>
  (await app.get(run)).tasks.find((one) => one.task === task)?.state;
const isThere = (app: Tutti, task: string, state: string, run = "r") =>
  eventually(`${task} ${state}`, async () => (await stateOf(app, run, task).catch(() => undefined)) === state);

describeShared("a run that is paused", (runtime) => {
  /** Paths of the tasks of the run `r` that are on the queue or in a worker's hands. */
  const queued = async () => {
    const { streams, subjects } = createTopology({ prefix: runtime.prefix });
    const found = await runtime.bus.listSubjects(streams.tasks.name, `${runtime.prefix}.tasks.>`);
    return found
      .map((subject) => parseTaskSubject(subjects, subject))
      .flatMap(({ run, task }) => (run === "r" ? [task] : []));
  };

  test("starts nothing, not what was queued either, and goes on when it is resumed", async () => {
    const { workers, started, hasStarted, open } = createWorkers();
    const app = await runtime.start({ workers });
    const after = { type: "gated", needs: ["a"] };
    const handle = await submit(app, { a: { type: "gated" }, b: after, c: after, d: after });
    await hasStarted("a");
    await handle.pause({ by: "me", reason: "the site is down" });
    open("a");
    await isThere(app, "a", "succeeded");
    expect(await handle.get()).toMatchObject({
      status: "paused",
      paused: [{ task: "-", by: "me", reason: "the site is down", since: expect.any(String) }],
    });
    await handle.resume();
    expect((await handle.get()).paused).toBeUndefined();
    await eventually("one at work, and two queued", async () => started.length === 2 && (await queued()).length === 3);
    const running = started[1]!.split("@")[0]!;
    await handle.pause();
    await eventually("the queued are pulled back", async () => (await queued()).length === 1);
    expect(await queued()).toEqual([running]);
    // The worker takes what comes after, and so nothing of the run came before.
    const probe = await app.submit("gated", {}, { run: "probe" });
    open("-");
    open(running);
    await probe.result();
    expect(started).toEqual(["a@1", `${running}@1`, "-@1"]);
    for (const task of ["b", "c", "d"]) open(task);
    await handle.resume();
    await handle.result();
    expect([...started].sort()).toEqual(["-@1", "a@1", "b@1", "c@1", "d@1"]);
  });

  test("is reported to those who watch it, in its log, and can still be cancelled", async () => {
    const { workers, aborted, hasStarted } = createWorkers();
    const app = await runtime.start({ workers });
    const handle = await submit(app, { a: { type: "gated" } });
    const statuses = (async () => {
      const found: string[] = [];
      for await (const event of handle.watch()) if (event.kind === "run") found.push(event.run.status);
      return found;
    })();
    await hasStarted("a");
    await handle.pause({ by: "me" });
    await isThere(app, "a", "ready");
    await app.resume("r");
    await app.pause(handle, { reason: "again" });
    await handle.cancel();
    await expect(handle.result()).rejects.toMatchObject({ code: 499 });
    await eventually("the handler aborted", async () => aborted.includes("a"));
    const found = await statuses;
    expect([found[0], found.at(-1)]).toEqual(["running", "cancelled"]);
    expect(found).toContain("paused");
    const events = (await app.log("r")).map(({ event, body }) => [event, body]);
    expect(events).toContainEqual(["pause", { v: 2, task: "-", by: "me" }]);
    expect(events).toContainEqual(["resume", { v: 2, task: "-" }]);
  });

  test("may be a part of it; what is asked in vain is refused with a sentence", async () => {
    const { workers, hasStarted, open } = createWorkers();
    const app = await runtime.start({ workers });
    const inner = { plan: { tasks: { x: { type: "gated" }, y: { type: "echo", input: 5, needs: ["x"] } } } };
    const handle = await submit(app, { a: inner, b: { type: "echo", input: 1 }, c: { type: "gated" } });
    await hasStarted("a/x");
    await handle.pause({ task: "a" });
    await handle.pause({ task: "a" });
    open("a/x");
    await isThere(app, "a/x", "succeeded");
    expect(await handle.get()).toMatchObject({ status: "running", paused: [{ task: "a" }] });
    const refused = (code: number, message: string) => ({ code, message: expect.stringContaining(message) });
    await expect(handle.resume({ task: "b" })).rejects.toMatchObject(refused(409, "task b of run r is not paused"));
    await expect(handle.resume()).rejects.toMatchObject(refused(409, "run r is not paused"));
    await expect(handle.resume({ task: "a/y" })).rejects.toMatchObject(refused(409, "task a is, which contains it"));
    await expect(handle.pause({ task: "none" })).rejects.toMatchObject(refused(404, "run r has no task none"));
    await expect(handle.pause({ task: "b" })).rejects.toMatchObject(refused(409, "is over: it is succeeded"));
    await expect(app.pause("never")).rejects.toMatchObject(refused(404, "there is no run never"));
    await handle.resume({ task: "a" });
    await handle.resume({ task: "a" });
    open("c");
    expect(await handle.result()).toMatchObject({ a: { y: 5 }, b: 1 });
    await expect(handle.pause()).rejects.toMatchObject(refused(409, "run r has ended already"));
  });

  test("has a part of it cancelled alone: a failure that joins take, and no retry", async () => {
    const { workers, started, aborted, hasStarted } = createWorkers();
    const app = await runtime.start({ workers });
    const handle = await submit(
      app,
      {
        a: { type: "gated", retry: { attempts: 3, delay: 1 } },
        b: { type: "echo", needs: ["a"], join: "settled", input: { $outcome: "a" } },
      },
      { output: "b" },
    );
    await hasStarted("a");
    await handle.cancel({ task: "a", by: "me", reason: "enough" });
    expect(await handle.result()).toEqual({
      state: "cancelled",
      error: { kind: "cancelled", message: "cancelled by me: enough" },
    });
    await eventually("the handler aborted", async () => aborted.includes("a"));
    expect(started).toEqual(["a@1"]);
  });

  test("has a task marked from outside, whose handler is aborted", async () => {
    const { workers, aborted, hasStarted } = createWorkers();
    const typed = worker("typed", { output: z.object({ n: z.number() }), run: () => new Promise<never>(() => {}) });
    const app = await runtime.start({ workers: [...workers, typed] });
    const large = "x".repeat(300_000);
    const handle = await submit(
      app,
      {
        a: { type: "gated" },
        b: { type: "typed" },
        c: { type: "gated" },
        d: { type: "echo", input: { a: { $ref: "a" }, n: { $ref: "b#/n" }, c: { $outcome: "c" } }, join: "settled" },
      },
      { output: "d" },
    );
    await hasStarted("a");
    await expect(handle.mark("b", { output: { n: "five" } })).rejects.toMatchObject({
      code: 400,
      details: { path: "/output/n" },
    });
    await handle.mark("c", { fail: "the supplier is gone" }, { by: "me" });
    await handle.mark("b", { output: { n: 5 } }, { by: "me", reason: "by hand" });
    await handle.mark("a", { output: large });
    await expect(handle.result()).resolves.toEqual({
      a: large,
      n: 5,
      c: { state: "failed", error: { kind: "terminal", name: "marked", message: "the supplier is gone" } },
    });
    await eventually("the handler aborted", async () => aborted.includes("a"));
    const views = (await handle.get()).tasks;
    expect(views.find(({ task }) => task === "b")).toMatchObject({
      state: "succeeded",
      marked: { by: "me", reason: "by hand", at: expect.any(String) },
    });
    expect((await app.log("r")).map(({ event, body }) => [event, body])).toContainEqual([
      "mark",
      { v: 2, task: "b", output: { n: 5 }, by: "me", reason: "by hand" },
    ]);
  });

  test("refuses marks that have no meaning, and takes one that is repeated", async () => {
    const { workers, open, hasStarted } = createWorkers();
    const planner = worker("planner", { run: () => new PlanOf({ v: 1, tasks: { a: { type: "gated" } } }) as never });
    const app = await runtime.start({ workers: [...workers, planner] });
    const handle = await submit(app, { a: { type: "gated" }, b: { type: "planner" } });
    await hasStarted("a");
    await isThere(app, "b/a", "ready");
    const refused = (code: number, message: string) => ({ code, message: expect.stringContaining(message) });
    await expect(handle.mark("none", { skip: true })).rejects.toMatchObject(refused(404, "run r has no task none"));
    await expect(handle.mark("b/a", { skip: true })).rejects.toMatchObject(refused(409, "of version 1"));
    await expect(handle.mark("a", {} as unknown as { skip: true })).rejects.toMatchObject(
      refused(400, "exactly one of output, skip and fail"),
    );
    await handle.mark("a", { output: 1 });
    await handle.mark("a", { output: 1 });
    await expect(handle.mark("a", { fail: "no" })).rejects.toMatchObject(refused(409, "is over: it is succeeded"));
    open("b/a");
    expect(await handle.result()).toEqual({ a: 1, b: { a: "b/a" } });
  });
});

describeOnNats("a run that is paused, over orchestrators that are killed", (runtime) => {
  const timing = { ackWaitMs: 1500, presenceTtlMs: 1000 };
  const startOrchestrator = () =>
    startRuntimeProcess({ bus: runtime.server.url, prefix: runtime.prefix, shards: 4, timing });

  test("stays paused, and goes on where it stood", async () => {
    const { workers, started, hasStarted, open } = createWorkers();
    const first = await startOrchestrator();
    const app = await runtime.start({ orchestrator: false, workers, timing });
    const tasks = {
      a: { type: "gated" },
      b: { type: "gated", needs: ["a"] },
      late: { type: "echo", needs: ["a"], join: { settled: true, within: "1h" } },
      told: { type: "gated" },
      part: { optional: true, plan: { tasks: { x: { type: "gated" } } } },
    };
    const handle = await submit(app, tasks, { output: "b" });
    await hasStarted("a");
    await handle.pause({ by: "me" });
    await handle.cancel({ task: "part" });
    await handle.mark("told", { output: 3 });
    await first.kill9();
    // The worker may be given it before the next owner finds it on the queue.
    open("part/x");
    open("told");
    open("a");
    const second = await startOrchestrator();
    await isThere(app, "a", "succeeded");
    await isThere(app, "part", "cancelled");
    await isThere(app, "told", "succeeded");
    expect(await handle.get()).toMatchObject({ status: "paused", paused: [{ by: "me" }] });
    expect(await stateOf(app, "r", "b")).toBe("blocked");
    open("b");
    await handle.resume();
    expect(await handle.result()).toBe("b");
    expect(started.filter((attempt) => attempt !== "part/x@1" && attempt !== "told@1")).toEqual(["a@1", "b@1"]);
    await second.stop();
  }, 60_000);
});

describeOnNats("a client that knows nothing but NATS", (runtime) => {
  test("pauses and resumes, and is told what it did", async () => {
    const { workers, hasStarted, open } = createWorkers();
    const app = await runtime.start({ workers });
    const handle = await submit(app, { a: { type: "gated" } });
    await hasStarted("a");
    const client = await connectPlainly(runtime.server.url);
    const ask = async (verb: string, body: object) =>
      (await client.request(`${runtime.prefix}.api.runs.${verb}`, body)).json;
    expect(await ask("pause", { run: "r", by: "me" })).toEqual({ run: "r", task: "-", status: "paused" });
    expect(await ask("resume", { run: "r" })).toEqual({ run: "r", task: "-", status: "running" });
    expect(await ask("resume", { run: "r", task: "a" })).toMatchObject({ error: { code: 409, task: "a" } });
    expect(await ask("pause", { task: "a" })).toMatchObject({ error: { code: 400, path: "/run" } });
    await client.close();
    open("a");
    await handle.result();
  });
});
