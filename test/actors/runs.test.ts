import { afterEach, beforeEach, expect, test } from "vitest";
import { z } from "zod";
import { plan, type TuttiError, type WatchEvent, type Worker, worker } from "../../src/index.ts";
import { describeRuntime } from "../support/runtime.ts";

const n = z.object({ n: z.number() });
const double = worker("double", { input: n, output: z.number(), run: ({ input }) => 2 * input.n });
const sum = worker("sum", {
  input: z.object({ all: z.array(z.number()) }),
  output: z.number(),
  run: ({ input }) => input.all.reduce((a, b) => a + b, 0),
});
const mapReduce = worker("map-reduce", {
  input: n,
  run: ({ input }) =>
    plan((p) => {
      const parts = Array.from({ length: input.n }, (_, i) => p.task(double, { n: i }, { key: `part-${i}` }));
      return p.task(sum, { all: parts.map((part) => part.output) });
    }),
});
const countdown = worker("countdown", {
  input: n,
  run: ({ input }): unknown =>
    input.n === 0 ? "lift-off" : plan((p) => p.task("countdown", { n: input.n - 1 }, { key: "next" })),
});
const failing = worker("failing", {
  retry: { attempts: 1 },
  run: () => {
    throw new Error("no luck");
  },
});

const failureOf = (promise: Promise<unknown>) =>
  promise.then(
    (value) => expect.fail(`it succeeded: ${JSON.stringify(value)}`),
    (error: TuttiError) => error,
  );

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

