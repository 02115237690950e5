import { expect, test } from "vitest";
import { type Tutti, worker } from "../../src/index.ts";
import { eventually } from "../contract/wait.ts";
import { describeOnNats, describeRuntime } from "../support/runtime.ts";
import { startRuntimeProcess } from "../support/runtime-process.ts";

/** Workers that note what they did, and handlers that wait for the test. */
function createWorkers() {
  const done: string[] = [];
  const gates = new Map<string, PromiseWithResolvers<void>>();
  const gateOf = (task: string) => {
    const gate = gates.get(task) ?? Promise.withResolvers<void>();
    gates.set(task, gate);
    return gate;
  };
  const workers = [
    worker("echo", {
      run: ({ input, task }) => {
        done.push(task);
        return input as never;
      },
    }),
    worker("fail", {
      retry: { attempts: 1 },
      run: ({ task }) => {
        throw new Error(`${task} broke`);
      },
    }),
    worker("keyed", { run: ({ input, idempotencyKey, attempt }) => ({ input, idempotencyKey, attempt }) as never }),
    worker("gated", {
      run: async ({ input, task }) => {
        await gateOf(task).promise;
        done.push(task);
        return input as never;
      },
    }),
  ];
  workers.push(
    worker("gated-change", {
      run: async ({ task }) => {
        await gateOf(task).promise;
        return { tasks: { x: { type: "echo", input: "y".repeat(300_000) } } } as never;
      },
    }),
  );
  return { workers, done, open: (task: string) => gateOf(task).resolve() };
}

const send = (app: Tutti, plan: object, input: unknown = {}, run?: string) =>
  app.run("plan", { plan: { v: 2, ...plan }, input } as never, run === undefined ? {} : { run });
const viewsOf = async (app: Tutti, run: string) =>
  Object.fromEntries((await app.get(run)).tasks.map((view) => [view.task, view]));

describeRuntime("a fallback", (runtime) => {
  test("takes the failure of a task: a value, or another task with a key of its own", async () => {
    const app = await runtime.start({ workers: createWorkers().workers });
    const tasks = {
      a: { type: "echo", input: 1 },
      value: { type: "fail", needs: ["a"], fallback: { value: { a: { $ref: "a" }, b: { $expr: "a + 1" } } } },
      type: { type: "fail", needs: ["a"], fallback: { type: "keyed", input: { $ref: "a" } } },
      map: { type: "fail", each: { in: [1, 2] }, fallback: { type: "echo", input: { n: { $item: "" } } } },
      inner: { plan: { tasks: { x: { type: "fail" } } }, fallback: { value: "instead" } },
    };
    expect(await send(app, { tasks }, {}, "r")).toEqual({
      a: 1,
      value: { a: 1, b: 2 },
      type: { input: 1, idempotencyKey: "default/r/type/_fallback", attempt: 2 },
      map: [{ n: 1 }, { n: 2 }],
      inner: "instead",
    });
    const { value, type } = await viewsOf(app, "r");
    expect(value).toMatchObject({ state: "succeeded", type: "fail", fallback: true });
    expect(type).toMatchObject({ state: "succeeded", type: "keyed", fallback: true, attempt: 2 });
  });

  test("that fails, fails its task", async () => {
    const app = await runtime.start({ workers: createWorkers().workers });
    await expect(
      send(app, { tasks: { a: { type: "fail", fallback: { type: "fail" } } } }, {}, "r"),
    ).rejects.toMatchObject({ code: 422, message: "task a failed: a broke", details: { task: "a" } });
    expect((await viewsOf(app, "r")).a).toMatchObject({ state: "failed", attempt: 2, fallback: true });
  });
});

