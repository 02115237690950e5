import { describe, expect, test } from "vitest";
import { RetryableError, TerminalError } from "../../src/core/error.ts";
import { failing, INPUT_TOKENS, OUTPUT_TOKENS, refusal, stream } from "../support/model-server.ts";
import { connect, rejection } from "./connection.ts";

/** Reads to the end or the error, whichever comes. */
async function readUntilError(pieces: AsyncIterable<string>): Promise<{ read: string[]; error?: Error }> {
  const read: string[] = [];
  try {
    for await (const piece of pieces) read.push(piece);
    return { read };
  } catch (error) {
    return { read, error: error as Error };
  }
}

describe("a stream", () => {
  test("brings the text piece by piece and its usage at the end", async () => {
    await using connection = await connect();
    const { server, model, usages } = connection;
    server.script(stream(["Once ", "upon ", "a time"]));
    expect(await readUntilError(model.stream("Tell"))).toEqual({ read: ["Once ", "upon ", "a time"] });
    expect(server.requests[0]!.body).toMatchObject({ stream: true, stream_options: { include_usage: true } });
    expect(usages).toMatchObject([{ calls: 1, inputTokens: INPUT_TOKENS, outputTokens: OUTPUT_TOKENS }]);
  });

  test("sends nothing before it is read", async () => {
    await using connection = await connect();
    connection.model.stream("Tell");
    connection.server.script(stream(["x"]));
    await readUntilError(connection.model.stream("Tell"));
    expect(connection.server.requests.length).toBe(1);
  });

  test("does without usage where the server does not know the option", async () => {
    await using connection = await connect();
    const { server, model, usages } = connection;
    server.script(refusal(400, "Unrecognized request argument supplied: stream_options"), stream(["ok"]));
    expect((await readUntilError(model.stream("x"))).read).toEqual(["ok"]);
    expect(server.requests[1]!.body).not.toHaveProperty("stream_options");
    expect(usages).toMatchObject([{ calls: 1, inputTokens: 0, outputTokens: 0 }]);
  });

  test.each([
    ["is cut", "cut"],
    ["is closed before the answer is whole", "close"],
    ["carries an error", "error"],
  ] as const)("that %s rejects after what was read", async (_, end) => {
    await using connection = await connect();
    const { server, model } = connection;
    server.script(stream(["half "], end));
    const { read, error } = await readUntilError(model.stream("x"));
    // A connection that is reset may lose what was still on its way.
    if (end !== "cut") expect(read).toEqual(["half "]);
    expect(error).toBeInstanceOf(RetryableError);
    expect(error!.message).toMatch(/^127\.0\.0\.1:\d+: /);
    if (end === "error") expect(error!.message).toContain("the model fell over");
  });

  test("that is refused or fails at its start rejects like a call", async () => {
    await using connection = await connect();
    const { server, model } = connection;
    server.script(refusal(401, "no"), failing(500));
    expect((await readUntilError(model.stream("x"))).error).toBeInstanceOf(TerminalError);
    expect((await readUntilError(model.stream("x"))).error).toBeInstanceOf(RetryableError);
  });

  test("whose reader leaves ends the request", async () => {
    await using connection = await connect();
    const { server, model, usages } = connection;
    server.script(stream(["one", "two"], "hang"));
    for await (const piece of model.stream("x")) {
      expect(piece).toBe("one");
      break;
    }
    expect(await server.requests[0]!.aborted).toBe(true);
    expect(usages.length).toBe(1);
  });

  test("that is aborted ends the request and rejects with the reason", async () => {
    await using connection = await connect();
    const { server, model, attempt } = connection;
    server.script(stream(["one"], "hang"));
    const pieces = model.stream("x")[Symbol.asyncIterator]();
    expect(await pieces.next()).toEqual({ value: "one", done: false });
    const reason = new Error("cancelled");
    const next = rejection(pieces.next());
    attempt.abort(reason);
    expect(await next).toBe(reason);
    expect(await server.requests[0]!.aborted).toBe(true);
  });

  test("that hangs half-way is over when its time is", async () => {
    await using connection = await connect();
    const { server, model } = connection;
    server.script(stream(["one"], "hang"));
    const { read, error } = await readUntilError(model.stream("x", { timeoutMs: 300 }));
    expect(read).toEqual(["one"]);
    expect(error).toBeInstanceOf(RetryableError);
    expect(error!.message).toContain("no answer from small within 300ms");
    expect(await server.requests[0]!.aborted).toBe(true);
  });
});
