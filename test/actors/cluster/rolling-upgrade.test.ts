import { expect, test } from "vitest";
import { shardOf } from "../../../src/core/hash.ts";
import { worker } from "../../../src/index.ts";
import { eventually } from "../../contract/wait.ts";
import { connectPlainly } from "../../support/plain-client.ts";
import { describeOnNats, type NatsRuntime } from "../../support/runtime.ts";
import { type ProcessOptions, startRuntimeProcess } from "../../support/runtime-process.ts";

const timing = { ackWaitMs: 1500, presenceTtlMs: 1000 };
const SHARDS = 4;

const processOf = (runtime: NatsRuntime, options: ProcessOptions) =>
  startRuntimeProcess({ bus: runtime.server.url, prefix: runtime.prefix, shards: SHARDS, timing, ...options });

/** Publishes something into a run's log, as somebody else would. */
async function forge(runtime: NatsRuntime, run: string, event: string, body: unknown): Promise<void> {
  const client = await connectPlainly(runtime.server.url);
  client.publish(`${runtime.prefix}.log.default.${shardOf(run, SHARDS)}.${run}.${event}`, body);
  await client.nc.flush();
  await client.close();
}

const ownersOf = async (app: Awaited<ReturnType<NatsRuntime["start"]>>) =>
  Object.fromEntries((await app.orchestrators()).map(({ orchestrator, shards }) => [orchestrator, shards]));

describeOnNats("a rolling upgrade", (runtime) => {
  test("moves every shard that a newer build has written to, and ends what the older one began", async () => {
    const old = await processOf(runtime, { id: "old" });
    const oldWorker = await processOf(runtime, { orchestrator: false, workers: ["twig"] });
    const plain = await connectPlainly(runtime.server.url);
    const ask = (verb: string, type: string, input: unknown, run: string) =>
      plain.request(`${runtime.prefix}.${verb}.${type}`, input, { "Tutti-Run": run }).then(({ json }) => json);
    const app = await runtime.start({ orchestrator: false, timing });
    // A type that is known, and that nobody executes yet.
    await (await processOf(runtime, { orchestrator: false, workers: ["leaf"], onceReady: "stop" })).exited;
    await ask("submit", "twig", { leaves: 2 }, "begun-by-old");
    await eventually("its plan", async () => (await app.get("begun-by-old")).tasks.length === 3);

    const next = await processOf(runtime, { id: "next", isNext: true });
    const submitted: string[] = [];
    const ownsAll = async () => {
      // Either of the two takes it; what the newer one takes, only it can read.
      const run = `r${submitted.length}`;
      submitted.push(run);
      await ask("submit", "twig", { leaves: 1 }, run);
      return (await ownersOf(app)).next?.length === SHARDS;
    };
    await eventually("that every shard is the newer build's", ownsAll, 30_000);
    expect((await ownersOf(app)).old).toEqual([]);
    expect(old.errors).toMatch(/shard \d is given back: message \d+ of the log is a submitted of version 3/);
    await eventually("a task that the older worker gives back", () =>
      oldWorker.errors.includes("is given back: it is a task of version 2"),
    );
    expect(await old.stop()).toBe(0);

    const newWorker = await processOf(runtime, { orchestrator: false, workers: ["twig", "leaf"], isNext: true });
    expect(await oldWorker.stop()).toBe(0);
    expect(await ask("run", "twig", { leaves: 2 }, "begun-by-old")).toMatchObject({ "leaf-0": 0, "leaf-1": 1 });
    for (const run of submitted) expect(await ask("run", "twig", { leaves: 1 }, run)).toEqual({ "leaf-0": 0 });
    // It has nothing in its log that the older build would not know.
    expect(await app.get("begun-by-old")).toMatchObject({ status: "succeeded" });
    expect(await ask("run", "twig", { leaves: 1 }, "begun-by-next")).toEqual({ "leaf-0": 0 });
    await expect(app.get("begun-by-next")).rejects.toMatchObject({
      code: 503,
      message: expect.stringMatching(/version 3/),
    });
    await expect(app.result("begun-by-next")).rejects.toMatchObject({ code: 503 });
    await plain.close();
    for (const one of [newWorker, next]) await one.stop();
  });

  test("lets a shard wait that nobody alive can read, and says so", async () => {
    const app = await runtime.start({ workers: [worker("fine", { run: () => 1 })], timing });
    await app.run("fine", {}, { run: "r" });
    const shard = shardOf("r", SHARDS);
    await forge(runtime, "r", "novelty", { v: 3, task: "-" });
    const waiting = await eventually("a shard that waits", async () => {
      const [only] = await app.orchestrators();
      return only?.waiting && { reads: only.reads, waiting: only.waiting, shards: only.shards };
    });
    expect(waiting.waiting).toEqual([{ shard, needs: 3 }]);
    expect(waiting.reads).toBe(2);
    expect(waiting.shards).not.toContain(shard);
    expect(runtime.logged.join("\n")).toMatch(`shard ${shard} is given back: message`);
    expect(runtime.logged.join("\n")).toMatch(`no orchestrator alive can read the log of shards ${shard}`);
    await expect(app.get("r")).rejects.toMatchObject({
      code: 503,
      message: expect.stringContaining("novelty of version 3"),
    });
    // The others go on.
    const other = ["a", "b", "c", "d", "e"].find((run) => shardOf(run, SHARDS) !== shard)!;
    expect(await app.run("fine", {}, { run: other })).toBe(1);

    // Whoever can read it takes it.
    const next = await processOf(runtime, { id: "next", isNext: true });
    await eventually("that the newer build owns it", async () => (await ownersOf(app)).next?.includes(shard));
    await eventually("that nothing waits", async () => (await app.orchestrators()).every(({ waiting }) => !waiting));
    await next.stop();
    await eventually("that it waits again", async () => (await app.orchestrators()).some(({ waiting }) => waiting));
  });

  test("is not begun by what a worker writes: a result of a newer version fails its own attempt only", async () => {
    const stuck = worker("stuck", {
      run: ({ signal }) => new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason))),
    });
    const app = await runtime.start({ workers: [stuck], timing });
    const ended = app.run("stuck", {}, { run: "r" });
    await eventually("its dispatch", async () => (await app.get("r").catch(() => undefined))?.tasks.length === 1);
    await forge(runtime, "r", "result", { v: 2, results: [{ task: "-", attempt: 1, output: "new" }] });
    await expect(ended).rejects.toMatchObject({ code: 422, message: expect.stringContaining("result of version 2") });
    await eventually("that it owns every shard still", async () => {
      const [only] = await app.orchestrators();
      return only?.shards.length === SHARDS && !only.waiting;
    });
    expect(runtime.logged.join("\n")).not.toMatch("given back");
    expect(await app.dead.list()).toMatchObject([{ id: "r", error: { kind: "terminal" } }]);
  });
});
