import { afterAll, beforeAll, expect, test } from "vitest";
import { worker } from "../../src/index.ts";
import { answer, INPUT_TOKENS, type ModelServer, OUTPUT_TOKENS, startModelServer } from "../support/model-server.ts";
import { describeRuntime } from "../support/runtime.ts";

const TOKENS = INPUT_TOKENS + OUTPUT_TOKENS;
let server: ModelServer;
beforeAll(async () => {
  server = await startModelServer();
  server.always(answer("said"));
});
afterAll(() => server[Symbol.asyncDispose]());

describeRuntime("a budget", (runtime) => {
  test("bounds what a part of a run uses, and says what it refused", async () => {
    const ask = worker("ask", { run: async ({ llm }) => llm.text("Say something.") });
    const env = { OPENAI_API_KEY: "key", OPENAI_BASE_URL: server.url, TUTTI_MODEL: "small" };
    const app = await runtime.start({ workers: [ask], env });
    const chain = { a: { type: "ask" }, b: { type: "ask", needs: ["a"] }, c: { type: "ask", needs: ["b"] } };
    const tasks = {
      part: { plan: { tasks: chain }, budget: { tokens: TOKENS + 1, tasks: 3 }, optional: true },
      other: { type: "ask" },
      large: { plan: { tasks: chain }, budget: { tasks: 2 }, optional: true },
    };
    const plan = { v: 2, tasks, output: { c: { $outcome: "part" }, large: { $outcome: "large" } } };
    const refused = (message: string) => ({ state: "failed", error: { kind: "terminal", name: "budget", message } });
    expect(await app.run("plan", { plan } as never, { run: "r" })).toEqual({
      c: refused(`the budget of task part allows ${TOKENS + 1} tokens: ${2 * TOKENS} tokens were used`),
      large: refused("the budget of task large allows 2 tasks: 0 tasks were used, and 3 more were asked for"),
    });
    const view = await app.get("r");
    expect(view.usage).toMatchObject({ calls: 3, inputTokens: 3 * INPUT_TOKENS, outputTokens: 3 * OUTPUT_TOKENS });
    expect(view.tasks.find(({ task }) => task === "part")).toMatchObject({
      usage: { calls: 2, inputTokens: 2 * INPUT_TOKENS, outputTokens: 2 * OUTPUT_TOKENS },
      budget: [
        { what: "tokens", limit: TOKENS + 1, used: 2 * TOKENS },
        { what: "tasks", limit: 3, used: 3 },
      ],
    });
    expect(view.tasks.find(({ task }) => task === "part/c")).toMatchObject({ state: "failed", attempt: 1 });
  });
});
