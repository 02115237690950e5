import { SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import { NodeSDK } from "@opentelemetry/sdk-node";
import { InMemorySpanExporter, SimpleSpanProcessor } from "@opentelemetry/sdk-trace";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { z } from "zod";
import { answer, answerJson, failing, INPUT_TOKENS, OUTPUT_TOKENS, stream } from "../support/model-server.ts";
import { connect, readAll, rejection } from "./connection.ts";

const exporter = new InMemorySpanExporter();
const sdk = new NodeSDK({
  spanProcessors: [new SimpleSpanProcessor({ exporter })],
  metricReaders: [],
  logRecordProcessors: [],
  autoDetectResources: false,
});
beforeAll(() => sdk.start());
afterAll(() => sdk.shutdown());
beforeEach(() => exporter.reset());

const spans = () => exporter.getFinishedSpans();
const modelSpans = () => spans().filter(({ name }) => name.startsWith("chat "));
const inSpan = <T>(run: () => Promise<T>): Promise<T> =>
  trace.getTracer("test").startActiveSpan("attempt", async (span) => {
    try {
      return await run();
    } finally {
      span.end();
    }
  });

describe("a model call", () => {
  test("is a client span below the active one, with the conventions' attributes", async () => {
    await using connection = await connect();
    const { server, model } = connection;
    server.script(answer("secret answer"));
    await inSpan(() => model.text("secret prompt", { temperature: 0.2, maxTokens: 9 }));

    const [call, attempt] = spans();
    expect(call!.name).toBe("chat small");
    expect(call!.kind).toBe(SpanKind.CLIENT);
    expect(call!.parentSpanContext?.spanId).toBe(attempt!.spanContext().spanId);
    expect(call!.attributes).toEqual({
      "gen_ai.operation.name": "chat",
      "gen_ai.provider.name": "openai",
      "gen_ai.request.model": "small",
      "gen_ai.request.temperature": 0.2,
      "gen_ai.request.max_tokens": 9,
      "gen_ai.response.id": "chatcmpl-1",
      "gen_ai.response.model": "small-2026",
      "gen_ai.response.finish_reasons": ["stop"],
      "gen_ai.usage.input_tokens": INPUT_TOKENS,
      "gen_ai.usage.output_tokens": OUTPUT_TOKENS,
      "server.address": "127.0.0.1",
      "server.port": Number(new URL(server.url).port),
    });
    expect(JSON.stringify(call!.attributes)).not.toContain("secret");
  });

  test("records prompt and answer when asked to", async () => {
    await using connection = await connect({ env: { OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT: "true" } });
    const { server, model } = connection;
    server.script(answer("Hello"));
    await model.text("Greet", { system: "Be brief" });
    const { attributes } = modelSpans()[0]!;
    const parsed = (name: string) => JSON.parse(attributes[name] as string);
    expect(parsed("gen_ai.system_instructions")).toEqual([{ type: "text", content: "Be brief" }]);
    expect(parsed("gen_ai.input.messages")).toEqual([{ role: "user", parts: [{ type: "text", content: "Greet" }] }]);
    expect(parsed("gen_ai.output.messages")).toEqual([
      { role: "assistant", parts: [{ type: "text", content: "Hello" }], finish_reason: "stop" },
    ]);
  });

  test("that fails says how", async () => {
    await using connection = await connect({ breaker: { minimumRequests: 2, openMs: 30_000 } });
    const { server, model } = connection;
    server.script(failing(503), { kind: "hang" });
    await rejection(model.text("x"));
    await rejection(model.text("x", { timeoutMs: 30 }));
    await rejection(model.text("x"));
    expect(modelSpans().map(({ attributes }) => attributes["error.type"])).toEqual(["503", "timeout"]);
    for (const { status } of modelSpans()) expect(status.code).toBe(SpanStatusCode.ERROR);
  });

  test("whose caller gives it up has not failed", async () => {
    await using connection = await connect();
    const { server, model } = connection;
    server.script({ kind: "hang" });
    await rejection(model.text("x", { signal: AbortSignal.timeout(30) }));
    const { status, attributes } = modelSpans()[0]!;
    expect([status.code, attributes["tutti.outcome"], attributes["error.type"]]).toEqual([
      SpanStatusCode.UNSET,
      "cancelled",
      undefined,
    ]);
  });

  test("carries its span to the endpoint", async () => {
    await using connection = await connect();
    const { server, model } = connection;
    server.script(answer("Hello"));
    await model.text("x");
    const { traceId, spanId } = modelSpans()[0]!.spanContext();
    expect(server.requests[0]!.headers.traceparent).toBe(`00-${traceId}-${spanId}-01`);
  });

  test("that is repaired is a span for each question", async () => {
    await using connection = await connect();
    const { server, model } = connection;
    server.script(answer("no"), answerJson({ a: "b" }));
    await inSpan(() => model.object(z.object({ a: z.string() }), "x"));
    const parent = spans().find(({ name }) => name === "attempt")!;
    expect(modelSpans().map(({ parentSpanContext }) => parentSpanContext?.spanId)).toEqual(
      Array(2).fill(parent.spanContext().spanId),
    );
    expect(modelSpans()[0]!.attributes["gen_ai.output.type"]).toBe("json");
  });

  test("that streams is one span to the end of the stream, below the span that asked for it", async () => {
    await using connection = await connect();
    const { server, model } = connection;
    server.script(stream(["a", "b"]));
    const asked = await inSpan(async () => ({ pieces: model.stream("x") }));
    await readAll(asked.pieces);
    const attempt = spans().find(({ name }) => name === "attempt")!;
    const [call] = modelSpans();
    expect(call!.parentSpanContext?.spanId).toBe(attempt.spanContext().spanId);
    expect(call!.attributes).toMatchObject({
      "gen_ai.request.stream": true,
      "gen_ai.usage.output_tokens": OUTPUT_TOKENS,
      "gen_ai.response.finish_reasons": ["stop"],
      "gen_ai.response.time_to_first_chunk": expect.any(Number),
    });
  });

  test("whose stream breaks off or is left is ended too", async () => {
    await using connection = await connect();
    const { server, model } = connection;
    server.script(stream(["a"], "close"), stream(["a"], "hang"));
    await rejection(readAll(model.stream("x")));
    for await (const _ of model.stream("x")) break;
    expect(modelSpans().map(({ attributes }) => attributes["error.type"])).toEqual(["invalid_response", undefined]);
  });
});
