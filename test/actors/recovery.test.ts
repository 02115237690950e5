import { describe, expect, test } from "vitest";
import { z } from "zod";
import { createMemoryBroker } from "../../src/bus/memory/bus.ts";
import type { Bus } from "../../src/bus/port.ts";
import { createVirtualClock } from "../../src/core/virtual-clock.ts";
import { plan, type Tutti, type TuttiError, type Worker, worker } from "../../src/index.ts";
import { tutti } from "../../src/tutti.ts";
import { eventually } from "../contract/wait.ts";
import { startProxy } from "../support/proxy.ts";
import { describeOnNats, type NatsRuntime } from "../support/runtime.ts";
import { startRuntimeProcess } from "../support/runtime-process.ts";

const TASKS = 1000;
const CONCURRENCY = 10;
/** Short, so that what a dead process had in hand comes back soon. */
const timing = { ackWaitMs: 1500, presenceTtlMs: 1000 };

/** Workers that count what they execute, and call `at` whenever there is one more. */
function countingWorkers(at: (executions: number) => void) {
  const executions = new Map<string, number>();
  let total = 0;
  const item = worker("item", {
    input: z.object({ i: z.number() }),
    output: z.number(),
    run: async ({ input, task }) => {
      executions.set(task, (executions.get(task) ?? 0) + 1);
      at(++total);
      await new Promise(setImmediate);
      return input.i;
    },
  });
  const sum = worker("sum", {
    output: z.number(),
    input: z.object({ all: z.array(z.number()) }),
    run: ({ input }) => input.all.reduce((a, b) => a + b, 0),
  });
  const items = worker("items", {
    run: () =>
      plan((p) => {
        const parts = Array.from({ length: TASKS - 2 }, (_, i) => p.task(item, { i }, { key: `i${i}` }));
        return p.task(sum, { all: parts.map((part) => part.output) });
      }),
  });
  return { workers: [item, sum, items], executions, total: () => total };
}
const SUM = ((TASKS - 2) * (TASKS - 3)) / 2;

/** Each moment is reached once. */
function moments(...counts: number[]) {
  const waiting = counts.map((count) => ({ count, reached: Promise.withResolvers<void>() }));
  return {
    at: (executions: number) => waiting.find((one) => one.count === executions)?.reached.resolve(),
    reached: waiting.map((one) => one.reached.promise),
  };
}

const processOptions = (runtime: NatsRuntime) => ({
  bus: runtime.server.url,
  prefix: runtime.prefix,
  shards: 4,
  timing,
});

async function expectCountedOnce(app: Tutti, run: string, executions: number): Promise<void> {
  const { totals, status } = await app.get(run);
  expect(status).toBe("succeeded");
  expect(totals).toMatchObject({ tasks: TASKS, succeeded: TASKS, failed: 0, cancelled: 0 });
  expect(executions).toBeGreaterThanOrEqual(TASKS - 2);
}

