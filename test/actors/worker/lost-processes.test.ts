import { expect, test } from "vitest";
import { describeOnNats } from "../../support/runtime.ts";
import { type RuntimeProcess, startRuntimeProcess } from "../../support/runtime-process.ts";

/** An ack wait that no test waits for: what happens, happens because a worker was noticed to be lost. */
const timing = { ackWaitMs: 120_000, presenceTtlMs: 1000 };

describeOnNats("a worker that is lost", (runtime) => {
  const start = (id: string, workers: readonly string[]) =>
    startRuntimeProcess({
      bus: runtime.server.url,
      prefix: runtime.prefix,
      orchestrator: false,
      workers,
      concurrency: 16,
      timing,
      id,
      graceMs: 0,
    });

  /** Starts a worker process under another name whenever the one before has ended, until `promise` has settled. */
  async function superviseUntil<T>(promise: Promise<T>, workers: readonly string[], first: RuntimeProcess) {
    let current = first;
    let isOver = false;
    const settled = promise.finally(() => {
      isOver = true;
    });
    const supervising = (async () => {
      for (let n = 2; ; n++) {
        await Promise.race([current.exited, settled.catch(() => {})]);
        if (isOver) return;
        current = await start(`w${n}`, workers);
      }
    })();
    await Promise.allSettled([settled, supervising]);
    await current.stop();
    return promise;
  }

  test("takes none of its neighbours along: the task that kills it is poison, and the others succeed", async () => {
    const app = await runtime.start({ timing });
    const workers = ["slow", "deadly"];
    const first = await start("w1", workers);
    const tasks = {
      ...Object.fromEntries(Array.from({ length: 15 }, (_, n) => [`slow-${n}`, { type: "slow" }])),
      deadly: { type: "deadly", optional: true },
    };
    const ended = app.run("plan", { plan: { v: 2, tasks } } as never, { run: "r" });
    const output = await superviseUntil(ended, workers, first);
    expect(Object.keys(output as object)).toHaveLength(15);
    const views = Object.fromEntries((await app.get("r")).tasks.map((task) => [task.task, task]));
    expect(views.deadly).toMatchObject({ state: "failed", error: { kind: "poison" }, lost: { times: 3 } });
    expect(views.deadly!.error!.message).toMatch(/^it has lost 3 workers \(w3, w2, w1\), and was the only task/);
    expect(views["slow-7"]).toMatchObject({ state: "succeeded" });
    const slow = Object.values(views).filter(({ type }) => type === "slow");
    expect(slow.every(({ lost }) => lost === undefined || lost.times <= 2)).toBe(true);
    expect(runtime.logged.join("\n")).toMatch(/warn worker w1 is gone without having left: it had \d+ attempts/);
  });

  test("is named while it does not answer, and what it ends then counts", async () => {
    const app = await runtime.start({ timing });
    const blocked = await start("w1", ["blocking"]);
    const ended = app.run("blocking", { ms: 3500 }, { run: "r" });
    const lost = async () => (await app.get("r")).tasks[0]!.lost;
    await expect.poll(lost, { timeout: 30_000 }).toEqual({ times: 1, workers: ["w1"], silent: true });
    expect(await ended).toBe("timed-out");
    expect((await app.get("r")).tasks[0]).toMatchObject({ state: "succeeded", attempt: 1, lost: { times: 1 } });
    await blocked.stop();
  });
});
