import { trace } from "@opentelemetry/api";
import { afterEach, beforeEach, expect, test } from "vitest";
import { parentOf } from "../../src/core/names.ts";
import { recordRun } from "../../src/telemetry/record-run.ts";
import { startTelemetry, type Telemetry } from "../../src/telemetry/setup.ts";
import { taskSpanId, traceOf } from "../../src/telemetry/trace-context.ts";
import type { TracedTask } from "../../src/telemetry/traced-run.ts";
import { attemptTraceparent } from "../../src/telemetry/tracing.ts";
import { assertTree, type OtlpReceiver, startOtlpReceiver } from "../support/otlp-receiver.ts";
import { longestTurn } from "../support/turns.ts";
import { finishedAttempt, finishedRun, finishedTask, SUBMITTED } from "./finished-run.ts";

let receiver: OtlpReceiver;
let telemetry: Telemetry | undefined;
const logged: string[] = [];

beforeEach(async () => {
  receiver = await startOtlpReceiver();
  logged.length = 0;
});
afterEach(async () => {
  await telemetry?.stop();
  telemetry = undefined;
  await receiver.stop();
});

async function start(env: Record<string, string> = {}): Promise<Telemetry> {
  telemetry = await startTelemetry({
    serviceName: "tutti",
    env: { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url, ...env },
    onLog: (_, message) => logged.push(message),
  });
  return telemetry;
}

test("a run's trace has the shape of its tasks' tree", async () => {
  const { flush } = await start();
  const tasks = ["-", "part-1", "part-2", "part-1/translate", "part-1/translate/check", "merge"];
  await recordRun(
    finishedRun(
      "shape",
      tasks.map((task) => finishedTask(task)),
    ),
  );
  await flush();

  const spans = receiver.spans(traceOf("shape").traceId);
  expect(spans).toHaveLength(tasks.length + 1);
  const tree = assertTree(spans);
  expect(tree.root).toMatchObject({ name: "invoke_workflow document", spanId: traceOf("shape").runSpanId });
  expect(tree.children(tree.root).map((span) => span.attributes["tutti.task"])).toEqual(["-"]);
  for (const task of tasks.slice(1)) {
    const span = spans.find((one) => one.attributes["tutti.task"] === task)!;
    expect(span.spanId).toBe(taskSpanId("shape", task));
    expect(tree.parent(span)?.attributes["tutti.task"]).toBe(parentOf(task));
  }
});

test("times, names and attributes are the log's", async () => {
  const { flush } = await start();
  await recordRun(
    finishedRun("facts", [finishedTask("-", { type: "document", attempts: [finishedAttempt(2)] })], {
      to: SUBMITTED + 1234.5,
      tenant: "acme",
    }),
  );
  await flush();
  const [run, task] = receiver.spans();
  expect(run).toMatchObject({
    name: "invoke_workflow document",
    kind: "internal",
    startMs: SUBMITTED,
    endMs: SUBMITTED + 1234.5,
    status: { code: "unset" },
    attributes: {
      "tutti.run": "facts",
      "tutti.tenant": "acme",
      "tutti.type": "document",
      "tutti.status": "succeeded",
      "gen_ai.operation.name": "invoke_workflow",
      "gen_ai.agent.name": "document",
    },
  });
  expect(task).toMatchObject({
    name: "task document",
    kind: "internal",
    startMs: SUBMITTED + 100,
    endMs: SUBMITTED + 900,
    attributes: { "tutti.task": "-", "tutti.type": "document", "tutti.attempt": 2, "tutti.state": "succeeded" },
  });
});

test("a failure shows at the task that failed and at the run, and what was cancelled is no failure", async () => {
  const { flush } = await start();
  const tasks = [
    finishedTask("-", { state: "failed", error: { kind: "terminal", message: "its child failed" } }),
    finishedTask("bad", { state: "failed", error: { kind: "terminal", message: "x".repeat(5000) } }),
    finishedTask("sibling", { state: "cancelled", error: { kind: "cancelled", message: "its sibling failed" } }),
  ];
  await recordRun(finishedRun("failed", tasks, { status: "failed", error: { code: 422, message: "bad failed" } }));
  await recordRun(finishedRun("cancelled", [], { status: "cancelled", error: { code: 499, message: "by request" } }));
  await flush();
  const [run, , bad, sibling] = receiver.spans(traceOf("failed").traceId);
  expect(run).toMatchObject({ status: { code: "error", message: "bad failed" }, attributes: { "error.type": "422" } });
  expect(bad?.status).toEqual({ code: "error", message: "x".repeat(1024) });
  expect(bad?.attributes["error.type"]).toBe("terminal");
  expect(sibling).toMatchObject({ status: { code: "unset" }, attributes: { "tutti.state": "cancelled" } });
  expect(receiver.spans(traceOf("cancelled").traceId)[0]).toMatchObject({
    status: { code: "unset" },
    attributes: { "tutti.status": "cancelled" },
  });
});