describeOnNats("a run of 1,000 tasks", (runtime) => {
  test("ends although its orchestrator is killed three times, and executes no task twice", async () => {
    const { at, reached } = moments(200, 450, 700);
    const counting = countingWorkers(at);
    let orchestrator = await startRuntimeProcess(processOptions(runtime));
    const options = { orchestrator: false, workers: counting.workers, concurrency: CONCURRENCY, timing };
    const app = await runtime.start(options);
    const ended = app.run("items", {}, { run: "r" });
    for (const moment of reached) {
      await moment;
      await orchestrator.kill9();
      orchestrator = await startRuntimeProcess(processOptions(runtime));
    }
    expect(await ended).toBe(SUM);
    await expectCountedOnce(app, "r", counting.total());
    expect(counting.executions.size).toBe(TASKS - 2);
    // Nobody took a worker's tasks away: what is queued or finished is not dispatched again.
    expect(counting.total()).toBe(TASKS - 2);
    await orchestrator.stop();
  });

  test("ends although the server is killed in the middle, and the waiting caller gets the answer", async () => {
    const { at, reached } = moments(300);
    const counting = countingWorkers(at);
    const app = await runtime.start({ workers: counting.workers, concurrency: CONCURRENCY, timing });
    const ended = app.run("items", {}, { run: "r" });
    await reached[0];
    await runtime.server.kill9();
    await runtime.server.restart();
    expect(await ended).toBe(SUM);
    await expectCountedOnce(app, "r", counting.total());
    // A server that is killed may forget what it had not written yet, so the clients' acks may be lost.
    expect(counting.executions.size).toBe(TASKS - 2);
    expect(counting.total()).toBeLessThanOrEqual(TASKS - 2 + 100);
  });

  test("ends although the worker loses its connection, and repeats no more than it had in hand", async () => {
    const { at, reached } = moments(100, 500);
    const counting = countingWorkers(at);
    const proxy = await startProxy(runtime.server.url);
    const app = await runtime.start({ timing });
    const options = { orchestrator: false, workers: counting.workers, concurrency: CONCURRENCY, timing };
    await runtime.start({ ...options, bus: proxy.url });
    const ended = app.run("items", {}, { run: "r" });
    for (const moment of reached) {
      await moment;
      proxy.breakConnections();
    }
    expect(await ended).toBe(SUM);
    await expectCountedOnce(app, "r", counting.total());
    expect(counting.total()).toBeLessThanOrEqual(TASKS - 2 + 2 * 100);
    await proxy.close();
  });

  test("is orchestrated to its end after an orderly stop and start", async () => {
    const { at, reached } = moments(300);
    const counting = countingWorkers(at);
    const orchestrator = await startRuntimeProcess(processOptions(runtime));
    const app = await runtime.start({
      orchestrator: false,
      workers: counting.workers,
      concurrency: CONCURRENCY,
      timing,
    });
    const ended = app.run("items", {}, { run: "r" });
    await reached[0];
    expect(await orchestrator.stop()).toBe(0);
    const next = await startRuntimeProcess(processOptions(runtime));
    expect(await ended).toBe(SUM);
    expect(counting.total()).toBe(TASKS - 2);
    await next.stop();
  });
});

describeOnNats("an orchestrator that comes back", (runtime) => {
  test("tells the next moment of a backoff, a deadline and a cancellation that came while it was away", async () => {
    let attempts = 0;
    const failedOnce = Promise.withResolvers<void>();
    const weak = worker("weak", {
      retry: { attempts: 2, delay: 300, maxDelay: 300 },
      run: () => {
        if (++attempts === 1) throw new Error("once");
        return "second";
      },
    });
    const signals: AbortSignal[] = [];
    const stuck = worker("stuck", {
      run: ({ signal }) => {
        signals.push(signal);
        return new Promise(() => {});
      },
    });
    const orchestrator = await startRuntimeProcess(processOptions(runtime));
    const app = await runtime.start({ orchestrator: false, workers: [weak, stuck], timing });
    await app.submit("weak", {}, { run: "weak" });
    await app.submit("stuck", {}, { run: "late", deadline: "500ms" });
    void eventually("the failure in the log", async () =>
      (await app.log("weak")).some((one) => one.event === "result"),
    ).then(() => failedOnce.resolve());
    await failedOnce.promise;
    await orchestrator.kill9();
    const next = await startRuntimeProcess(processOptions(runtime));
    expect(await app.result("weak")).toBe("second");
    await expect(app.result("late")).rejects.toMatchObject({ code: 408 });
    await eventually("the handler's abort", () => signals[0]?.aborted);
    await next.stop();
  });
});

