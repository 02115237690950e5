import { describe, expect, expectTypeOf, test } from "vitest";
import { z } from "zod";
import { RetryableError, TerminalError } from "../../src/core/error.ts";
import { answer, answerJson, refusal } from "../support/model-server.ts";
import { connect, rejection } from "./connection.ts";

const mood = () => z.object({ label: z.enum(["good", "bad"]), score: z.number() });

describe("an object", () => {
  test("is asked for by its schema and comes typed", async () => {
    await using connection = await connect();
    const { server, model } = connection;
    server.script(answerJson({ label: "good", score: 1 }));
    const value = await model.object(mood(), "How is it?", { name: "the mood" });
    expectTypeOf(value).toEqualTypeOf<{ label: "good" | "bad"; score: number }>();
    expect(value).toEqual({ label: "good", score: 1 });
    expect(server.requests[0]!.body.response_format).toMatchObject({
      type: "json_schema",
      json_schema: { name: "the_mood", strict: true, schema: { type: "object", required: ["label", "score"] } },
    });
    expect(server.requests[0]!.body.messages).toEqual([{ role: "user", content: "How is it?" }]);
  });

  test("whose schema strict mode cannot express is asked for in JSON mode, with the schema in the prompt", async () => {
    await using connection = await connect();
    const { server, model } = connection;
    const words = z.object({ words: z.record(z.string(), z.string()) });
    server.script(answerJson({ words: { a: "b" } }));
    expect(await model.object(words, "Words?", { system: "Be brief" })).toEqual({ words: { a: "b" } });
    const { body } = server.requests[0]!;
    expect(body.response_format).toEqual({ type: "json_object" });
    expect(body.messages.map(({ role }) => role)).toEqual(["system", "user"]);
    expect(body.messages[0]!.content).toMatch(/^Be brief\n\n.*JSON Schema:\n\{.*"words".*\}$/s);
  });

  test("comes through the schema's transformations and defaults", async () => {
    await using connection = await connect();
    connection.server.script(answerJson({ count: "3" }));
    const schema = z.object({ count: z.string().transform(Number), unit: z.string().default("m") });
    expect(await connection.model.object(schema, "?")).toEqual({ count: 3, unit: "m" });
  });

  test("falls back where response_format is refused, and remembers", async () => {
    await using connection = await connect();
    const { server, model } = connection;
    const schema = mood();
    const good = answerJson({ label: "good", score: 1 });
    server.script(
      refusal(400, "This response_format type is unavailable now"),
      refusal(422, "'json_object' is not supported", { param: "response_format" }),
      good,
      good,
    );
    await model.object(schema, "?");
    await model.object(schema, "?");
    expect(server.requests.map(({ body }) => body.response_format?.type)).toEqual([
      "json_schema",
      "json_object",
      undefined,
      undefined,
    ]);
    expect(server.requests[3]!.body.messages[0]!.content).toContain("JSON Schema");
  });

  test("does not fall back from a refusal of something else", async () => {
    await using connection = await connect();
    const { server, model } = connection;
    server.script(refusal(400, "maximum context length is 10 tokens"));
    expect(await rejection(model.object(mood(), "?"))).toBeInstanceOf(TerminalError);
    expect(server.requests.length).toBe(1);
  });

  test.each([
    ["a code fence", '```json\n{"label":"bad","score":-1}\n```'],
    ["prose", 'Sure! Here it is: {"label":"bad","score":-1} - anything else?'],
    ["prose with other braces", 'For {x} and [1] I say:\n```\n{"label":"bad","score":-1}\n```\nas in {y}.'],
    ["thoughts", '<think>maybe {"label":"good"}?</think>{"label":"bad","score":-1}'],
  ])("is found in %s", async (_, text) => {
    await using connection = await connect();
    connection.server.script(answer(text));
    expect(await connection.model.object(mood(), "?")).toEqual({ label: "bad", score: -1 });
    expect(connection.server.requests.length).toBe(1);
  });

  test("that does not match is sent back once with what is wrong", async () => {
    await using connection = await connect();
    const { server, model, usages } = connection;
    server.script(answerJson({ label: "fine", score: "1" }), answerJson({ label: "good", score: 1 }));
    expect(await model.object(mood(), "How is it?")).toEqual({ label: "good", score: 1 });
    const [asked, wrong, told] = server.requests[1]!.body.messages;
    expect(asked).toEqual({ role: "user", content: "How is it?" });
    expect(wrong).toEqual({ role: "assistant", content: '{"label":"fine","score":"1"}' });
    expect(told!.role).toBe("user");
    expect(told!.content).toContain("/label");
    expect(told!.content).toContain("/score");
    expect(usages.length).toBe(2);
  });

  test("that is no JSON twice fails, saying what came", async () => {
    await using connection = await connect();
    connection.server.always(answer("I would rather not."));
    const error = await rejection(connection.model.object(mood(), "?", { name: "mood" }));
    expect(error).toBeInstanceOf(RetryableError);
    expect(error.message).toMatch(
      /small-2026 did not answer with mood by its schema.*expected JSON.*I would rather not\./,
    );
    expect(connection.server.requests.length).toBe(2);
  });

  test("that was cut off says so", async () => {
    await using connection = await connect();
    connection.server.always(answer('{"label":"go', "length"));
    const error = await rejection(connection.model.object(mood(), "?"));
    expect(error.message).toContain("cut off at its limit of tokens");
  });

  test("may be a list or a plain value", async () => {
    await using connection = await connect();
    const { server, model } = connection;
    server.script(answer('["a","b"]'), answer("42"));
    expect(await model.object(z.array(z.string()), "?")).toEqual(["a", "b"]);
    expect(await model.object(z.number(), "?")).toBe(42);
    expect(server.requests[0]!.body).not.toHaveProperty("response_format");
  });

  test("has one time limit for all its rounds", async () => {
    await using connection = await connect();
    const { server, model } = connection;
    server.script(answer("no"), { kind: "hang" });
    const error = await rejection(model.object(mood(), "?", { timeoutMs: 400 }));
    expect(error.message).toContain("no answer from small within 400ms");
    expect(await server.requests[1]!.aborted).toBe(true);
  });
});