test("below a task are its attempts and what it waited for, with links to what they followed", async () => {
  const { flush } = await start();
  const lost = { name: "tutti.attempt.lost", at: SUBMITTED + 300, attributes: { "tutti.worker": "worker-1" } };
  const error = { kind: "retryable", name: "TypeError", message: "no luck", stack: "TypeError: no luck\n    at f" };
  const task = finishedTask("b", {
    needs: [{ task: "a", round: 1 }],
    usage: { calls: 2, inputTokens: 7 },
    policy: { retry: { attempts: 2 } },
    phases: [{ name: "backingOff", at: SUBMITTED + 400 }],
    waits: [{ what: "blocked", from: SUBMITTED + 100, to: SUBMITTED + 150 }],
    attempts: [
      finishedAttempt(1, { endedOn: "attemptFailed", to: SUBMITTED + 400, error, events: [lost] }),
      finishedAttempt(2, { from: SUBMITTED + 500, planned: 3 }),
    ],
  });
  await recordRun(finishedRun("below", [finishedTask("-"), finishedTask("a"), task]));
  await flush();
  const spans = receiver.spans();
  const tree = assertTree(spans);
  const b = spans.find(({ spanId }) => spanId === taskSpanId("below", "b"))!;
  expect(b).toMatchObject({
    links: [taskSpanId("below", "a")],
    events: ["tutti.task.backingOff"],
    attributes: { "tutti.usage.calls": 2, "gen_ai.usage.input_tokens": 7, "tutti.policy": '{"retry":{"attempts":2}}' },
  });
  const [wait, first, second] = tree.children(b);
  expect(wait).toMatchObject({ name: "wait blocked", startMs: SUBMITTED + 100, endMs: SUBMITTED + 150 });
  expect(first).toMatchObject({
    name: "process leaf",
    kind: "consumer",
    events: ["tutti.attempt.lost", "exception"],
    status: { code: "error", message: "no luck" },
    attributes: { "error.type": "TypeError", "tutti.error.kind": "retryable", "tutti.outcome": "attemptFailed" },
  });
  expect(second).toMatchObject({ name: "plan leaf", links: [first!.spanId], attributes: { "tutti.plan.tasks": 3 } });
});

test("a redrive is below the run that it goes on with, and its tasks have spans of their own", async () => {
  const { flush } = await start();
  const failed = { kind: "terminal", message: "no luck" };
  await recordRun(
    finishedRun("again", [finishedTask("-", { state: "failed", error: failed })], {
      status: "failed",
      error: { code: 422, message: "no luck" },
    }),
  );
  await recordRun(
    finishedRun("again", [finishedTask("-")], { round: 2, from: SUBMITTED + 2000, to: SUBMITTED + 3000 }),
  );
  await flush();
  const tree = assertTree(receiver.spans());
  const [task, redrive] = tree.children(tree.root);
  expect(task).toMatchObject({ attributes: { "tutti.state": "failed" } });
  expect(redrive).toMatchObject({
    name: "redrive document",
    links: [tree.root.spanId],
    attributes: { "tutti.round": 2, "tutti.status": "succeeded" },
  });
  expect(tree.children(redrive!)).toMatchObject([{ attributes: { "tutti.state": "succeeded" } }]);
});

test("a task that failed without an error of its own is an error all the same", async () => {
  const { flush } = await start();
  await recordRun(finishedRun("late", [finishedTask("-", { state: "failed" })], { status: "failed" }));
  await flush();
  expect(receiver.spans()[1]).toMatchObject({ status: { code: "error" } });
});

test("a clock that runs behind does not make a span end before it starts", async () => {
  const { flush } = await start();
  await recordRun(finishedRun("clocks", [finishedTask("-", { from: SUBMITTED + 900, to: SUBMITTED + 100 })]));
  await flush();
  expect(receiver.spans()[1]).toMatchObject({ startMs: SUBMITTED + 900, endMs: SUBMITTED + 900 });
});