describeOnNats("a worker process", (runtime) => {
  const startWorker = (workers: string[], more: object = {}) =>
    startRuntimeProcess({ ...processOptions(runtime), orchestrator: false, workers, ...more });
  const fan = (type: string, count: number) =>
    worker("fan", {
      run: () => plan((p) => void Array.from({ length: count }, (_, i) => p.task(type, {}, { key: `k${i}` }))),
    });

  test("that is told to stop finishes what is in hand, hands back the rest, and exits with 0", async () => {
    const first = await startWorker(["patient"], { concurrency: 2 });
    const app = await runtime.start({ workers: [fan("patient", 6)], timing });
    const ended = app.run("fan", {}, { run: "r" });
    await eventually("two in hand", () => first.lines.filter((line) => line.startsWith("patient")).length === 2);
    expect(await first.stop()).toBe(0);
    const done = (await app.get("r")).tasks.filter((one) => one.state === "succeeded");
    expect(done).toHaveLength(2);
    // Another process is given the other four, each once, at once.
    const began: string[] = [];
    const second = worker("patient", { run: ({ task }) => void began.push(task) });
    await runtime.start({ orchestrator: false, workers: [second], timing });
    await ended;
    expect(began).toHaveLength(4);
    expect(new Set([...began, ...done.map((one) => one.task)]).size).toBe(6);
  });

  test("that is stopped while a handler does not end gives its task to another one", async () => {
    const first = await startWorker(["stuck"], { graceMs: 100 });
    const app = await runtime.start({ timing });
    await app.submit("stuck", {}, { run: "r" });
    await first.tells("stuck - 1");
    const exited = first.stop();
    await runtime.start({ orchestrator: false, workers: [worker("stuck", { run: () => "taken over" })], timing });
    expect(await app.result("r")).toBe("taken over");
    expect(await exited).toBe(0);
    expect((await app.get("r")).tasks[0]).toMatchObject({ attempt: 1, state: "succeeded" });
  });

  test("that is killed has its tasks executed by another one, once, and at the cost of no attempt", async () => {
    const first = await startWorker(["stuck"]);
    const app = await runtime.start({ timing });
    await app.submit("stuck", {}, { run: "r" });
    await first.tells("stuck - 1");
    await first.kill9();
    const attempts: number[] = [];
    const second = worker("stuck", { run: ({ attempt }) => void attempts.push(attempt) });
    await runtime.start({ orchestrator: false, workers: [second], timing });
    expect(await app.result("r")).toBeNull();
    expect(attempts).toHaveLength(1);
    expect((await app.get("r")).totals).toMatchObject({ executions: 1 });
    await eventually("the dead worker's name to expire", async () => (await app.workers()).length === 1);
  });
});

describe("a task that kills every process which takes it", () => {
  test("is poison after three deaths, and is taken no more", async () => {
    const clock = createVirtualClock();
    const broker = createMemoryBroker({ clock });
    const start = async (bus: Bus, workers: Worker[], orchestrator: boolean) =>
      clock.runUntilSettled(tutti({ env: {}, workers, orchestrator }, { bus, clock }));
    const app = await start(broker.connect(), [], true);
    let deaths = 0;
    const startVictim = () => {
      const bus = broker.connect();
      const run = () => {
        deaths++;
        broker.crash(bus);
        return new Promise(() => {});
      };
      return start(bus, [worker("deadly", { run })], false);
    };
    await startVictim();
    const ended = app.run("deadly", {}, { run: "r" }).catch((error: TuttiError) => error);
    for (let victims = 1; victims <= 4; victims++) {
      await clock.advance(31_000);
      await startVictim();
    }
    const error = await clock.runUntilSettled(ended);
    expect(error).toMatchObject({
      code: 422,
      message: expect.stringMatching(/lost 3 workers .* the only task in the last/),
    });
    expect(deaths).toBe(3);
    const view = await clock.runUntilSettled(app.get("r"));
    expect(view.tasks[0]).toMatchObject({ state: "failed", error: { kind: "poison" }, lost: { times: 3 } });
  });
});

describe("an app that was stopped", () => {
  test("keeps its process no longer, embedded", async () => {
    const child = await startRuntimeProcess({ workers: ["leaf", "twig", "tree"], onceReady: "stop" });
    expect(await child.exited).toBe(0);
    expect(child.errors.replaceAll(/^npm .*$/gm, "").trim()).toBe("");
  });
});

describeOnNats("an app that was stopped", (runtime) => {
  test.each([
    ["as everything", { workers: ["leaf", "twig", "tree"] }],
    ["as an orchestrator", {}],
    ["as a worker", { workers: ["leaf"], orchestrator: false }],
    ["as a client", { orchestrator: false }],
  ])("keeps its process no longer, on NATS, %s", async (_, options) => {
    const child = await startRuntimeProcess({ ...processOptions(runtime), ...options, onceReady: "stop" });
    expect(await child.exited).toBe(0);
    expect(child.errors.trim()).toBe("");
  });

  test("leaves nothing of its presence, and can be stopped twice", async () => {
    const app = await runtime.start({ workers: [worker("one", { run: () => 1 })] });
    const other = await runtime.start({ id: "other" });
    await app.stop();
    await app.stop();
    expect(await other.workers()).toEqual([]);
    expect((await other.orchestrators()).map((one) => one.orchestrator)).toEqual(["other"]);
  });
});
