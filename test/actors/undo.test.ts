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

describeOnNats("what follows a failure, over orchestrators that are killed", (runtime) => {
  const timing = { ackWaitMs: 1500, presenceTtlMs: 1000 };
  const startOrchestrator = () =>
    startRuntimeProcess({ bus: runtime.server.url, prefix: runtime.prefix, shards: 4, timing });

  test("goes on: a fallback", async () => {
    const { workers, open } = createWorkers();
    let orchestrator = await startOrchestrator();
    const app = await runtime.start({ orchestrator: false, workers, timing });
    const tasks = { a: { type: "fail", fallback: { type: "gated", input: { text: "x".repeat(300_000) } } } };
    const ended = send(app, { tasks, output: { length: { $expr: "size(a.text)" } } }, {}, "r");
    await eventually("its fallback", async () => (await viewsOf(app, "r").catch(() => undefined))?.a?.fallback);
    await orchestrator.kill9();
    open("a");
    orchestrator = await startOrchestrator();
    expect(await ended).toEqual({ length: 300_000 });
    await orchestrator.stop();
  }, 60_000);
});
