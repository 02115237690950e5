import { describe, expect, test } from "vitest";
import type { TuttiError } from "../../src/core/error.ts";
import { readModels } from "../../src/llm/models-file.ts";

const read = (text: string, env: Record<string, string> = {}) => readModels(text, "tutti.models.yaml", env);

const WHOLE = `
endpoints:
  openai:
    keys: [$KEY_ONE, "\${KEY_TWO}"]
    interface: responses
    limits: { requests: 500, tokens: 200000 }
  azure:
    url: https://mine.openai.azure.com/openai/v1/
    apiVersion: preview
  local:
    provider: ollama
    concurrency: 2
models:
  smart:
    pool: [openai/gpt-x, { endpoint: azure, model: gpt-x, weight: 2 }]
    strategy: least-response-time
    fallback: [fast]
  fast: [local/meta/llama]
default: fast
breaker: { open: 5s, window: 2m }
prices:
  gpt-x: { input: 2.5, cached: 0.25, output: 10 }
wait: 3s
`;

describe("a models file", () => {
  test("says endpoints, keys, aliases, limits and prices", () => {
    const config = read(WHOLE, { KEY_ONE: "sk-1", KEY_TWO: "sk-2", AZURE_OPENAI_API_KEY: "az" });
    expect(config.endpoints).toMatchObject([
      { name: "openai", url: { href: "https://api.openai.com/v1" }, keys: ["sk-1", "sk-2"], interface: "responses" },
      { name: "azure", keys: ["az"], keyHeader: "api-key", query: { "api-version": "preview" } },
      { name: "local", keys: [], isFree: true, concurrency: 2, interface: "chat" },
    ]);
    expect(config.endpoints[0]!.limits).toEqual({ requests: 500, tokens: 200_000 });
    expect(config.aliases.get("smart")).toMatchObject({
      pool: [
        { endpoint: { name: "openai" }, model: "gpt-x", weight: 1 },
        { endpoint: { name: "azure" }, model: "gpt-x", weight: 2 },
      ],
      strategy: "least-response-time",
      fallback: ["fast"],
    });
    expect(config.aliases.get("fast")?.pool).toMatchObject([{ model: "meta/llama" }]);
    expect(config).toMatchObject({ defaultAlias: "fast", breaker: { openMs: 5000, windowMs: 120_000 }, waitMs: 3000 });
    expect(config.prices.get("gpt-x")).toEqual({ input: 2.5, cached: 0.25, output: 10 });
  });

  test("leaves out an endpoint without its key, and says so", () => {
    const config = read(WHOLE, { KEY_ONE: "sk-1", KEY_TWO: "sk-2" });
    expect(config.endpoints.map(({ name }) => name)).toEqual(["openai", "local"]);
    expect(config.aliases.get("smart")?.pool.length).toBe(1);
    expect(config.warnings).toEqual(["endpoint azure is left out: AZURE_OPENAI_API_KEY is not set"]);
  });

  test("is refused with its place, in the error as it is sent and printed, too", () => {
    expect(() => read("endpoints:\n  a: { provider: nope }\n")).toThrow(
      expect.objectContaining({ message: expect.stringMatching(/^tutti\.models\.yaml:2:8: /) }),
    );
    try {
      read("endpoints:\n  a: { provider: nope }\n");
    } catch (error) {
      expect((error as TuttiError).toJSON()).toMatchObject({
        code: 400,
        message: expect.stringMatching(/^tutti\.models\.yaml:2:8: .*"nope"/),
        path: "/endpoints/a/provider",
      });
    }
    expect.assertions(2);
  });

  test("does not send a provider's key to another address", () => {
    const text = "endpoints: { openai: { url: 'https://proxy.example/v1' } }\nmodels: { m: [openai/x] }";
    expect(read(text, { OPENAI_API_KEY: "sk-secret" }).endpoints[0]!.keys).toEqual([]);
  });

  test.each([
    ["endpoints:\n  a: [", /tutti\.models\.yaml:2:7: /],
    [
      "endpoints:\n  openai:\n    ky: x\nmodels: { m: [openai/x] }",
      /:3:5: \/endpoints\/openai\/ky: .*did you mean key\?/,
    ],
    ["endpoints:\n  a:\n    provider: opnai\nmodels: { m: [a/x] }", /:3:5: .*did you mean openai\?/],
    ["endpoints: { a: { url: 'ftp://x' } }\nmodels: { m: [a/x] }", /:1:19: .*http or https URL/],
    ["endpoints: { openai: {} }\nmodels:\n  m:\n    - opnai/x", /:4:7: .*did you mean openai\?/],
    ["endpoints: { openai: {} }\nmodels:\n  m: [gpt]", /:3:7: .*expected endpoint\/model/],
    ["endpoints: { azure: {} }\nmodels: { m: [azure/x] }", /:1:14: .*a url: each user of azure/],
    ["endpoints: { mine: {} }\nmodels: { m: [mine/x] }", /:1:14: .*a provider or a url/],
    ["endpoints: { openai: {} }\nmodels: { m: [openai/x] }\ndefault: mm", /:3:1: .*did you mean m\?/],
    [
      "endpoints: { openai: {} }\nmodels:\n  m: { pool: [openai/x], strategy: random, fallback: [n] }\n  n: [openai/y]\ndefault: n\nbraker: {}",
      /:6:1: .*did you mean breaker\?/,
    ],
    [
      "endpoints: { openai: {} }\nmodels: { m: { pool: [openai/x], strategy: least-laoded } }",
      /:2:34: .*did you mean least-loaded\?/,
    ],
  ])("that is wrong is refused with line and column: %j", (text, message) => {
    expect(() => read(text)).toThrow(message);
  });

  test("that is wrong in several places is refused with all of them", () => {
    expect(() => read("endpoints: { a: { url: x } }\nmodels: { m: [b/x] }\nfoo: 1")).toThrow(/:1:19: [^\n]*\n.*:3:1: /);
  });

  test("does not show a key that is none", () => {
    const text = "endpoints: { openai: { key: 'sk-se cret' } }\nmodels: { m: [openai/x] }";
    expect(() => read(text)).toThrow(/:1:24: .*printable ASCII/);
    expect(() => read(text)).not.toThrow(/cret/);
  });
});
