import { inspect } from "node:util";
import { describe, expect, test } from "vitest";
import { type DeferredError, RetryableError, TerminalError } from "../../src/core/error.ts";
import { answer, failing, INPUT_TOKENS, OUTPUT_TOKENS, refusal } from "../support/model-server.ts";
import { connect, KEY, rejection } from "./connection.ts";

describe("a call", () => {
  test("sends the prompt with its options and returns the answer", async () => {
    await using connection = await connect();
    const { server, model } = connection;
    server.script(answer("Hello."));

    const text = await model.text("Greet me", { system: "Be brief", temperature: 0.5, maxTokens: 20, model: "large" });

    expect(text).toBe("Hello.");
    const [request] = server.requests;
    expect(request!.path).toBe("/v1/chat/completions");
    expect(request!.headers.authorization).toBe(`Bearer ${KEY}`);
    expect(request!.body).toMatchObject({
      model: "large",
      messages: [
        { role: "system", content: "Be brief" },
        { role: "user", content: "Greet me" },
      ],
      temperature: 0.5,
      max_tokens: 20,
      stream: false,
    });
  });

  test("takes a conversation and the configured model", async () => {
    await using connection = await connect();
    const { server, model } = connection;
    server.script(answer("4"));
    const conversation = [
      { role: "user", content: "1+1?" },
      { role: "assistant", content: "2" },
      { role: "user", content: "Twice that?" },
    ] as const;
    await model.text(conversation);
    expect(server.requests[0]!.body).toMatchObject({ model: "small", messages: conversation });
  });

  test("counts its tokens once it is answered, and nothing when it is not", async () => {
    await using connection = await connect();
    const { server, model, usages } = connection;
    server.script(answer("one"), failing(500), answer("two"));
    await model.text("a");
    await rejection(model.text("b"));
    await model.text("c");
    const one = { calls: 1, inputTokens: INPUT_TOKENS, outputTokens: OUTPUT_TOKENS };
    expect(usages).toMatchObject([one, one]);
  });

  test("leaves out what the model does not take, and does not send it again", async () => {
    await using connection = await connect();
    const { server, model } = connection;
    server.script(
      refusal(400, "Unsupported value", { param: "temperature", code: "unsupported_value" }),
      refusal(400, "Unsupported parameter: 'max_tokens' is not supported. Use 'max_completion_tokens' instead."),
    );
    server.always(answer("ok"));
    await model.text("a", { temperature: 0, maxTokens: 5 });
    await model.text("b", { temperature: 0, maxTokens: 5 });
    expect(server.requests.length).toBe(4);
    for (const { body } of server.requests.slice(2)) {
      expect(body).not.toHaveProperty("temperature");
      expect(body).not.toHaveProperty("max_tokens");
      expect(body.max_completion_tokens).toBe(5);
    }
  });
});