describeRuntime("a run that fails", (runtime) => {
  const u = (input: unknown = {}) => ({ type: "echo", input });

  test("is undone, latest first, before the run ends", async () => {
    const { workers, done } = createWorkers();
    const app = await runtime.start({ workers });
    const tasks = {
      a: { type: "echo", input: { id: 7 }, compensate: u({ id: { $ref: "a#/id" } }) },
      b: { type: "echo", needs: ["a"], compensate: { type: "fail" } },
      map: { type: "echo", needs: ["b"], each: { in: [1, 2] }, compensate: u({ $item: "" }) },
      c: { type: "fail", needs: ["map"] },
      late: { type: "echo", needs: ["c"] },
    };
    await expect(send(app, { tasks, finally: u({ $ref: "a" }) }, {}, "r")).rejects.toMatchObject({
      code: 422,
      message: "task c failed: c broke",
    });
    expect(done).toEqual([...["a", "b", "map/0", "map/1"], ...["map/1/_undo", "map/0/_undo", "a/_undo", "_finally"]]);
    const { tasks: views, totals } = await app.get("r");
    expect(views.filter(({ state }) => state === "compensated").map(({ task }) => task)).toEqual([
      "a",
      "map/0",
      "map/1",
    ]);
    expect(views.find(({ task }) => task === "b")).toMatchObject({ state: "uncompensated" });
    expect(totals).toMatchObject({ compensated: 3, uncompensated: 1 });
    await expect(app.dead.redrive("r")).rejects.toMatchObject({ code: 409, message: expect.stringContaining("undo") });
  });

  test("runs what it says at its end, whatever happened", async () => {
    const { workers, done } = createWorkers();
    const app = await runtime.start({ workers });
    const plan = (type: string) => ({
      tasks: { a: { plan: { tasks: { x: { type } }, finally: u() }, optional: true } },
      finally: u(),
    });
    await send(app, plan("echo"));
    expect(done.splice(0)).toEqual(["a/x", "a/_finally", "_finally"]);
    await send(app, plan("fail"));
    expect(done.splice(0)).toEqual(["a/_finally", "_finally"]);
    const dirty = { tasks: { a: { type: "echo" } }, finally: { type: "fail" } };
    await expect(send(app, dirty)).rejects.toMatchObject({ message: "task _finally failed: _finally broke" });
  });

  test("by a cancellation or its deadline is undone too, until it is cancelled again", async () => {
    const { workers, done, open } = createWorkers();
    const app = await runtime.start({ workers });
    const tasks = { a: { type: "echo", compensate: u() }, b: { type: "gated", needs: ["a"] } };
    const late = app.run("plan", { plan: { v: 2, tasks } } as never, { deadline: 300 });
    await expect(late).rejects.toMatchObject({ code: 408 });
    expect(done.splice(0)).toEqual(["a", "a/_undo"]);
    const slow = { a: { type: "echo", compensate: { type: "gated" } }, b: { type: "gated", needs: ["a"] } };
    const ended = send(app, { tasks: slow }, {}, "r").catch((error) => error);
    await eventually("b", async () => (await viewsOf(app, "r").catch(() => undefined))?.b?.state === "ready");
    await app.cancel("r");
    await eventually("the undo", async () => (await viewsOf(app, "r"))["a/_undo"]);
    expect((await app.get("r")).status).toBe("running");
    await app.cancel("r");
    expect(await ended).toMatchObject({ code: 499 });
    expect((await viewsOf(app, "r")).a).toMatchObject({ state: "uncompensated" });
    open("a/_undo");
  });
});

describeRuntime("a plan", (runtime) => {
  test("is changed where its plan breaks, at most as often as it says", async () => {
    const given: unknown[] = [];
    const answers = [{ tasks: { x: 5 } }, { tasks: { x: { type: "echo", input: { $ref: "#" } } } }];
    const change = worker("change", {
      run: ({ input }) => {
        given.push(input);
        return answers.shift() as never;
      },
    });
    const app = await runtime.start({ workers: [...createWorkers().workers, change] });
    const tasks = { x: { type: "fail" }, y: { type: "echo", input: { $ref: "x" } } };
    const a = { plan: { tasks, output: "y" }, input: { $ref: "#/n" }, replan: { type: "change", times: 2 } };
    expect(await send(app, { tasks: { a }, output: "a" }, { n: [7] }, "r")).toEqual([7]);
    expect(given).toMatchObject([
      { failed: { task: "a/x", message: "a/x broke" }, input: [7], plan: { tasks: { y: { type: "echo" } } } },
      { refused: expect.stringContaining("/tasks/x: expected a task") },
    ]);
    const events = (await app.log("r")).filter(({ event }) => event === "replan");
    expect(events.map(({ body }) => (body as { v: number }).v)).toEqual([2, 2]);
    const { "a/x": x, "a/_replan": asked } = await viewsOf(app, "r");
    expect(x).toMatchObject({ state: "succeeded", type: "echo", attempt: 2 });
    expect(asked).toMatchObject({ state: "succeeded", type: "change", attempt: 2 });
  });
});

describeOnNats("what follows a failure, over orchestrators that are killed", (runtime) => {
  const timing = { ackWaitMs: 1500, presenceTtlMs: 1000 };
  const startOrchestrator = () =>
    startRuntimeProcess({ bus: runtime.server.url, prefix: runtime.prefix, shards: 4, timing });

  test("goes on: a change of the plan, a fallback, an undo, and what the plan runs at its end", async () => {
    const { workers, done, open } = createWorkers();
    let orchestrator = await startOrchestrator();
    const app = await runtime.start({ orchestrator: false, workers, timing });
    const gated = { type: "gated" };
    const tasks = {
      a: { type: "fail", fallback: { type: "gated", input: { text: "x".repeat(300_000) } }, compensate: gated },
      p: {
        plan: { tasks: { x: { type: "fail" } } },
        replan: "gated-change",
        needs: ["a"],
      },
      b: {
        type: "echo",
        needs: ["p"],
        input: { $expr: "size(a.text)" },
        compensate: { type: "echo", input: { $ref: "b" } },
      },
      c: { type: "fail", needs: ["b"] },
    };
    const ended = send(app, { tasks, finally: gated }, {}, "r").catch((error) => error);
    open("a");
    for (const task of ["p/_replan", "a/_undo", "_finally"]) {
      await eventually(task, async () => {
        const view = (await viewsOf(app, "r").catch(() => undefined))?.[task];
        return view?.fallback || view?.task.includes("_");
      });
      await orchestrator.kill9();
      open(task);
      orchestrator = await startOrchestrator();
    }
    expect(await ended).toMatchObject({ code: 422, message: "task c failed: c broke" });
    expect(done).toEqual(["a", "p/x", "b", "b/_undo", "a/_undo", "_finally"]);
    await orchestrator.stop();
  }, 60_000);
});
