import { expect, test } from "vitest";
import { DeferredError, worker } from "../../../src/index.ts";
import { describeRuntime } from "../../support/runtime.ts";

describeRuntime('a handler that says "not now"', (runtime) => {
  test("is asked again, as often as it says so, with all its attempts left", async () => {
    const attempts: number[] = [];
    const busy = worker("busy", {
      retry: { attempts: 1 },
      run: ({ attempt }) => {
        attempts.push(attempt);
        if (attempts.length < 4) throw new DeferredError("the limit is reached", { retryAfterMs: 1 });
        return "done";
      },
    });
    const app = await runtime.start({ workers: [busy] });
    expect(await app.run("busy", {}, { run: "r" })).toBe("done");
    expect(attempts).toEqual([1, 2, 3, 4]);
    expect((await app.get("r")).totals).toMatchObject({ executions: 1, failed: 0 });
    const events = await app.log("r");
    expect(events.filter(({ event }) => event === "deferred").map(({ body }) => body)).toMatchObject([
      { v: 2, task: "-", attempt: 1, why: "the limit is reached", retryAfterMs: 1 },
      { attempt: 2 },
      { attempt: 3 },
    ]);
    expect((await app.workers())[0]).toMatchObject({ failed: 0 });
  });

  test("is shown with its reason and until when", async () => {
    const until = new Date(Date.now() + 600_000);
    const busy = worker("busy", {
      run: () => {
        throw new DeferredError("the breaker of gpt is open", { until });
      },
    });
    const app = await runtime.start({ workers: [busy] });
    const { run } = await app.submit("busy", {});
    const task = async () => (await app.get(run)).tasks[0];
    await expect.poll(task, { timeout: 30_000 }).toMatchObject({
      state: "backingOff",
      attempt: 1,
      dueAt: until.toISOString(),
      deferred: { times: 1, why: "the breaker of gpt is open" },
    });
    await app.cancel(run);
  });
});