describe("a failure", () => {
  test.each([400, 401, 403, 404, 413, 422])(
    "with status %i is final and carries the server's words",
    async (status) => {
      await using connection = await connect();
      const { server, model } = connection;
      server.script(refusal(status, "you may not"));
      const error = await rejection(model.text("x"));
      expect(error).toBeInstanceOf(TerminalError);
      expect(error.message).toMatch(new RegExp(`^127\\.0\\.0\\.1:\\d+: answered ${status}: you may not`));
      expect(server.requests.length).toBe(1);
    },
  );

  test("with 404 says which variable chooses the model", async () => {
    await using connection = await connect();
    connection.server.script(refusal(404, "no such model"));
    expect((await rejection(connection.model.text("x"))).message).toContain("TUTTI_MODEL");
  });

  test.each([408, 409, 429, 500, 502, 503, 529])("with status %i may pass, and is not retried here", async (status) => {
    await using connection = await connect();
    const { server, model } = connection;
    server.always(failing(status));
    const error = await rejection(model.text("x"));
    expect(error).toBeInstanceOf(RetryableError);
    expect(error.message).toContain(`answered ${status}: the server says ${status}`);
    expect(error).toMatchObject({ retryAfterMs: undefined });
    expect(server.requests.length).toBe(1);
  });

  test.each([
    ["seconds", { "retry-after": "70" }, 70_000],
    ["fractions of a second", { "retry-after": "61.5" }, 61_500],
    ["OpenAI's milliseconds, which come first", { "retry-after-ms": "60250", "retry-after": "7" }, 60_250],
  ])("hands on when to come again: %s", async (_, headers, expected) => {
    await using connection = await connect();
    connection.server.script(failing(429, headers as Record<string, string>));
    expect(await rejection(connection.model.text("x"))).toMatchObject({ retryAfterMs: expected });
  });

  test("hands on when to come again: a date", async () => {
    await using connection = await connect();
    connection.server.script(failing(503, { "retry-after": new Date(Date.now() + 60_000).toUTCString() }));
    const error = await rejection(connection.model.text("x"));
    expect((error as DeferredError).retryAfterMs).toBeGreaterThan(50_000);
    expect((error as DeferredError).retryAfterMs).toBeLessThanOrEqual(60_000);
  });

  test("of the connection may pass, and its code is told", async () => {
    const connection = await connect();
    connection.server.script({ kind: "reset" });
    const reset = await rejection(connection.model.text("x"));
    expect(reset).toBeInstanceOf(RetryableError);
    expect(reset.message).toMatch(/cannot be reached \((ECONNRESET|UND_ERR_SOCKET)\)/);

    await connection.server[Symbol.asyncDispose]();
    const refused = await rejection(connection.model.text("x"));
    expect(refused).toBeInstanceOf(RetryableError);
    expect(refused.message).toContain("cannot be reached (ECONNREFUSED)");
  });

  test.each([
    ["malformed JSON", { kind: "raw", body: '{"choices":[' } as const],
    ["a web page", { kind: "raw", body: "<html>Welcome</html>", type: "text/html" } as const],
    ["JSON of another shape", { kind: "raw", body: '{"hello":"world"}' } as const],
    ["nothing", { kind: "raw", body: "" } as const],
    ["no choice", { kind: "raw", body: '{"choices":[]}' } as const],
  ])("by an answer that is %s may pass", async (_, reply) => {
    await using connection = await connect();
    connection.server.script(reply);
    const error = await rejection(connection.model.text("x"));
    expect(error).toBeInstanceOf(RetryableError);
    expect(error.message).toContain("is not a chat completion");
  });

  test("by refusal of the model is final", async () => {
    await using connection = await connect();
    const { server, model } = connection;
    server.script({ kind: "answer", text: null, refusal: "I will not" });
    server.script({ kind: "answer", text: null, finishReason: "content_filter" });
    const refused = await rejection(model.text("x"));
    const filtered = await rejection(model.text("x"));
    expect(refused).toBeInstanceOf(TerminalError);
    expect(refused.message).toMatch(/^127\.0\.0\.1:\d+\/small: the model refused: I will not/);
    expect(filtered).toBeInstanceOf(TerminalError);
    expect(filtered.message).toContain("content filter");
  });

  test("never shows the key, even when the server repeats it", async () => {
    await using connection = await connect();
    const { server, model, logs } = connection;
    const leak = (status: number) => ({
      kind: "status" as const,
      status,
      body: { error: { message: `Incorrect API key provided: ${KEY}`, param: KEY, code: KEY } },
      headers: { "x-key": KEY },
    });
    server.script(
      leak(401),
      leak(500),
      { kind: "raw", body: KEY, type: "text/plain" },
      { kind: "raw", body: `{${KEY}` },
    );
    for (let i = 0; i < 4; i++) {
      const error = await rejection(model.text("x"));
      expect(inspect(error, { depth: 20, showHidden: true })).not.toContain(KEY);
      expect(error.message).not.toContain(KEY);
    }
    expect(logs.join("\n")).not.toContain(KEY);
  });
});

describe("time and abort", () => {
  test("a call that takes too long may be tried again, and its request is ended", async () => {
    await using connection = await connect();
    const { server, model } = connection;
    server.script({ kind: "hang" });
    const error = await rejection(model.text("x", { timeoutMs: 200 }));
    expect(error).toBeInstanceOf(RetryableError);
    expect(error.message).toMatch(/no answer from small within 200ms/);
    expect(await (await server.received(1)).aborted).toBe(true);
  });

  test.each(["attempt", "call"] as const)(
    "the %s's signal ends the request and its reason is thrown",
    async (which) => {
      await using connection = await connect();
      const { server, model, attempt } = connection;
      server.script({ kind: "hang" });
      const own = new AbortController();
      const reason = new Error("cancelled by somebody");
      const failed = rejection(model.text("x", { signal: own.signal }));
      const request = await server.received(1);
      (which === "attempt" ? attempt : own).abort(reason);
      expect(await failed).toBe(reason);
      expect(await request.aborted).toBe(true);
    },
  );

  test("nothing is sent for an attempt that is over", async () => {
    await using connection = await connect();
    const reason = new Error("too late");
    connection.attempt.abort(reason);
    expect(await rejection(connection.model.text("x"))).toBe(reason);
    expect(connection.server.requests.length).toBe(0);
  });
});
