import { context, SpanKind, trace } from "@opentelemetry/api";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Attempt, inAttemptSpan, injectTraceparent, tracingEnabled } from "../../src/telemetry/attempt-span.ts";
import { recordRun } from "../../src/telemetry/record-run.ts";
import { startTelemetry, type Telemetry } from "../../src/telemetry/setup.ts";
import {
  attemptSpanId,
  formatTraceparent,
  parseTraceparent,
  taskSpanId,
  traceOf,
} from "../../src/telemetry/trace-context.ts";
import { attemptTraceparent } from "../../src/telemetry/tracing.ts";
import { assertTree, type OtlpReceiver, startOtlpReceiver } from "../support/otlp-receiver.ts";
import { finishedRun, finishedTask } from "./finished-run.ts";

/** What the owner of a run sends that does not write the spans of attempts: an older one, or one that exports nothing. */
const taskTraceparent = (run: string, task: string) =>
  formatTraceparent({ traceId: traceOf(run).traceId, spanId: taskSpanId(run, task), sampled: true });

const attemptOf = (run: string, more: Partial<Attempt> = {}): Attempt => ({
  traceparent: taskTraceparent(run, "a"),
  run,
  tenant: "default",
  task: "a",
  type: "summarize",
  attempt: 1,
  deliveries: 1,
  worker: "worker-1",
  subject: `tutti.tasks.summarize.normal.3.default.${run}.a.1`,
  ...more,
});
const fine = () => ({});

