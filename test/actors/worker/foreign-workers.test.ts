import { type ConsumerMessages, type JsMsg, jetstream, jetstreamManager } from "@nats-io/jetstream";
import { Kvm } from "@nats-io/kv";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { z } from "zod";
import { plan, worker } from "../../../src/index.ts";
import { connectPlainly, type PlainClient, toBytes } from "../../support/plain-client.ts";
import { describeOnNats } from "../../support/runtime.ts";

/** A task as PROTOCOL describes it. */
interface WireTask {
  readonly run: string;
  readonly task: string;
  readonly attempt: number;
  readonly input: Record<string, unknown>;
  readonly reply: string;
}
/** What the worker publishes: results, or any body at all. */
type Work = (task: WireTask, message: JsMsg) => unknown | Promise<unknown>;

const result = (task: WireTask, more: object) => ({
  v: 1,
  results: [{ task: task.task, attempt: task.attempt, worker: "foreign", ...more }],
});

describeOnNats("a worker made of a NATS client and PROTOCOL", (runtime) => {
  let client: PlainClient;
  const pulling: ConsumerMessages[] = [];

  /** Registers `foreign` and executes its tasks by `work`. */
  async function takeWork(work: Work, registration: object = {}): Promise<void> {
    const { prefix } = runtime;
    const stream = `${prefix.toUpperCase()}_TASKS`;
    const types = await new Kvm(client.nc).open(`${prefix.toUpperCase()}_types`);
    await types.put("foreign", JSON.stringify({ v: 1, type: "foreign", ...registration }));
    const manager = await jetstreamManager(client.nc);
    const durable = "foreign_normal";
    const filter = `${prefix}.tasks.foreign.normal.>`;
    await manager.consumers.add(stream, { durable_name: durable, ack_policy: "explicit", filter_subject: filter });
    const js = jetstream(client.nc);
    const messages = await (await js.consumers.get(stream, durable)).consume();
    pulling.push(messages);
    void (async () => {
      for await (const message of messages) {
        const task = message.json<WireTask>();
        message.working();
        const body = await work(task, message);
        if (body === undefined) continue;
        await js.publish(`${task.reply}.result`, toBytes(body));
        message.ack();
      }
    })();
  }
  const run = (input: unknown, headers?: Record<string, string>) =>
    client.request(`${runtime.prefix}.run.foreign`, input, headers);

  beforeEach(async () => {
    client = await connectPlainly(runtime.server.url);
  });
  afterEach(async () => {
    await Promise.all(pulling.splice(0).map((one) => one.close()));
    await client.close();
  });

  test("executes tasks", async () => {
    await runtime.start();
    await takeWork((task) => result(task, { output: { sum: Number(task.input.a) + Number(task.input.b) } }));
    expect((await run({ a: 1, b: 2 })).json).toEqual({ sum: 3 });
  });

  test("is protected from inputs that its registered schema refuses", async () => {
    await runtime.start();
    const input = { type: "object", properties: { a: { type: "integer" } }, required: ["a"] };
    await takeWork((task) => result(task, { output: task.input }), { input });
    expect((await run({ a: "x" })).json).toMatchObject({ error: { code: 400, path: "/a", expected: "integer" } });
    expect((await run({ a: 1 })).json).toEqual({ a: 1 });
  });

  test('says "not now" by an event of its own, which costs no attempt, malformed or not', async () => {
    await runtime.start();
    const js = jetstream(client.nc);
    const attempts: number[] = [];
    const defer = async ({ task, attempt, reply }: WireTask, message: JsMsg, more: object): Promise<undefined> => {
      await js.publish(`${reply}.deferred`, toBytes({ v: 2, task, attempt, ...more }));
      message.ack();
    };
    const registration = { policy: { retry: { attempts: 1 } } };
    await takeWork((task, message) => {
      attempts.push(task.attempt);
      if (task.attempt === 1) return defer(task, message, { retryAfterMs: 1, why: "busy" });
      if (task.attempt === 2) return defer(task, message, { until: ["?"] });
      return result(task, { output: "done" });
    }, registration);
    expect((await run({})).json).toBe("done");
    expect(attempts).toEqual([1, 2, 3]);
  });

  test("takes part in plans beside our own workers", async () => {
    const both = worker("both", {
      run: () => plan((p) => p.task(double, { n: p.task<number>("foreign", { n: 20 }).output })),
    });
    const double = worker("double", { input: z.object({ n: z.number() }), run: ({ input }) => 2 * input.n });
    const app = await runtime.start({ workers: [both, double] });
    await takeWork((task) => result(task, { output: Number(task.input.n) + 1 }));
    expect(await app.run("both", {})).toBe(42);
  });

  test("may return a plan, and begin its tasks anew in it", async () => {
    const app = await runtime.start();
    await takeWork((task) => {
      const left = Number(task.input.left);
      if (left === 0) return result(task, { output: "done" });
      const tasks = { next: { type: "foreign", input: { left: left - 1 } } };
      return result(task, { plan: { tasks, output: "next" } });
    });
    expect((await run({ left: 3 }, { "Tutti-Run": "loop" })).json).toBe("done");
    expect((await app.get("loop")).tasks.map((one) => one.task)).toEqual(["-", "next", "next/next", "next/next/next"]);
  });

  test("may say when it began in milliseconds, and report what it used", async () => {
    const app = await runtime.start();
    const startedAt = Date.UTC(2026, 0, 2, 3, 4, 5);
    await takeWork((task) => result(task, { output: 1, startedAt, usage: { calls: 1 } }));
    await run({}, { "Tutti-Run": "timed" });
    expect((await app.get("timed")).tasks[0]).toMatchObject({
      startedAt: "2026-01-02T03:04:05.000Z",
      worker: "foreign",
    });
  });

  test("may answer in the same message for several tasks of a run", async () => {
    const three = worker("three", {
      run: () =>
        plan((p) => {
          for (const key of ["a", "b", "c"]) p.task("foreign", {}, { key });
        }),
    });
    const app = await runtime.start({ workers: [three] });
    const waiting: { task: WireTask; message: JsMsg }[] = [];
    await takeWork(async (task, message) => {
      waiting.push({ task, message });
      if (waiting.length < 3) return undefined;
      const results = waiting.map((one) => result(one.task, { output: one.task.task }).results[0]);
      await jetstream(client.nc).publish(`${task.reply}.result`, JSON.stringify({ results }));
      for (const one of waiting) one.message.ack();
      return undefined;
    });
    expect(await app.run("three", {})).toEqual({ a: "a", b: "b", c: "c" });
  });

  test("that fails is tried again by the policy it registered", async () => {
    await runtime.start();
    const attempts: number[] = [];
    const policy = { retry: { attempts: 3, delay: 1 } };
    await takeWork((task) => {
      attempts.push(task.attempt);
      return result(task, { error: { kind: "retryable", message: `no ${task.attempt}`, policy } });
    });
    expect((await run({})).json).toMatchObject({ error: { code: 422, message: "task - failed: no 3" } });
    expect(attempts).toEqual([1, 2, 3]);
  });

  describe("whose result is malformed", () => {
    const body = (task: WireTask, more: object) => result(task, more);
    const kinds: [string, Work, RegExp][] = [
      [
        "both output and error",
        (t) => body(t, { output: 1, error: { kind: "terminal", message: "x" } }),
        /exactly one of/,
      ],
      ["neither", (t) => body(t, {}), /exactly one of/],
      ["an error that is a text", (t) => body(t, { error: "broken" }), /\/error/],
      ["an error of an unknown kind", (t) => body(t, { error: { kind: "odd", message: "x" } }), /\/error\/kind/],
      ["an error without message", (t) => body(t, { error: { kind: "terminal" } }), /\/error\/message/],
      ["a plan that is a text", (t) => body(t, { plan: "a, then b" }), /plan is refused.*an object with tasks/],
      ["a plan with a cycle", (t) => body(t, { plan: cyclic }), /no cycle, received a → b → a/],
      ["a plan with a missing reference", (t) => body(t, { plan: missing }), /\/tasks\/a\/input\/x\/\$ref/],
      ["a plan of a later version", (t) => body(t, { plan: { v: 2, tasks: {} } }), /\/v/],
      [
        "a plan with a type that nobody registered",
        (t) => body(t, { plan: { tasks: { a: { type: "nobody" } } } }),
        /nobody/,
      ],
      ["a plan's reference to no blob", (t) => body(t, { planRef: "nothing" }), /nothing is gone/],
      [
        "an output's reference to no blob",
        (t) => body(t, { outputRef: "nothing" }),
        /blob nothing is gone, or was never/,
      ],
      [
        "an integer that cannot be held",
        (t) => `{"v":1,"results":[{"task":"${t.task}","attempt":1,"output":{"a":[{"id":653247040368672768}]}}]}`,
        /\/output\/a\/0\/id: the integer 653247040368672768 cannot be held exactly/,
      ],
      [
        "a number beyond all numbers",
        (t) => `{"v":1,"results":[{"task":"${t.task}","attempt":1,"output":{"n":1e400}}]}`,
        /\/output\/n: the number 1e400 is too large/,
      ],
      ["startedAt as an object", (t) => body(t, { output: 1, startedAt: {} }), /\/startedAt/],
      [
        "results that are no array",
        (t) => ({ v: 1, results: { task: t.task, attempt: t.attempt, output: 1 } }),
        /malformed/,
      ],
      ["a result without the envelope", (t) => ({ task: t.task, attempt: t.attempt, output: 1 }), /malformed/],
      ["a version from the future", (t) => ({ ...body(t, { output: 1 }), v: 2 }), /malformed.*version 2/],
    ];
    const cyclic = { tasks: { a: { type: "foreign", needs: ["b"] }, b: { type: "foreign", needs: ["a"] } } };
    const missing = { tasks: { a: { type: "foreign", input: { x: { $ref: "b#/y" } } } } };
    test.each(kinds)("%s, fails its run and says why", async (_, work, message) => {
      await runtime.start();
      await takeWork(work);
      const { json } = await run({});
      expect(json).toMatchObject({ error: { code: 422, message: expect.stringMatching(message) } });
    });
  });

  const lost: [string, (task: WireTask) => unknown][] = [
    ["bytes that are not UTF-8", () => new Uint8Array([0, 255, 1])],
    ["half a JSON text", (t) => `{"v":1,"results":[{"task":"${t.task}","att`],
    ["nothing", () => ""],
    ["null", () => "null"],
    ["no results", () => ({ v: 1, results: [] })],
    ["a result without a task", () => ({ v: 1, results: [{ attempt: 1, output: 0 }] })],
    ["a result for a task that does not exist", () => ({ v: 1, results: [{ task: "nobody", attempt: 1, output: 0 }] })],
    ["a result of an attempt to come", (t) => result({ ...t, attempt: 7 }, { output: 0 })],
  ];
  test.each(lost)("that tells %s and acks ends its run once its attempts are spent, saying why", async (_, tell) => {
    const app = await runtime.start();
    await takeWork(tell);
    const { json } = await run({}, { "Tutti-Run": "lost" });
    expect(json).toMatchObject({ error: { code: 422, message: expect.stringMatching(/its result cannot be read: /) } });
    expect((await app.get("lost")).totals.executions).toBeGreaterThanOrEqual(3);
  });

  const ignored: [string, (task: WireTask) => unknown][] = [
    ["bytes that are no JSON", () => new Uint8Array([0, 255, 1])],
    ["nothing", () => ""],
    ["null", () => "null"],
    ["null for a result", () => ({ v: 1, results: [null, 5, []] })],
    ["a result for a task that does not exist", () => ({ v: 1, results: [{ task: "nobody", attempt: 1, output: 0 }] })],
    ["a result without a task", () => ({ v: 1, results: [{ attempt: 1, output: 0 }] })],
    ["a result of an attempt to come", (t) => result({ ...t, attempt: 2 }, { output: 0 })],
    ["a result of attempt 0", (t) => result({ ...t, attempt: 0 }, { output: 0 })],
    ["a task's path that is no path", (t) => result({ ...t, task: "../-" }, { output: 0 })],
  ];
  test.each(ignored)("that tells %s before its result does no harm", async (_, tell) => {
    await runtime.start();
    await takeWork(async (task) => {
      await jetstream(client.nc).publish(`${task.reply}.result`, toBytes(tell(task)));
      return result(task, { output: "right" });
    });
    expect((await run({})).json).toBe("right");
  });

  test.each(["submitted", "result", "due", "cancel", "ended", "unheard-of"])(
    "that puts bytes where `%s` events stand does not keep the run from its end",
    async (event) => {
      const app = await runtime.start();
      await takeWork(async (task) => {
        await jetstream(client.nc).publish(`${task.reply}.${event}`, toBytes("\u0000no json"));
        return result(task, { output: "right" });
      });
      expect((await run({}, { "Tutti-Run": "junk" })).json).toBe("right");
      expect((await app.get("junk")).status).toBe("succeeded");
      expect((await app.list()).map((one) => one.run)).toEqual(["junk"]);
      expect((await app.log("junk")).length).toBeGreaterThan(3);
    },
  );

  test("has a result counted once, however often it is told, and fields of its own are let be", async () => {
    const app = await runtime.start();
    await takeWork(async (task) => {
      const body = { ...result(task, { output: "first", colour: "red" }), more: true };
      await jetstream(client.nc).publish(`${task.reply}.result`, JSON.stringify(body));
      return result(task, { output: "second" });
    });
    expect((await run({}, { "Tutti-Run": "twice" })).json).toBe("first");
    expect((await app.get("twice")).totals).toMatchObject({ tasks: 1, succeeded: 1 });
  });

  test.each([600, 100_000])("that answers with %i brackets fails its run, and nothing else", async (depth) => {
    const deep = `${"[".repeat(depth)}${"]".repeat(depth)}`;
    const uses = worker("uses", {
      run: () => plan((p) => p.task("echo", { value: p.task("foreign", {}).output as never })),
    });
    const app = await runtime.start({ workers: [uses, worker("echo", { run: () => "reached" })] });
    await takeWork((t) => `{"results":[{"task":"${t.task}","attempt":1,"output":${deep}}]}`);
    const message = expect.stringMatching(/nested deeper than 500 levels/);
    expect((await run({}, { "Tutti-Run": "root" })).json).toMatchObject({ error: { code: 422, message } });
    expect((await client.request(`${runtime.prefix}.run.uses`, {})).json).toMatchObject({
      error: { code: 422, message },
    });
    expect((await app.get("root")).status).toBe("failed");
  });

  test("that gives a task back is given it again, and may ask whether it is settled", async () => {
    await runtime.start();
    const deliveries: number[] = [];
    const settled: unknown[] = [];
    await takeWork(async (task, message) => {
      deliveries.push(message.info.deliveryCount);
      const { run, attempt } = task;
      const query = { run, task: task.task, attempt };
      settled.push((await client.request(`${runtime.prefix}.api.tasks.settled`, query)).json);
      if (message.info.deliveryCount > 1) return result(task, { output: 1 });
      message.nak();
      return undefined;
    });
    const answer = await run({});
    expect(answer.json).toBe(1);
    expect(deliveries).toEqual([1, 2]);
    expect(settled).toEqual([{ settled: false }, { settled: false }]);
    const query = { run: answer.headers["Tutti-Run"], task: "-", attempt: 1 };
    expect((await client.request(`${runtime.prefix}.api.tasks.settled`, query)).json).toEqual({ settled: true });
  });

  test("that registers its type with bytes harms nobody", async () => {
    const app = await runtime.start({ workers: [worker("fine", { run: () => 1 })] });
    const types = await new Kvm(client.nc).open(`${runtime.prefix.toUpperCase()}_types`);
    await types.put("broken", new Uint8Array([0, 255]));
    await types.put("odd", JSON.stringify({ v: 1, type: "odd", input: { type: "no such type" } }));
    expect(await app.run("fine", {})).toBe(1);
    // Both are registered all the same, and their inputs go unchecked.
    for (const type of ["broken", "odd"])
      expect((await client.request(`${runtime.prefix}.submit.${type}`, {})).json).toEqual({ run: expect.any(String) });
  });
});
