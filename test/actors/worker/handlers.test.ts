import { describe, expect, test, vi } from "vitest";
import { z } from "zod";
import { isInvalid, isRetryable } from "../../../src/core/error.ts";
import { plan, RetryableError, TerminalError, type TuttiError, worker } from "../../../src/index.ts";
import { startTestTutti } from "../../../src/testing.ts";
import { describeRuntime } from "../../support/runtime.ts";

const once = { retry: { attempts: 1 } };
const failureOf = (promise: Promise<unknown>) =>
  promise.then(
    (value) => expect.fail(`it succeeded: ${JSON.stringify(value)}`),
    (error: TuttiError) => error,
  );

describeRuntime("a handler", (runtime) => {
  class Point {
    readonly x = 1;
  }
  const cycle: { self?: unknown } = {};
  cycle.self = cycle;
  let deep: unknown = 1;
  for (let i = 0; i < 10_000; i++) deep = [deep];

  test.each<[string, () => unknown, RegExp]>([
    ["a bigint", () => 1n, /\$ is a bigint/],
    ["a date", () => ({ at: new Date(0) }), /\$\.at is a Date/],
    ["a cycle", () => cycle, /\$\.self refers back/],
    ["NaN", () => [NaN], /\$\[0\] is NaN/],
    ["a function", () => ({ f() {} }), /\$\.f is a function/],
    ["a symbol", () => Symbol("s"), /\$ is a symbol/],
    ["an instance of a class", () => new Point(), /\$ is a Point/],
    ["a map", () => new Map(), /\$ is a Map/],
    ["bytes", () => Buffer.from("x"), /\$ is a Buffer/],
    ["10,000 brackets", () => deep, /nested deeper/],
    ["a promise within", () => ({ p: Promise.resolve(1) }), /\$\.p is a Promise/],
    ["a plan within", () => ({ p: plan((p) => void p.task("x", {})) }), /\$\.p is a PlanOf/],
  ])("that returns %s fails its run for good, and its worker lives on", async (_, value, message) => {
    let attempts = 0;
    const odd = worker("odd", {
      run: () => {
        attempts++;
        return value();
      },
    });
    const app = await runtime.start({ workers: [odd, worker("fine", { run: () => "fine" })] });
    const error = await failureOf(app.run("odd", {}));
    expect(error).toMatchObject({ code: 422, message: expect.stringMatching(message) });
    expect(attempts).toBe(1);
    expect(await app.run("fine", {})).toBe("fine");
  });

  test("of a module that imports another copy of this package plans and fails as it says", async () => {
    vi.resetModules();
    const other = await import("../../../src/index.ts");
    expect(other.TerminalError).not.toBe(TerminalError);
    let attempts = 0;
    const plans = other.worker("plans", { run: () => other.plan((p) => p.task("leaf", {})) });
    const leaf = other.worker("leaf", { run: () => "a leaf" });
    const fails = other.worker("fails", {
      run: () => {
        attempts++;
        throw new other.TerminalError("for good");
      },
    });
    const app = await runtime.start({ workers: [plans, leaf, fails] });
    expect(await app.run("plans", {})).toBe("a leaf");
    expect(await failureOf(app.run("fails", {}))).toMatchObject({ code: 422 });
    expect(attempts).toBe(1);
    expect(isRetryable(new other.RetryableError("in a while"))).toBe(true);
    expect(isInvalid(new other.TuttiError(400, "not that"))).toBe(true);
  });

  test("that returns nothing has the output null", async () => {
    const app = await runtime.start({ workers: [worker("silent", { run: () => {} })] });
    expect(await app.run("silent", {})).toBeNull();
  });

  test.each([
    ["void", z.void(), null],
    ["an optional text", z.string().optional(), null],
    ["null", z.null(), null],
    ["a text with a default", z.string().default("none"), "none"],
  ])("that returns nothing has the output null where it may be %s", async (_, output, expected) => {
    const app = await runtime.start({ workers: [worker("silent", { output, run: () => undefined as never })] });
    expect(await app.run("silent", {})).toBe(expected);
  });

  test("may leave fields undefined", async () => {
    const app = await runtime.start({ workers: [worker("partly", { run: () => ({ a: 1, b: undefined }) })] });
    expect(await app.run("partly", {})).toEqual({ a: 1 });
  });

  test("whose output does not match its schema fails for good and says where", async () => {
    const wrong = worker("wrong", { output: z.object({ n: z.number() }), run: () => ({ n: "1" }) as never });
    const app = await runtime.start({ workers: [wrong] });
    const error = await failureOf(app.run("wrong", {}));
    expect(error).toMatchObject({
      code: 422,
      message: expect.stringMatching(/the output of wrong .*\/n: .*expected number/),
    });
  });

  test("is given its input as the schema reads it", async () => {
    const input = z.object({ n: z.number().default(5), when: z.iso.datetime().transform((text) => Date.parse(text)) });
    const reads = worker("reads", { input, run: ({ input }) => [input.n, input.when] });
    const app = await runtime.start({ workers: [reads] });
    expect(await app.run(reads, { when: "1970-01-01T00:00:01Z" })).toEqual([5, 1000]);
  });

  const broken = Object.create(null) as object;
  const hostile = { toString: () => expect.fail("asked"), toJSON: () => expect.fail("asked") };
  test.each<[string, unknown, string]>([
    ["an error", new Error("boom"), "boom"],
    ["an error without message", new Error(), "an error without a message"],
    ["an error whose message is no text", Object.assign(new Error(), { message: 5 }), "5"],
    ["a text", "boom", "boom"],
    ["null", null, "null"],
    ["undefined", undefined, "undefined"],
    ["a number", 7, "7"],
    ["a symbol", Symbol("s"), "Symbol(s)"],
    ["an object", { code: "EPIPE" }, '{"code":"EPIPE"}'],
    ["an object without prototype", broken, "{}"],
    ["an object that throws when it is read", hostile, "an object that is not JSON"],
    ["an error of 3 MB", new Error("e".repeat(3_000_000)), `${"e".repeat(8192)}…`],
  ])("that throws %s fails its run with what it says", async (_, thrown, message) => {
    const throws = worker("throws", {
      ...once,
      run: () => {
        throw thrown;
      },
    });
    const app = await runtime.start({ workers: [throws] });
    const error = await failureOf(app.run("throws", {}));
    expect(error).toMatchObject({ code: 422, message: `task - failed: ${message}`, details: { path: "-", task: "-" } });
  });

  class BadInput extends TerminalError {
    override readonly name = "BadInput";
  }
  const twice = () =>
    plan((p) => {
      p.task("x", {}, { key: "a" });
      p.task("x", {}, { key: "a" });
    });
  const throwing = (error: Error) => () => {
    throw error;
  };
  test.each<[string, () => unknown, string]>([
    ["a TerminalError", throwing(new TerminalError("never")), "never"],
    ["a subclass of it, whatever its name", throwing(new BadInput("for good")), "for good"],
    ["what plan() refuses", twice, 'plan key "a" is taken'],
  ])("that throws %s is not tried again", async (_, run, message) => {
    let attempts = 0;
    const final = worker("final", {
      run: () => {
        attempts++;
        return run();
      },
    });
    const app = await runtime.start({ workers: [final] });
    expect((await failureOf(app.run("final", {}, { run: "r" }))).message).toContain(message);
    expect(attempts).toBe(1);
    expect((await app.get("r")).totals).toMatchObject({ failed: 1, executions: 1 });
  });

  test.each([Number.NaN, -5, Number.POSITIVE_INFINITY, "soon" as unknown as number])(
    "that asks to be tried again in %s is tried again as its policy says",
    async (retryAfterMs) => {
      const again = worker("again", {
        retry: { attempts: 2, delay: 1 },
        run: ({ attempt }) => {
          if (attempt === 1) throw new RetryableError("busy", { retryAfterMs });
          return attempt;
        },
      });
      const app = await runtime.start({ workers: [again] });
      expect(await app.run("again", {})).toBe(2);
    },
  );

  test("that fails is tried again as often as its policy says, and the run names the failing task", async () => {
    const seen: number[] = [];
    const weak = worker("weak", {
      retry: { attempts: 3, delay: 1 },
      run: ({ attempt }) => {
        seen.push(attempt);
        throw new Error(`attempt ${attempt}`);
      },
    });
    const inner = worker("inner", { run: () => plan((p) => p.task("weak", {}, { key: "leaf" })) });
    const outer = worker("outer", { run: () => plan((p) => p.task("inner", {}, { key: "branch" })) });
    const app = await runtime.start({ workers: [weak, inner, outer] });
    const error = await failureOf(app.run("outer", {}, { run: "r" }));
    expect(error).toMatchObject({ code: 422, message: "task branch/leaf failed: attempt 3" });
    expect(error.details).toMatchObject({ path: "branch/leaf", task: "branch/leaf", run: "r" });
    expect(seen).toEqual([1, 2, 3]);
    const { totals, tasks } = await app.get("r");
    expect(totals).toEqual({ tasks: 3, succeeded: 0, failed: 3, cancelled: 0, executions: 5 });
    expect(tasks.find((one) => one.task === "branch/leaf")).toMatchObject({ state: "failed", attempt: 3 });
  });

  test("that ignores its timeout is given up, its slot is free, and the next attempt begins", async () => {
    const signals: AbortSignal[] = [];
    const deaf = worker("deaf", {
      timeout: 20,
      concurrency: 1,
      retry: { attempts: 2, delay: 1 },
      run: ({ attempt, signal }) => {
        signals.push(signal);
        return attempt === 1 ? new Promise(() => {}) : "second";
      },
    });
    const app = await runtime.start({ workers: [deaf], concurrency: 1 });
    expect(await app.run("deaf", {})).toBe("second");
    expect(signals[0]).toMatchObject({ aborted: true, reason: { message: expect.stringMatching(/timeout of 20 ms/) } });
    expect(signals[1]!.aborted).toBe(false);
  });

  test("that returns a plan with a type nobody registered fails for good and names it", async () => {
    const app = await runtime.start({ workers: [worker("plans", { run: () => plan((p) => p.task("nobody", {})) })] });
    const error = await failureOf(app.run("plans", {}));
    expect(error.message).toMatch(/\/tasks\/nobody\/type: expected a task type that is registered, received "nobody"/);
  });

  test("that needs in a plan what is not a task of it fails for good and names it", async () => {
    const circle = worker("circle", {
      run: () => plan((p) => void p.task("circle", {}, { key: "a", needs: [{ key: "b" } as never] })),
    });
    const app = await runtime.start({ workers: [circle] });
    expect((await failureOf(app.run("circle", {}))).message).toMatch(/plan key "a": expected needs to be tasks placed/);
  });

  test("that plans itself without end fails when the tree is too deep", async () => {
    const app = await runtime.start({
      workers: [worker("endless", { run: () => plan((p) => p.task("endless", {}, { key: "k" })) })],
    });
    const error = await failureOf(app.run("endless", {}, { run: "r" }));
    expect(error).toMatchObject({ code: 422, message: expect.stringMatching(/deeper than level 32/) });
    expect((await app.get("r")).totals).toMatchObject({ tasks: 33, failed: 33 });
  });

  test("refers to a field that a sibling's output lacks: the task that needs it fails and says so", async () => {
    const lacking = worker("lacking", {
      run: () => plan((p) => p.task("takes", { x: p.task<{ here: number }>("gives", {}, { key: "g" }).output.here })),
    });
    const app = await runtime.start({
      workers: [lacking, worker("gives", { run: () => ({ there: 1 }) }), worker("takes", { run: () => 1 })],
    });
    const error = await failureOf(app.run("lacking", {}));
    expect(error).toMatchObject({ code: 422, message: expect.stringMatching(/g#\/here leads nowhere/) });
  });

  test("refers to nowhere by a name that is larger than a message: the task fails, and says so in short", async () => {
    const lacking = worker("lacking", {
      run: () =>
        plan((p) => {
          const { output } = p.task<Record<string, number>>("gives", {}, { key: "g" });
          return p.task("takes", { x: output["x".repeat(1_100_000)]! });
        }),
    });
    const app = await runtime.start({
      workers: [lacking, worker("gives", { run: () => ({}) }), worker("takes", { run: () => 1 })],
    });
    const error = await failureOf(app.run("lacking", {}));
    expect(error).toMatchObject({ code: 422, message: expect.stringMatching(/the reference g#\/x+…$/) });
    expect(error.message.length).toBeLessThan(10_000);
  });

  test("gets what its context promises", async () => {
    const asks = worker("asks", {
      run: async ({ run, task, attempt, tenant, idempotencyKey, needs, blobs, types, signal, progress, log }) => {
        progress(0.5);
        log("half");
        const ref = await blobs.put(new TextEncoder().encode("stored"));
        const stored = new TextDecoder().decode(await blobs.get(ref));
        const known = (await types()).map((one) => one.type);
        return { run, task, attempt, tenant, idempotencyKey, needs, stored, known, aborted: signal.aborted };
      },
    });
    const app = await runtime.start({ workers: [asks] });
    expect(await app.run("asks", {}, { run: "r", tenant: "t" })).toEqual({
      run: "r",
      task: "-",
      attempt: 1,
      tenant: "t",
      idempotencyKey: "t/r/-",
      needs: {},
      stored: "stored",
      known: ["asks"],
      aborted: false,
    });
  });
});

describeRuntime("a worker process", (runtime) => {
  test("executes as many at once as it may, of all types and of each, and no more", async () => {
    const running = { a: 0, b: 0 };
    const full = Promise.withResolvers<void>();
    const excess: object[] = [];
    const counted = (type: "a" | "b", concurrency?: number) =>
      worker(type, {
        ...(concurrency && { concurrency }),
        run: async () => {
          running[type]++;
          if (running.a > 2 || running.a + running.b > 5) excess.push({ ...running });
          if (running.a + running.b === 5) full.resolve();
          await full.promise;
          await new Promise(setImmediate);
          running[type]--;
        },
      });
    const both = worker("both", {
      run: () =>
        plan((p) => {
          for (let i = 0; i < 40; i++) p.task(i < 20 ? "a" : "b", {}, { key: `k${i}` });
        }),
    });
    const app = await runtime.start({ workers: [counted("a", 2), counted("b"), both], concurrency: 5 });
    await app.run("both", {});
    expect(excess).toEqual([]);
  });

  test("leaves what is over its type's limit to other processes", async () => {
    const open = Promise.withResolvers<void>();
    const began: string[] = [];
    const four = Promise.withResolvers<void>();
    const narrow = (process: string) =>
      worker("narrow", {
        concurrency: 2,
        run: async () => {
          if (began.push(process) === 4) four.resolve();
          await open.promise;
        },
      });
    const wide = worker("wide", {
      run: () => plan((p) => void Array.from({ length: 4 }, (_, i) => p.task("narrow", {}, { key: `k${i}` }))),
    });
    const app = await runtime.start({ workers: [narrow("first"), wide] });
    // Embedded, there is one process only.
    const second =
      app.bus.startsWith("nats") && (await runtime.start({ orchestrator: false, workers: [narrow("second")] }));
    const done = app.run("wide", {});
    if (second) await four.promise;
    open.resolve();
    await done;
    expect(began).toHaveLength(4);
  });

  test("lets one type that is at its limit not hold up the others", async () => {
    const open = Promise.withResolvers<void>();
    const narrow = worker("narrow", { concurrency: 1, run: () => open.promise });
    const app = await runtime.start({ workers: [narrow, worker("free", { run: () => "free" })], concurrency: 4 });
    const narrowed = Array.from({ length: 20 }, (_, i) => app.submit("narrow", {}, { run: `n${i}` }));
    await Promise.all(narrowed);
    expect(await app.run("free", {})).toBe("free");
    open.resolve();
    await Promise.all(narrowed.map(async (id) => app.result(await id)));
  });

  test("is listed with its types and its counts", async () => {
    const app = await runtime.start({ workers: [worker("one", { run: () => 1 })], id: "me", concurrency: 3 });
    expect(await app.workers()).toMatchObject([{ worker: "me", types: ["one"], concurrency: 3, state: "idle" }]);
  });
});

describe("time, on the virtual clock", () => {
  const start = (...workers: NonNullable<Parameters<typeof startTestTutti>[0]>["workers"] & {}) =>
    startTestTutti({ workers });

  test("takes what is urgent first", async () => {
    const order: string[] = [];
    const open = Promise.withResolvers<void>();
    const gate = worker("gate", { run: () => open.promise });
    const step = worker("step", { run: ({ run }) => void order.push(run.slice(0, 1)) });
    const { app, clock } = await startTestTutti({ workers: [gate, step], concurrency: 1 });
    const priorities = ["low", "normal", "high"] as const;
    // Their queues are opened by the first task of each.
    for (const priority of priorities) await clock.runUntilSettled(app.run("step", {}, { priority }));
    order.length = 0;
    await clock.runUntilSettled(app.submit("gate", {}));
    const runs = [0, 1, 2, 3].flatMap((i) => priorities.map((priority) => ({ run: `${priority}${i}`, priority })));
    for (const { run, priority } of runs) await clock.runUntilSettled(app.submit("step", {}, { run, priority }));
    await clock.advance(100);
    open.resolve();
    for (const { run } of runs) await clock.runUntilSettled(app.result(run));
    // One of each queue is asked for ahead, so that work there is noticed at once; of those the urgent one is first.
    const placesOf = (which: string) => order.flatMap((one, place) => (one === which ? [place] : []));
    const mean = (which: string) => placesOf(which).reduce((sum, place) => sum + place, 0) / 4;
    expect(order).toHaveLength(12);
    expect(order[0]).toBe("h");
    expect(mean("h")).toBeLessThan(mean("l"));
    await clock.runUntilSettled(app.stop());
  });

  test("passes as a backoff says", async () => {
    const times: number[] = [];
    const slow = worker("slow", {
      retry: { attempts: 4, delay: "1h", backoff: "exponential", maxDelay: "3h" },
      run: ({ attempt }) => {
        times.push(clock.now());
        if (attempt < 4) throw new Error("not yet");
        return attempt;
      },
    });
    const { app, clock } = await start(slow);
    expect(await clock.runUntilSettled(app.run("slow", {}), 86_400_000)).toBe(4);
    const hours = times.slice(1).map((at, i) => (at - times[i]!) / 3_600_000);
    expect(hours.map(Math.round)).toEqual([1, 2, 3]);
    for (const [i, planned] of [1, 2, 3].entries()) expect(Math.abs(hours[i]! - planned) / planned).toBeLessThan(0.21);
    await clock.runUntilSettled(app.stop());
  });

  test("waits at least as long as a RetryableError asks", async () => {
    const times: number[] = [];
    const limited = worker("limited", {
      retry: { attempts: 2, delay: 1 },
      run: ({ attempt }) => {
        times.push(clock.now());
        if (attempt === 1) throw new RetryableError("later", { retryAfterMs: 600_000 });
      },
    });
    const { app, clock } = await start(limited);
    await clock.runUntilSettled(app.run("limited", {}));
    expect(times[1]! - times[0]!).toBeGreaterThanOrEqual(600_000);
    await clock.runUntilSettled(app.stop());
  });

  test("ends a run at its deadline, whatever its tasks do", async () => {
    const signals: AbortSignal[] = [];
    const stuck = worker("stuck", {
      run: ({ signal }) => {
        signals.push(signal);
        return new Promise(() => {});
      },
    });
    const parent = worker("parent", { run: () => plan((p) => void [p.task(stuck, {}), p.task(stuck, {})]) });
    const { app, clock } = await start(stuck, parent);
    const error = await failureOf(clock.runUntilSettled(app.run("parent", {}, { run: "r", deadline: "30m" })));
    expect(error).toMatchObject({ code: 408, details: { run: "r" } });
    expect(signals.map((one) => one.aborted)).toEqual([true, true]);
    const view = await clock.runUntilSettled(app.get("r"));
    expect(Date.parse(view.endedAt!) - Date.parse(view.submittedAt)).toBe(1_800_000);
    expect(view.totals).toMatchObject({ tasks: 3, failed: 1, cancelled: 2 });
    await clock.runUntilSettled(app.stop());
  });

  test("cuts a backoff short when the deadline comes first", async () => {
    const fails = worker("fails", {
      retry: { attempts: 2, delay: "2h", maxDelay: "2h" },
      run: () => {
        throw new Error("x");
      },
    });
    const { app, clock } = await start(fails);
    const error = await failureOf(clock.runUntilSettled(app.run("fails", {}, { deadline: "1h" }), 86_400_000));
    expect(error.code).toBe(408);
    await clock.runUntilSettled(app.stop());
  });
});