describe("with an endpoint", () => {
  let receiver: OtlpReceiver;
  let telemetry: Telemetry;
  beforeEach(async () => {
    receiver = await startOtlpReceiver();
    telemetry = await startTelemetry({ serviceName: "tutti", env: { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url } });
  });
  afterEach(async () => {
    await telemetry.stop();
    await receiver.stop();
  });
  const received = async (run: string) => {
    await telemetry.flush();
    return receiver.spans(traceOf(run).traceId);
  };

  test("an attempt whose span the owner writes has none here, and what the handler traces nests below that", async () => {
    const execute = async () => trace.getTracer("a handler's own").startSpan("call").end();
    await inAttemptSpan(attemptOf("r0", { traceparent: attemptTraceparent("r0", "a", 1) }), execute, fine);
    const spans = await received("r0");
    expect(spans).toMatchObject([{ name: "call", parentSpanId: attemptSpanId("r0", "a", 1) }]);
  });

  test("an attempt is a consumer's span below the one that its message names, where that is another", async () => {
    expect(tracingEnabled()).toBe(true);
    expect(await inAttemptSpan(attemptOf("r1", { attempt: 2, deliveries: 3 }), async () => "output", fine)).toBe(
      "output",
    );
    const [span] = await received("r1");
    expect(span).toMatchObject({
      name: "process summarize",
      kind: "consumer",
      parentSpanId: taskSpanId("r1", "a"),
      status: { code: "unset" },
      attributes: {
        "tutti.run": "r1",
        "tutti.tenant": "default",
        "tutti.task": "a",
        "tutti.type": "summarize",
        "tutti.attempt": 2,
        "tutti.deliveries": 3,
        "tutti.worker": "worker-1",
        "messaging.system": "nats",
        "messaging.operation.type": "process",
        "messaging.destination.name": "tutti.tasks.summarize.normal.3.default.r1.a.1",
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": "summarize",
      },
    });
  });

  test("what the handler traces nests below it, over awaits, and apart for attempts side by side", async () => {
    const tracer = trace.getTracer("a handler's own");
    const execute = (name: string) => async () => {
      await new Promise(setImmediate);
      await tracer.startActiveSpan(name, { kind: SpanKind.CLIENT }, async (span) => {
        await new Promise(setImmediate);
        tracer.startSpan(`${name}, inner`).end();
        span.end();
      });
    };
    await Promise.all([
      inAttemptSpan(attemptOf("r2"), execute("call 1"), fine),
      inAttemptSpan(attemptOf("r2", { task: "b", traceparent: taskTraceparent("r2", "b") }), execute("call 2"), fine),
    ]);
    await recordRun(
      finishedRun(
        "r2",
        ["-", "a", "b"].map((task) => finishedTask(task)),
      ),
    );
    const spans = await received("r2");
    expect(spans).toHaveLength(10);
    const tree = assertTree(spans);
    const pathOf = (name: string) => {
      const path = [];
      for (let at = spans.find((one) => one.name === name); at; at = tree.parent(at))
        path.unshift(at.attributes["tutti.task"] ?? at.name);
      return path;
    };
    const root = "invoke_workflow document";
    expect(pathOf("call 1, inner")).toEqual([root, "-", "a", "a", "call 1", "call 1, inner"]);
    expect(pathOf("call 2, inner")).toEqual([root, "-", "b", "b", "call 2", "call 2, inner"]);
  });

  test("an attempt that returned a plan is a planning span", async () => {
    await inAttemptSpan(
      attemptOf("r3"),
      async () => 7,
      (planned) => ({ planned }),
    );
    expect((await received("r3"))[0]).toMatchObject({
      name: "plan summarize",
      attributes: { "gen_ai.operation.name": "plan", "gen_ai.agent.name": "summarize", "tutti.plan.tasks": 7 },
    });
  });

  test("an attempt that failed is an error; one that was cancelled is none", async () => {
    const failed = { error: { kind: "retryable", name: "TypeError", message: "no luck" } };
    await inAttemptSpan(
      attemptOf("r4"),
      async () => 0,
      () => failed,
    );
    await inAttemptSpan(
      attemptOf("r4"),
      async () => 0,
      () => ({ error: { kind: "cancelled", message: "enough" } }),
    );
    const [first, second] = await received("r4");
    expect(first).toMatchObject({
      status: { code: "error", message: "no luck" },
      attributes: { "error.type": "TypeError", "tutti.error.kind": "retryable" },
    });
    expect(second!.status).toEqual({ code: "unset" });
    expect(second!.attributes).not.toHaveProperty("error.type");
  });

  test("a rejection passes through and ends the span", async () => {
    const broken = inAttemptSpan(attemptOf("r5"), () => Promise.reject(new RangeError("too far")), fine);
    await expect(broken).rejects.toThrow("too far");
    expect((await received("r5"))[0]).toMatchObject({
      status: { code: "error", message: "too far" },
      attributes: { "error.type": "RangeError" },
    });
  });

  test("deliveries of one attempt are spans of their own", async () => {
    for (const deliveries of [1, 2]) await inAttemptSpan(attemptOf("r6", { deliveries }), async () => 0, fine);
    await recordRun(finishedRun("r6", [finishedTask("-"), finishedTask("a")]));
    expect(assertTree(await received("r6")).root.name).toBe("invoke_workflow document");
  });

  test("a run that is not sampled leaves no spans, nor do those below", async () => {
    const traceparent = taskTraceparent("r7", "a").replace(/01$/, "00");
    const inner = await inAttemptSpan(
      attemptOf("r7", { traceparent }),
      async () => {
        trace.getTracer("a handler's own").startSpan("call").end();
        return injectTraceparent();
      },
      fine,
    );
    expect(inner).toMatch(/-00$/);
    expect(await received("r7")).toEqual([]);
  });

  test.each([undefined, "00-malformed"])(
    "without a task's span above (%s), attempts still share their run's trace",
    async (traceparent) => {
      await inAttemptSpan(attemptOf("r8", { traceparent }), async () => 0, fine);
      expect(await received("r8")).toMatchObject([{ parentSpanId: undefined }]);
    },
  );

  test("a request made within a span carries that span", async () => {
    expect(injectTraceparent()).toBeUndefined();
    const header = await inAttemptSpan(attemptOf("r9"), async () => injectTraceparent(), fine);
    const [span] = await received("r9");
    expect(parseTraceparent(header!)).toEqual({ traceId: span!.traceId, spanId: span!.spanId, sampled: true });
    // As the run submitted with that header goes on.
    await recordRun(finishedRun("r9-inner", [finishedTask("-")], { trace: header! }));
    const inner = (await received("r9")).find((one) => one.attributes["tutti.run"] === "r9-inner");
    expect(inner?.parentSpanId).toBe(span!.spanId);
  });
});

describe("without one", () => {
  test("execute is called as it is", async () => {
    const promise = Promise.resolve(1);
    expect(tracingEnabled()).toBe(false);
    expect(inAttemptSpan(attemptOf("off"), () => promise, fine)).toBe(promise);
    expect(injectTraceparent()).toBeUndefined();
    expect(trace.getSpan(context.active())).toBeUndefined();
  });
});
