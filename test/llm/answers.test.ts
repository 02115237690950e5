/** What models and endpoints do to answers, each kind with what comes of it. */
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { RetryableError, TerminalError } from "../../src/core/error.ts";
import { CutAnswerError } from "../../src/llm/answer.ts";
import { answer, answerJson, stream } from "../support/model-server.ts";
import { connect, readAll, rejection } from "./connection.ts";

interface Tree {
  label: string;
  children: Tree[];
}
const tree: z.ZodType<Tree> = z.lazy(() => z.object({ label: z.string(), children: z.array(tree) }));
const mood = z.object({ label: z.string() });

describe("an answer that was cut at its limit of tokens", () => {
  test("is no text: the handler sees the reason, and what there is of it where it asks for that", async () => {
    await using connection = await connect();
    const { server, model, usages } = connection;
    server.script(answer("Once upon", "length"), answer("Once upon", "length"));
    const error = await rejection(model.text("Tell"));
    expect(error).toBeInstanceOf(CutAnswerError);
    expect(error).toBeInstanceOf(TerminalError);
    expect(error).toMatchObject({ reason: "length", text: "Once upon" });
    expect(await model.text("Tell", { partial: true })).toBe("Once upon");
    expect(usages.length).toBe(2);
  });

  test("ends its stream with the reason, after all pieces", async () => {
    await using connection = await connect();
    connection.server.script(stream(["Once ", "upon"], "length"), stream(["Once ", "upon"], "length"));
    const read: string[] = [];
    const error = await rejection(
      (async () => {
        for await (const piece of connection.model.stream("Tell")) read.push(piece);
      })(),
    );
    expect(error).toMatchObject({ name: "CutAnswerError", text: "Once upon" });
    expect(read).toEqual(["Once ", "upon"]);
    expect(await readAll(connection.model.stream("Tell", { partial: true }))).toEqual(["Once ", "upon"]);
  });

  test("is no object, though an inner object of it matches a recursive schema; the model is told of the cut", async () => {
    await using connection = await connect();
    const { server, model } = connection;
    const whole = { label: "root", children: [] };
    server.script(answer('{"label":"root","children":[{"label":"inner","children":[]},', "length"), answerJson(whole));
    expect(await model.object(tree, "?")).toEqual(whole);
    expect(server.requests[1]!.body.messages.at(-1)!.content).toContain("cut off");
  });
});

describe("of the JSON in an answer", () => {
  test.each([
    ["a draft in a reasoning block", '<think>Maybe {"label":"draft"}.</think>\n{"label":"final"}'],
    [
      "a draft in a reasoning block that nothing follows but prose",
      '<thinking>{"label":"draft"}</thinking>So: {"label":"final"}!',
    ],
    ["an example before it", 'For example {"label":"example"}. Now mine:\n```json\n{"label":"final"}\n```'],
    ["something else after it", '{"label":"final"} and {"note":1}'],
  ])("the last that passes counts, with %s", async (_, text) => {
    await using connection = await connect();
    connection.server.script(answer(text));
    expect(await connection.model.object(mood, "?")).toEqual({ label: "final" });
    expect(connection.server.requests.length).toBe(1);
  });

  test("what does not pass the caller's own check counts as no answer, and is sent back with what is wrong", async () => {
    await using connection = await connect();
    const { server, model } = connection;
    server.script(
      answer('{"label":"good"} {"label":"bad"}'),
      answerJson({ label: "bad" }),
      answerJson({ label: "good" }),
    );
    const check = ({ label }: { label: string }) =>
      label === "good" ? [] : [{ path: "/label", message: "expected good" }];
    expect(await model.object(mood, "?", { check })).toEqual({ label: "good" });
    expect(await model.object(mood, "?", { check })).toEqual({ label: "good" });
    expect(server.requests[2]!.body.messages.at(-1)!.content).toContain("/label: expected good");
  });

  test("no part of a document that is malformed or not whole is taken for it", async () => {
    await using connection = await connect();
    const { server, model } = connection;
    server.script(
      answer('{"label":"a","children":[{"label":"b","children":[]}]'),
      answerJson({ label: "c", children: [] }),
    );
    expect(await model.object(tree, "?")).toMatchObject({ label: "c" });
  });

  test("null for an optional field is its absence, at any depth; where the schema takes null it stays", async () => {
    await using connection = await connect();
    const schema = z.object({
      title: z.string(),
      note: z.string().optional(),
      size: z.number().default(3),
      owner: z.string().nullable(),
      parts: z.array(z.object({ name: z.string(), unit: z.string().optional() })),
    });
    connection.server.script(
      answerJson({ title: "t", note: null, size: null, owner: null, parts: [{ name: "p", unit: null }] }),
    );
    expect(await connection.model.object(schema, "?")).toEqual({
      title: "t",
      size: 3,
      owner: null,
      parts: [{ name: "p" }],
    });
    const sent = connection.server.requests[0]!.body.response_format;
    expect(sent).toMatchObject({
      type: "json_schema",
      json_schema: {
        strict: true,
        schema: {
          required: ["title", "note", "size", "owner", "parts"],
          additionalProperties: false,
          properties: { note: { anyOf: [{ type: "string" }, { type: "null" }] } },
        },
      },
    });
  });

  test("a JSON Schema may say what is wanted", async () => {
    await using connection = await connect();
    const { server, model } = connection;
    const schema = {
      type: "object",
      properties: { n: { type: "integer" }, note: { type: "string" } },
      required: ["n"],
    };
    server.script(answerJson({ n: "1" }), answerJson({ n: 1, note: null }));
    expect(await model.object(schema, "?")).toEqual({ n: 1 });
    expect(server.requests[1]!.body.messages.at(-1)!.content).toContain("/n: expected integer");
  });
});

