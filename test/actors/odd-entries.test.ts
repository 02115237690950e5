import { expect, test } from "vitest";
import { createTopology } from "../../src/bus/topology.ts";
import { encodeJson, encodeText } from "../../src/core/json.ts";
import { worker } from "../../src/define/worker.ts";
import { tutti } from "../../src/tutti.ts";
import { describeShared } from "../support/runtime.ts";

const echo = worker("echo", { run: ({ input }) => input ?? null });

/** What somebody else may have written: each is wrong in its own way. */
const ODD: Record<string, Uint8Array> = {
  "not UTF-8": Uint8Array.of(0xff, 0xfe),
  "not JSON": encodeText("{"),
  empty: new Uint8Array(),
  null: encodeJson(null),
  "an array": encodeJson([1]),
  "of a newer version": encodeJson({ v: 99 }),
  "without fields": encodeJson({ v: 1, worker: "x", orchestrator: "x", owner: "x", type: "x" }),
  "with fields of other types": encodeJson({
    v: 1,
    worker: { toString: 1 },
    orchestrator: 5,
    types: "x",
    shards: { 0: 1 },
    since: "yesterday",
    owner: [],
    epoch: "1",
    leaseMs: "5s",
    maxAgeMs: null,
  }),
  "with a moment that is none": encodeJson({
    v: 1,
    worker: "x",
    orchestrator: "x",
    types: [],
    shards: [],
    runs: 0,
    concurrency: 1,
    running: 0,
    completed: 0,
    failed: 0,
    since: "yesterday",
  }),
};

describeShared("an odd entry on the bus", (runtime) => {
  const start = () => runtime.start({ workers: [echo], shards: 4 });
  const topology = () => createTopology({ prefix: runtime.prefix });

  test.each(Object.entries(ODD))("%s: breaks no view and no run, and is warned of once", async (_, value) => {
    const { buckets } = topology();
    const app = await start();
    for (const definition of [buckets.workers, buckets.orchestrators, buckets.types, buckets.queues])
      await (await runtime.bus.bucket(definition)).put("odd", value);
    for (let i = 0; i < 3; i++) {
      expect((await app.workers()).map((one) => one.types)).toEqual([["echo"]]);
      expect(await app.orchestrators()).toHaveLength(1);
    }
    expect((await app.types()).map(({ type }) => type)).toContain("echo");
    expect(await app.run(echo, 5)).toBe(5);
    const second = await start();
    expect(await second.run(echo, 6)).toBe(6);
    const warnings = runtime.logged.filter((line) => line.includes("the entry odd of the bucket"));
    expect(warnings.filter((line) => line.includes(buckets.workers.name))).toHaveLength(1);
  });

  test.each(Object.entries(ODD))(
    "%s, for a claim: the shard stays its owner's, and is taken once that is gone",
    async (_, value) => {
      const first = await start();
      const bucket = await runtime.bus.bucket(topology().buckets.shards);
      const { epoch } = JSON.parse(Buffer.from((await bucket.get("0"))!.value).toString());
      for (let shard = 0; shard < 4; shard++) await bucket.put(String(shard), value);
      const second = await runtime.start({ workers: [echo] });
      expect(await second.run(echo, 7)).toBe(7);
      // Each shard has one owner at most at any moment, and one in the end.
      await expect
        .poll(async () => (await second.orchestrators()).flatMap(({ shards }) => shards).sort(), { timeout: 20_000 })
        .toEqual([0, 1, 2, 3]);
      await first.stop({ graceMs: 0 });
      await expect.poll(async () => (await second.orchestrators())[0]?.shards.length, { timeout: 20_000 }).toBe(4);
      expect(await second.run(echo, 8)).toBe(8);
      expect(JSON.parse(Buffer.from((await bucket.get("0"))!.value).toString()).epoch).toBeGreaterThan(epoch);
    },
  );

  test("a lease that cannot be read is written again", async () => {
    const bucket = await runtime.bus.bucket(topology().buckets.config);
    await bucket.put("lease", ODD["with fields of other types"]!);
    const app = await start();
    expect(await app.run(echo, 1)).toBe(1);
    expect(JSON.parse(Buffer.from((await bucket.get("lease"))!.value).toString())).toEqual({ v: 1, leaseMs: 5000 });
  });

  test("live messages that cannot be read are passed over by those who watch", async () => {
    const app = await start();
    const waits = worker("waits", {
      run: ({ signal }) => new Promise((_, no) => signal.addEventListener("abort", no)),
    });
    await runtime.start({ workers: [waits], orchestrator: false });
    const { run } = await app.submit("waits", {});
    const kinds: string[] = [];
    for await (const event of app.watch(run)) {
      kinds.push(event.kind);
      if (event.kind === "run" && kinds.length === 1) {
        const { subjects } = topology();
        for (const kind of ["started", "progress", "token", "log", "other"] as const)
          for (const value of Object.values(ODD))
            runtime.bus.publish(subjects.live("default", run, kind as "log"), value);
        await app.cancel(run);
      }
    }
    expect(kinds.at(-1)).toBe("run");
  });
});

test.each(["shards", "retention"])("the setting %s that cannot be read is never guessed", async (key) => {
  const { createMemoryBroker } = await import("../../src/bus/memory/bus.ts");
  const broker = createMemoryBroker();
  const bus = broker.connect();
  const bucket = await bus.bucket(createTopology().buckets.config);
  await bucket.put(key, encodeJson({ v: 1, shards: "4", maxAgeMs: "7d" }));
  await expect(tutti({ env: {} }, { bus: broker.connect() })).rejects.toMatchObject({
    code: 409,
    message: expect.stringMatching(new RegExp(`the entry ${key} of the bucket config cannot be read: .*State `)),
  });
  const stated = await tutti({ env: {}, shards: 4, maxAge: "3d" }, { bus: broker.connect() });
  await stated.stop();
  const again = await tutti({ env: {} }, { bus: broker.connect() });
  await again.stop();
  await bus.close();
});
