import { expect, test } from "vitest";
import { worker } from "../../../src/index.ts";
import { answer, failing, startModelServer } from "../../support/model-server.ts";
import { describeRuntime } from "../../support/runtime.ts";

const OPEN_MS = 400;

describeRuntime("a task type whose model cannot be called", (runtime) => {
  test("stays on the queue, uses up no attempt, and flows again when the model works", async () => {
    await using server = await startModelServer();
    server.always(failing(500));
    const ask = worker("ask", {
      uses: ["smart"],
      retry: { attempts: 2, backoff: "constant", delay: 1 },
      run: ({ llm }) => llm.text("x", { model: "smart" }),
    });
    const free = worker("free", { run: () => "done" });
    const models = {
      endpoints: { a: { url: server.url } },
      models: { smart: ["a/m"] },
      breaker: { minimumRequests: 2, open: OPEN_MS },
      wait: 0,
    };
    const app = await runtime.start({ workers: [ask, free], models });
    const first = app.run("ask", {}).catch((error: Error) => error);
    await server.received(2);
    await first;
    const runs = Array.from({ length: 20 }, () => app.run("ask", {}));

    // Others go on meanwhile.
    expect(await app.run("free", {})).toBe("done");
    const down = server.requests.length;
    await expect
      .poll(async () => (await app.workers())[0]?.held, { timeout: 20_000 })
      .toMatchObject([{ type: "ask", reason: expect.stringContaining("a/m") }]);
    const [model] = await app.models();
    expect(model).toMatchObject({ name: "a/m", state: expect.stringMatching(/open|halfOpen/), reason: "500" });

    // Only trials were sent: one in a period, of one worker.
    expect(down).toBeLessThanOrEqual(4);
    server.always(answer("at last"));
    expect(await Promise.all(runs)).toEqual(Array(20).fill("at last"));
    const attempts = (await app.list({ limit: 50 })).filter(({ type }) => type === "ask");
    expect(attempts.every(({ totals }) => totals.executions <= 2)).toBe(true);
  });

  test("may be any service behind a breaker of the handler's own", async () => {
    let isUp = false;
    let calls = 0;
    const sync = worker("sync", {
      uses: ["crm"],
      retry: { attempts: 5, backoff: "constant", delay: 1 },
      run: ({ breaker }) =>
        breaker("crm").run(async () => {
          calls++;
          if (!isUp) throw new Error("the CRM is down");
          return "synced";
        }),
    });
    const app = await runtime.start({ workers: [sync] });
    const { run } = await app.submit("sync", {});
    await expect.poll(async () => (await app.get(run)).status, { timeout: 30_000 }).toBe("failed");
    expect(calls).toBe(5);
    const waiting = await app.submit("sync", {});
    await expect
      .poll(async () => (await app.workers())[0]?.held, { timeout: 20_000 })
      .toMatchObject([{ type: "sync", reason: "crm keeps failing (Error)" }]);
    expect(calls).toBe(5);
    expect((await app.get(waiting.run)).totals.executions).toBe(0);
    isUp = true;
    await app.cancel(waiting);
  });
});