describeRuntime("a run", (runtime) => {
  /** A handler that blocks until it is aborted, and tells of both. */
  let blocked: { task: string; signal: AbortSignal }[] = [];
  let began = Promise.withResolvers<void>();
  let expected = 1;
  const block = worker("block", {
    run: ({ task, signal }) => {
      if (blocked.push({ task, signal }) === expected) began.resolve();
      return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
    },
  });
  const start = (...workers: readonly Worker[]) =>
    runtime.start({ workers: [block, double, sum, mapReduce, countdown, failing, ...workers] });

  beforeEach(() => {
    blocked = [];
    began = Promise.withResolvers();
    expected = 1;
  });
  afterEach(() => expect(runtime.logged.filter((line) => line.startsWith("error"))).toEqual([]));

  test("maps and reduces", async () => {
    const app = await start();
    expect(await app.run(mapReduce, { n: 100 }, { run: "r" })).toBe(9900);
    const { status, totals, tasks } = await app.get("r");
    expect(status).toBe("succeeded");
    expect(totals).toEqual({ tasks: 102, succeeded: 102, failed: 0, cancelled: 0, executions: 102 });
    expect(new Set(tasks.map((one) => one.state))).toEqual(new Set(["succeeded"]));
  });

  test("over nothing reduces nothing", async () => {
    const app = await start();
    expect(await app.run(mapReduce, { n: 0 })).toBe(0);
  });

  test("whose plan is empty has an empty output", async () => {
    const app = await start(worker("empty", { run: () => plan(() => {}) }));
    expect(await app.run("empty", {})).toEqual({});
  });

  test("goes 20 plans deep when a task plans itself", async () => {
    const app = await start();
    expect(await app.run("countdown", { n: 20 }, { run: "r" })).toBe("lift-off");
    expect((await app.get("r")).totals.tasks).toBe(21);
  });

  test("waits for what a task needs, in order, and hands it over", async () => {
    const order: string[] = [];
    const step = worker("step", {
      run: ({ task, needs }) => {
        order.push(task);
        return { task, needs };
      },
    });
    const chain = worker("chain", {
      run: () =>
        plan((p) => {
          const a = p.task(step, {}, { key: "a" });
          const b = p.task(step, {}, { key: "b", needs: [a] });
          return p.task(step, {}, { key: "c", needs: [b, a] });
        }),
    });
    const app = await start(step, chain);
    const a = { task: "a", needs: {} };
    const b = { task: "b", needs: { a } };
    expect(await app.run("chain", {})).toEqual({ task: "c", needs: { a, b } });
    expect(order).toEqual(["a", "b", "c"]);
  });

  test("gives the outputs of all children, nested plans included, when its plan names none", async () => {
    const two = worker("two", { run: () => plan((p) => void [p.task(double, { n: 1 }), p.task(double, { n: 2 })]) });
    const four = worker("four", {
      run: () => plan((p) => void [p.task(two, {}, { key: "left" }), p.task(two, {}, { key: "right" })]),
    });
    const app = await start(two, four);
    const both = { double: 2, "double-2": 4 };
    expect(await app.run("four", {})).toEqual({ left: both, right: both });
  });

  test("whose child fails, fails with it, and cancels what is left", async () => {
    expected = 3;
    const mixed = worker("mixed", {
      run: () =>
        plan((p) => {
          for (let i = 0; i < 3; i++) p.task(block, {}, { key: `block-${i}` });
          const late = p.task("late", {}, { key: "late" });
          p.task(double, { n: 1 }, { key: "never", needs: [late] });
        }),
    });
    const late = worker("late", {
      retry: { attempts: 1 },
      run: async () => {
        await began.promise;
        throw new Error("too late");
      },
    });
    const app = await start(mixed, late);
    const error = await failureOf(app.run("mixed", {}, { run: "r" }));
    expect(error).toMatchObject({ code: 422, details: { path: "late", run: "r" } });
    const { totals, tasks } = await app.get("r");
    expect(totals).toMatchObject({ tasks: 6, succeeded: 0, failed: 2, cancelled: 4 });
    expect(tasks.find((one) => one.task === "never")!.state).toBe("cancelled");
    await Promise.all(
      blocked.map(({ signal }) => signal.aborted || new Promise((done) => signal.addEventListener("abort", done))),
    );
  });

  test("that is cancelled aborts its handlers and ends with 499, saying who and why", async () => {
    expected = 4;
    const many = worker("many", {
      run: () => plan((p) => void Array.from({ length: 30 }, (_, i) => p.task(block, {}, { key: `k${i}` }))),
    });
    const app = await runtime.start({ workers: [block, many, double], concurrency: 4 });
    const running = failureOf(app.run("many", {}, { run: "r" }));
    await began.promise;
    await app.cancel("r", { by: "me", reason: "enough" });
    const error = await running;
    expect(error).toMatchObject({ code: 499, message: "the run was cancelled by me: enough" });
    const view = await app.get("r");
    expect(view).toMatchObject({ status: "cancelled", totals: { tasks: 31, cancelled: 31 } });
    await Promise.all(
      blocked.map(({ signal }) => signal.aborted || new Promise((done) => signal.addEventListener("abort", done))),
    );
    // Slots and queue are free: nothing of it is left to be executed.
    expect(await app.run(double, { n: 4 })).toBe(8);
    expect(blocked.length).toBeLessThan(31);
  });

  test("that has ended cannot be cancelled (409), one that never was is unknown (404)", async () => {
    const app = await start();
    await app.run(double, { n: 1 }, { run: "over" });
    expect(await failureOf(app.cancel("over"))).toMatchObject({ code: 409 });
    expect(await failureOf(app.cancel("never"))).toMatchObject({ code: 404 });
    expect((await app.get("over")).status).toBe("succeeded");
  });

  test("is started 3,000 times at once, and each is answered", async () => {
    const app = await start();
    const numbers = Array.from({ length: 3000 }, (_, n) => n);
    const outputs = await Promise.all(numbers.map((n) => app.run(double, { n })));
    expect(outputs).toEqual(numbers.map((n) => 2 * n));
  });

  test("that is cancelled twice ends once", async () => {
    const app = await start();
    const running = failureOf(app.run("block", {}, { run: "r" }));
    await began.promise;
    await Promise.all([app.cancel("r"), app.cancel("r").catch(() => {})]);
    expect(await running).toMatchObject({ code: 499 });
    expect((await app.log("r")).filter((one) => one.event === "ended")).toHaveLength(1);
  });

  test("is unknown to every question before it was made", async () => {
    const app = await start();
    for (const ask of [
      () => app.get("no", { tenant: "t" }),
      () => app.log("no"),
      () => app.result("no"),
      () => app.cancel("no"),
    ])
      expect(await failureOf(ask())).toMatchObject({ code: 404 });
    expect(await failureOf(app.watch("no")[Symbol.asyncIterator]().next())).toMatchObject({ code: 404 });
    expect(await app.list()).toEqual([]);
  });

  test("is watched through all its states, and the watch ends with it", async () => {
    const open = Promise.withResolvers<void>();
    const gated = worker("gated", {
      retry: { attempts: 2, delay: 1 },
      run: async ({ attempt, progress, log }) => {
        await open.promise;
        if (attempt === 1) throw new Error("once more");
        progress(0.5);
        log("half");
        return attempt;
      },
    });
    const outer = worker("outer", { run: () => plan((p) => p.task(double, { n: p.task(gated, {}).output as never })) });
    const app = await start(gated, outer);
    await app.submit("outer", {}, { run: "r" });
    const events: WatchEvent[] = [];
    for await (const event of app.watch("r")) {
      events.push(event);
      open.resolve();
    }
    expect(events[0]).toMatchObject({ kind: "run", run: { run: "r", status: "running" } });
    expect(events.at(-1)).toMatchObject({ kind: "run", run: { status: "succeeded", output: 4 } });
    const states = events.flatMap((one) => (one.kind === "task" && one.task.task === "gated" ? [one.task.state] : []));
    expect(states.at(-1)).toBe("succeeded");
    expect(states).toContain("backingOff");
    const live = events.flatMap((one) => (one.kind === "live" ? [[one.live, one.data]] : []));
    expect(live).toContainEqual(["progress", 0.5]);
    expect(live).toContainEqual(["log", { level: "info", message: "half" }]);
  });

  test("that has ended is watched too: its tasks, its end", async () => {
    const app = await start();
    await app.run(mapReduce, { n: 3 }, { run: "r" });
    const events = await collect(app.watch("r"));
    const tasks = events.flatMap((one) => (one.kind === "task" ? [one.task.task] : []));
    expect(tasks.sort()).toEqual(["-", "part-0", "part-1", "part-2", "sum"]);
    expect(events.at(-1)).toMatchObject({ kind: "run", run: { status: "succeeded", output: 6 } });
  });

  test("stops being watched when the watcher leaves or aborts", async () => {
    const app = await start();
    await app.submit("block", {}, { run: "r" });
    for await (const _ of app.watch("r")) break;
    const abort = new AbortController();
    const watched = failureOf(collect(app.watch("r", { signal: abort.signal })));
    await began.promise;
    abort.abort(new Error("seen enough"));
    expect((await watched).message).toBe("seen enough");
    await app.cancel("r");
  });

  test("is listed, newest first, with its status, and its log tells its events in order", async () => {
    const app = await start();
    await app.run(double, { n: 1 }, { run: "first" });
    await app.run("failing", {}, { run: "second" }).catch(() => {});
    const pending = failureOf(app.run("block", {}, { run: "third" }));
    await began.promise;
    const listed = await app.list();
    expect(listed.map((one) => [one.run, one.status])).toEqual([
      ["third", "running"],
      ["second", "failed"],
      ["first", "succeeded"],
    ]);
    expect((await app.list({ limit: 1 })).map((one) => one.run)).toEqual(["third"]);
    expect(await app.list({ tenant: "other" })).toEqual([]);
    expect((await app.log("first")).map((one) => one.event)).toEqual(["submitted", "result", "ended"]);
    await app.cancel("third");
    await pending;
  });

  test("is found by its tags, which it shows", async () => {
    const app = await start(worker("echo", { run: ({ input }) => input as unknown }));
    const tagged = await app.submit("echo", {}, { tags: ["nightly", "of May"] });
    await app.submit("echo", {}, { tags: ["of May"] });
    await app.submit("echo", {});
    expect((await app.list({ tag: "nightly" })).map(({ run }) => run)).toEqual([tagged.run]);
    expect(await app.list({ tag: "of May" })).toHaveLength(2);
    expect((await tagged.get()).tags).toEqual(["nightly", "of May"]);
    await expect(app.submit("echo", {}, { tags: ["a,b"] })).rejects.toMatchObject({ code: 400 });
  });

  test("has 50 listed whose outputs together are larger than a message", async () => {
    const report = worker("report", { run: () => "x".repeat(60_000) });
    const app = await start(report);
    await Promise.all(Array.from({ length: 50 }, () => app.run("report", {})));
    expect(await app.list()).toHaveLength(50);
  });

  test("carries outputs of 1 MiB from 20 tasks into one", async () => {
    const large = worker("large", { input: n, run: ({ input }) => String(input.n % 10).repeat(1024 * 1024) });
    const measure = worker("measure", {
      input: z.object({ all: z.array(z.string()) }),
      run: ({ input }) => input.all.map((text) => text.length * Number(text[0])),
    });
    const heavy = worker("heavy", {
      run: () =>
        plan((p) => {
          const parts = Array.from({ length: 20 }, (_, i) => p.task(large, { n: i }, { key: `k${i}` }));
          return p.task(measure, { all: parts.map((one) => one.output) as never });
        }),
    });
    const app = await start(large, measure, heavy);
    const expectedLengths = Array.from({ length: 20 }, (_, i) => (i % 10) * 1024 * 1024);
    expect(await app.run("heavy", {})).toEqual(expectedLengths);
  });

  test("refuses an input that is larger than a message, and says what to do", async () => {
    const app = await start(worker("echo", { run: ({ input }) => input as unknown }));
    const error = await failureOf(app.run("echo", "x".repeat(2_000_000)));
    expect(error).toMatchObject({ code: 400, message: expect.stringMatching(/putBlob/) });
  });

  test.each([
    ["a bigint", { n: 1n }],
    ["a cycle", Object.assign([] as unknown[], [[]]).map((one, _, all) => (one as unknown[]).push(all) && one)],
    ["a date", { at: new Date() }],
  ])("refuses %s for an input", async (_, input) => {
    const app = await start(worker("echo", { run: ({ input }) => input as unknown }));
    expect(await failureOf(app.run("echo", input as never))).toMatchObject({ code: 400 });
  });

  test("takes an input that is left out as an empty object", async () => {
    const app = await start(worker("echo", { run: ({ input }) => input as unknown }));
    expect(await app.run("echo", undefined as never)).toEqual({});
  });

  test.each([
    ["a run id with dots", { run: "a.b" }],
    ["an empty run id", { run: "" }],
    ["a tenant with a wildcard", { tenant: "*" }],
    ["an unknown priority", { priority: "urgent" as never }],
    ["a deadline that is none", { deadline: "soon" }],
    ["a requester of two lines", { requester: "a\r\nTutti-Run: b" }],
  ])("refuses %s", async (_, options) => {
    const app = await start();
    expect(await failureOf(app.run(double, { n: 1 }, options))).toMatchObject({ code: 400 });
  });

  test("is not asked for by wildcards", async () => {
    const app = await start();
    await app.run(double, { n: 1 }, { run: "r" });
    for (const ask of [app.get, app.log, app.result]) {
      expect(await failureOf(ask("*"))).toMatchObject({ code: 400 });
      expect(await failureOf(ask("r", { tenant: "*" }))).toMatchObject({ code: 400 });
    }
    expect(await failureOf(collect(app.watch("r", { tenant: "*" })))).toMatchObject({ code: 400 });
    expect(await failureOf(app.list({ tenant: ">" }))).toMatchObject({ code: 400 });
    expect(await failureOf(app.cancel("*"))).toMatchObject({ code: 400 });
  });

  test("that its caller stops waiting for goes on", async () => {
    const app = await start();
    const abort = new AbortController();
    const waiting = failureOf(app.run("block", {}, { run: "r", signal: abort.signal }));
    await began.promise;
    abort.abort(new Error("no time"));
    expect((await waiting).message).toBe("no time");
    expect((await app.get("r")).status).toBe("running");
    await app.cancel("r");
    expect(await failureOf(app.result("r"))).toMatchObject({ code: 499 });
  });

  test("is not begun for a caller that has given up before", async () => {
    const app = await start();
    const reason = new Error("too late");
    expect(await failureOf(app.run("block", {}, { run: "r", signal: AbortSignal.abort(reason) }))).toBe(reason);
    expect(await app.list()).toEqual([]);
  });

  test("is waited for no longer when the app is stopped", async () => {
    const app = await start();
    const waiting = failureOf(app.run("block", {}, { run: "r" }));
    await began.promise;
    await app.stop({ graceMs: 0 });
    expect(await waiting).toMatchObject({ code: 503 });
  });
});