describe("reasoning", () => {
  test("is no part of a text, whole or in pieces", async () => {
    await using connection = await connect();
    const { server, model } = connection;
    server.script(
      answer("<think>Hm, {x}.</think>\n\nYes."),
      stream(["<th", "ink>Hm", ".</think", ">\n", "\nYes", "."]),
    );
    expect(await model.text("?")).toBe("Yes.");
    expect(await readAll(model.stream("?"))).toEqual(["Yes", "."]);
  });

  test("that is only talked about stays", async () => {
    await using connection = await connect();
    connection.server.script(answer("Use <think> to think."), stream(["<", "b>bold</b>"]));
    expect(await connection.model.text("?")).toBe("Use <think> to think.");
    expect((await readAll(connection.model.stream("?"))).join("")).toBe("<b>bold</b>");
  });
});

test("a stream that ends with its marker and no finish reason has ended", async () => {
  await using connection = await connect();
  connection.server.script(stream(["all ", "of it"], "unreasoned"));
  expect(await readAll(connection.model.stream("?"))).toEqual(["all ", "of it"]);
});

test("an image goes along with the text", async () => {
  await using connection = await connect();
  connection.server.script(answer("A cat."));
  const content = [
    { type: "text", text: "What is it?" },
    { type: "image", url: "data:image/png;base64,AAAA" },
  ] as const;
  await connection.model.text([{ role: "user", content }]);
  expect(connection.server.requests[0]!.body.messages[0]!.content).toEqual([
    { type: "text", text: "What is it?" },
    { type: "image_url", image_url: { url: "data:image/png;base64,AAAA" } },
  ]);
});

describe("the responses interface", () => {
  const responses = () =>
    connect({
      models: ({ url }) => ({
        endpoints: { a: { url, interface: "responses" } },
        models: { smart: ["a/m"] },
        prices: { m: { input: 1_000_000, cached: 100_000, output: 2_000_000 } },
      }),
    });

  test("is asked and read, with its tokens and their price", async () => {
    await using connection = await responses();
    const { server, model, usages } = connection;
    server.script(answer("Hello."));
    expect(await model.text("Greet", { system: "Be brief", maxTokens: 9 })).toBe("Hello.");
    expect(server.requests[0]!.path).toBe("/v1/responses");
    expect(server.requests[0]!.body).toMatchObject({
      model: "m",
      store: false,
      max_output_tokens: 9,
      input: [
        { role: "system", content: "Be brief" },
        { role: "user", content: "Greet" },
      ],
    });
    const counts = { calls: 1, inputTokens: 11, outputTokens: 7, cachedTokens: 3, reasoningTokens: 2 };
    const cost = 8 * 1 + 3 * 0.1 + 7 * 2;
    expect(usages).toEqual([{ ...counts, cost, models: { "a/m": { ...counts, cost } } }]);
  });

  test("enforces schemas", async () => {
    await using connection = await responses();
    connection.server.script(answerJson({ label: "good" }));
    expect(await connection.model.object(mood, "?", { name: "mood" })).toEqual({ label: "good" });
    expect(connection.server.requests[0]!.body.text?.format).toMatchObject({
      type: "json_schema",
      name: "mood",
      strict: true,
    });
  });

  test("streams", async () => {
    await using connection = await responses();
    const { server, model, usages } = connection;
    server.script(stream(["Once ", "upon"]), stream(["Once"], "length"), stream(["Once"], "close"));
    expect(await readAll(model.stream("Tell"))).toEqual(["Once ", "upon"]);
    expect(usages[0]).toMatchObject({ inputTokens: 11, outputTokens: 7 });
    expect(await rejection(readAll(model.stream("Tell")))).toBeInstanceOf(CutAnswerError);
    expect((await rejection(readAll(model.stream("Tell")))).message).toContain(
      "the stream ended before the answer did",
    );
  });

  test("refuses, is cut, and says nothing as chat completions do", async () => {
    await using connection = await responses();
    const { server, model } = connection;
    server.script({ kind: "answer", text: null, refusal: "I will not" }, answer("Once", "length"), {
      kind: "answer",
      text: null,
    });
    expect((await rejection(model.text("?"))).message).toContain("the model refused: I will not");
    expect(await rejection(model.text("?"))).toBeInstanceOf(CutAnswerError);
    expect(await rejection(model.text("?"))).toBeInstanceOf(RetryableError);
  });
});

test("answers that were refused, cut or sent back for repair are counted", async () => {
  await using connection = await connect();
  const { server, model, usages } = connection;
  server.script(
    { kind: "answer", text: null, refusal: "no" },
    answer("cut", "length"),
    answer("no JSON"),
    answerJson({ label: "x" }),
  );
  await rejection(model.text("?"));
  await rejection(model.text("?"));
  await model.object(mood, "?");
  expect(usages.reduce((sum, { calls }) => sum + calls, 0)).toBe(server.requests.length);
  expect(usages.every(({ inputTokens, outputTokens }) => inputTokens === 11 && outputTokens === 7)).toBe(true);
});
