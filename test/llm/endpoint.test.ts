import { describe, expect, test } from "vitest";
import { z } from "zod";
import { TerminalError, TuttiError } from "../../src/core/error.ts";
import { DEFAULT_MODELS, endpointFrom } from "../../src/llm/endpoint.ts";
import { environmentModels } from "../../src/llm/models-config.ts";
import { createModelProvider } from "../../src/llm/provider.ts";
import { readAll, rejection } from "./connection.ts";

describe("the environment", () => {
  test("of OpenAI", () => {
    expect(endpointFrom({ OPENAI_API_KEY: "k" })).toMatchObject({
      name: "api.openai.com",
      url: { href: "https://api.openai.com/v1" },
      provider: "openai",
      tokenLimitName: "max_completion_tokens",
    });
  });

  test("of Anthropic", () => {
    expect(endpointFrom({ ANTHROPIC_API_KEY: "k" })).toMatchObject({
      url: { href: "https://api.anthropic.com/v1/" },
      provider: "anthropic",
      keys: ["k"],
      readsResponseFormat: false,
    });
  });

  test("of a local server, which needs no key", () => {
    expect(endpointFrom({ OPENAI_BASE_URL: " http://localhost:11434/v1 ", TUTTI_MODEL: "llama" })).toMatchObject({
      name: "localhost:11434",
      tokenLimitName: "max_tokens",
    });
  });

  test("of both keys means OpenAI, unless the model is Claude", () => {
    const both = { OPENAI_API_KEY: "o", ANTHROPIC_API_KEY: "a" };
    expect(endpointFrom(both)).toMatchObject({ keys: ["o"] });
    expect(endpointFrom({ ...both, TUTTI_MODEL: "claude-sonnet-5-5" })).toMatchObject({ keys: ["a"] });
    const proxy = { ...both, OPENAI_BASE_URL: "https://proxy.example/v1", TUTTI_MODEL: "claude-sonnet-5-5" };
    expect(endpointFrom(proxy)).toMatchObject({ keys: ["o"], name: "proxy.example" });
  });

  test.each([
    [{ OPENAI_API_KEY: "k" }, DEFAULT_MODELS.openai],
    [{ ANTHROPIC_API_KEY: "k" }, DEFAULT_MODELS.anthropic],
    [{ OPENAI_API_KEY: "k", TUTTI_MODEL: " llama " }, "llama"],
  ])("of %o names the model %s", (env, model) => {
    const { aliases, defaultAlias } = environmentModels(env)!;
    expect(aliases.get(defaultAlias)?.pool.map((one) => one.model)).toEqual([model]);
  });

  test("that is empty names none", () => {
    expect(endpointFrom({})).toBeUndefined();
    expect(endpointFrom({ OPENAI_API_KEY: " ", OPENAI_BASE_URL: "", ANTHROPIC_API_KEY: "" })).toBeUndefined();
  });

  test.each([
    [{ OPENAI_BASE_URL: "localhost" }, /OPENAI_BASE_URL: expected an http or https URL, received "localhost"/],
    [{ OPENAI_BASE_URL: "ftp://x/" }, /OPENAI_BASE_URL/],
    [{ OPENAI_BASE_URL: "https://u:secret@x/" }, /OPENAI_BASE_URL: expected a URL without user and password/],
    [{ OPENAI_API_KEY: "sk-secret\nmore" }, /OPENAI_API_KEY: expected printable ASCII/],
    [{ ANTHROPIC_API_KEY: "sk-sécret" }, /ANTHROPIC_API_KEY: expected printable ASCII/],
  ])("that cannot be is refused at once, without its secrets: %o", (env, message) => {
    const create = () => createModelProvider({ env: env as Record<string, string> });
    expect(create).toThrow(TuttiError);
    expect(create).toThrow(message);
    expect(create).not.toThrow(/secret|sécret/);
  });
});

test("Anthropic is called at its compatible address, with the schema in the prompt", async () => {
  const sent: Request[] = [];
  const provider = createModelProvider({
    env: { ANTHROPIC_API_KEY: "sk-ant-1" },
    fetch: async (input, init) => {
      sent.push(new Request(input, init));
      const choices = [{ index: 0, message: { role: "assistant", content: '{"a":"b"}' }, finish_reason: "stop" }];
      return Response.json({ id: "1", choices });
    },
  });
  const model = provider.forAttempt({ signal: new AbortController().signal, onUsage: () => {} });
  expect(await model.object(z.object({ a: z.string() }), "?")).toEqual({ a: "b" });
  provider.stop();
  expect(sent[0]!.url).toBe("https://api.anthropic.com/v1/chat/completions");
  expect(sent[0]!.headers.get("authorization")).toBe("Bearer sk-ant-1");
  const body = await sent[0]!.json();
  expect(body).toMatchObject({ model: DEFAULT_MODELS.anthropic, messages: [{ role: "system" }, { role: "user" }] });
  expect(body).not.toHaveProperty("response_format");
});

describe("without an endpoint", () => {
  test("every call is refused for good, naming the variables", async () => {
    const provider = createModelProvider({ env: {} });
    expect(provider.configured).toBe(false);
    const model = provider.forAttempt({ signal: new AbortController().signal, onUsage: () => {} });
    expect(model.configured).toBe(false);
    const calls = [model.text("x"), model.object({} as never, "x"), readAll(model.stream("x"))];
    for (const call of calls) {
      const error = await rejection(call);
      expect(error).toBeInstanceOf(TerminalError);
      expect(error.message).toMatch(/OPENAI_API_KEY.*OPENAI_BASE_URL.*TUTTI_MODEL.*ANTHROPIC_API_KEY/);
    }
    provider.stop();
  });
});
