import { expect, test } from "vitest";
import { plan, worker } from "../../src/index.ts";
import { answer, INPUT_TOKENS, OUTPUT_TOKENS, startModelServer } from "../support/model-server.ts";
import { describeRuntime } from "../support/runtime.ts";

describeRuntime("the cost of calls to models", (runtime) => {
  test("adds up by model, run, type and tenant to what the server has answered", async () => {
    await using server = await startModelServer();
    server.always(answer("x"));
    // An attempt that has failed was paid for all the same.
    let failures = 1;
    const ask = worker("ask", {
      retry: { delay: 1 },
      run: async ({ llm }) => {
        const text = await llm.text("?", { model: "smart" });
        if (failures-- > 0) throw new Error("not yet");
        return text + (await llm.text("?", { model: "fast" }));
      },
    });
    const both = worker("both", {
      run: () =>
        plan((p) => {
          p.task(ask, undefined, { key: "one" });
          p.task(ask, undefined, { key: "two" });
        }),
    });
    const models = {
      endpoints: { a: { url: server.url } },
      models: { smart: ["a/m"], fast: ["a/n"] },
      prices: { m: { input: 1_000_000, output: 1_000_000 } },
    };
    const app = await runtime.start({ workers: [ask, both], models });
    await app.run(both, undefined, { run: "first" });
    await app.run(ask, undefined, { run: "second", tenant: "other" });

    const of = (calls: number) => ({ calls, inputTokens: calls * INPUT_TOKENS, outputTokens: calls * OUTPUT_TOKENS });
    const each = INPUT_TOKENS + OUTPUT_TOKENS;
    expect(server.requests.length).toBe(7);
    expect(await app.costs()).toEqual([
      { name: "a/m", runs: 1, ...of(3), cost: 3 * each },
      { name: "a/n", runs: 1, ...of(2) },
    ]);
    expect(await app.costs({ by: "run" })).toEqual([{ name: "first", runs: 1, ...of(5), cost: 3 * each }]);
    expect(await app.costs({ by: "type" })).toEqual([{ name: "ask", runs: 1, ...of(5), cost: 3 * each }]);
    expect(await app.costs({ by: "tenant" })).toEqual([
      { name: "default", runs: 1, ...of(5), cost: 3 * each },
      { name: "other", runs: 1, ...of(2), cost: each },
    ]);
    expect(await app.costs({ since: "1h" })).toHaveLength(2);
    expect(await app.costs({ since: "2999-01-01" })).toEqual([]);
    await expect(app.costs({ since: "yesterday" })).rejects.toThrow(/since: expected a duration such as 24h/);
  });
});