test("the caller's trace goes on, with the run below the caller's span", async () => {
  const { flush } = await start();
  const caller = { traceId: "0af7651916cd43dd8448eb211c80319c", spanId: "b7ad6b7169203331" };
  await recordRun(
    finishedRun("continued", [finishedTask("-"), finishedTask("a")], {
      trace: `00-${caller.traceId}-${caller.spanId}-01`,
    }),
  );
  await flush();
  expect(receiver.spans()).toHaveLength(3);
  expect(assertTree(receiver.spans(caller.traceId), caller.spanId).root.name).toBe("invoke_workflow document");
});

test("a caller that does not sample gets no spans", async () => {
  const { flush } = await start();
  const trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";
  await recordRun(finishedRun("unsampled", [finishedTask("-")], { trace }));
  await recordRun(finishedRun("sampled", [finishedTask("-")]));
  await flush();
  expect(new Set(receiver.spans().map((span) => span.traceId))).toEqual(new Set([traceOf("sampled").traceId]));
});

test("a run is sampled as a whole or not at all, and its tasks' messages say which", async () => {
  const { flush } = await start({ OTEL_TRACES_SAMPLER: "parentbased_traceidratio", OTEL_TRACES_SAMPLER_ARG: "0.5" });
  const runs = Array.from({ length: 200 }, (_, i) => `ratio-${i}`);
  for (const run of runs) await recordRun(finishedRun(run, [finishedTask("-"), finishedTask("a")]));
  await flush();
  const recorded = runs.filter((run) => receiver.spans(traceOf(run).traceId).length > 0);
  expect(recorded.length).toBeGreaterThan(60);
  expect(recorded.length).toBeLessThan(140);
  for (const run of recorded) expect(receiver.spans(traceOf(run).traceId)).toHaveLength(3);
  expect(runs.filter((run) => attemptTraceparent(run, "a", 1).endsWith("-01"))).toEqual(recorded);
});

function* treeOf(tasks: number): Generator<TracedTask> {
  yield finishedTask("-");
  for (let i = 1; i < tasks; i++)
    yield finishedTask(i % 10 === 0 ? `part-${i}` : `part-${i - (i % 10) || 10}/leaf-${i}`);
}

test.each([
  ["the default queue", {}],
  ["a queue of 600 spans", { OTEL_BSP_MAX_QUEUE_SIZE: "600" }],
  ["a queue of 64 spans", { OTEL_BSP_MAX_QUEUE_SIZE: "64", OTEL_BSP_MAX_EXPORT_BATCH_SIZE: "64" }],
])("20,000 tasks lose no span and do not hold up the event loop, with %s", async (_, env) => {
  const { flush } = await start(env);
  const { longestMs } = await longestTurn(async () => {
    await recordRun(finishedRun("large", treeOf(20_000)));
    await flush();
  });
  const spans = receiver.spans(traceOf("large").traceId);
  expect(spans).toHaveLength(20_001);
  assertTree(spans);
  expect(logged).toEqual([]);
  // Measured: 20 ms, the receiver's work in this same process included. Slow machines may take ten times as long.
  expect(longestMs).toBeLessThan(250);
});

test("several large runs at once lose nothing either", async () => {
  const { flush } = await start({ OTEL_BSP_MAX_QUEUE_SIZE: "1024" });
  const runs = ["one", "two", "three", "four", "five"];
  await Promise.all(runs.map((run) => recordRun(finishedRun(run, treeOf(3_000)))));
  await flush();
  for (const run of runs)
    expect(assertTree(receiver.spans(traceOf(run).traceId)).root.attributes["tutti.run"]).toBe(run);
  expect(receiver.spans()).toHaveLength(5 * 3_001);
});

test("spans that others start keep ids of their own", async () => {
  const { flush } = await start();
  await recordRun(finishedRun("ids", [finishedTask("-")]));
  attemptTraceparent("ids", "-", 1);
  trace.getTracer("another").startSpan("foreign").end();
  await flush();
  const own = receiver.spans().filter((span) => span.name !== "foreign");
  const [foreign] = receiver.spans().filter((span) => span.name === "foreign");
  expect(own).toHaveLength(2);
  expect(own.map((span) => span.spanId)).not.toContain(foreign?.spanId);
  expect(foreign?.traceId).not.toBe(traceOf("ids").traceId);
});

test("where nothing is exported, the tasks are not even looked at", async () => {
  let looked = 0;
  const tasks = {
    [Symbol.iterator](): Iterator<TracedTask> {
      looked++;
      return [][Symbol.iterator]();
    },
  };
  await recordRun(finishedRun("untraced", tasks));
  expect(looked).toBe(0);
});
