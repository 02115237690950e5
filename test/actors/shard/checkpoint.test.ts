import { describe, expect, test } from "vitest";
import { type Mark, ReplayPositions } from "../../../src/actors/log/replay-positions.ts";
import { createMemoryBroker } from "../../../src/bus/memory/bus.ts";
import type { Bus } from "../../../src/bus/port.ts";
import { createTopology } from "../../../src/bus/topology.ts";
import { decodeJson, encodeJson } from "../../../src/core/json.ts";
import { createVirtualClock } from "../../../src/core/virtual-clock.ts";
import { worker } from "../../../src/index.ts";
import { tutti } from "../../../src/tutti.ts";

const address = (run: string) => ({ tenant: "default", shard: 0, run });
const begunAt = (mark: Mark) => ({ original: mark, base: mark });

describe("what a replay needs", () => {
  test("begins at the oldest run that has not ended, wherever later ones stand", () => {
    const marks = new ReplayPositions();
    marks.unfinished(address("a"), begunAt({ sequence: 1, at: 10 }));
    marks.unfinished(address("b"), begunAt({ sequence: 2, at: 20 }));
    marks.unfinished(address("c"), begunAt({ sequence: 3, at: 30 }));
    marks.read(7, 70);
    marks.ended(address("b"), 70, false);
    expect(marks.oldestNeeded()).toEqual({ sequence: 1, at: 10 });
    marks.ended(address("a"), 80, false);
    marks.read(8, 20_000);
    expect(marks.oldestNeeded()).toEqual({ sequence: 3, at: 30 });
  });

  test("is the last message where every run has ended so long ago that no server forgets it", () => {
    const marks = new ReplayPositions();
    marks.unfinished(address("a"), begunAt({ sequence: 1, at: 10 }));
    marks.ended(address("a"), 70, false);
    marks.read(7, 10_069);
    expect(marks.oldestNeeded()).toEqual({ sequence: 1, at: 10 });
    marks.read(8, 10_070);
    expect(marks.oldestNeeded()).toEqual({ sequence: 8, at: 10_070 });
  });

  test("begins before a run whose caller would be answered again, for two minutes of the log's time", () => {
    const marks = new ReplayPositions();
    marks.unfinished(address("a"), begunAt({ sequence: 1, at: 0 }));
    marks.ended(address("a"), 1000, true);
    marks.read(7, 120_999);
    expect(marks.oldestNeeded()).toEqual({ sequence: 1, at: 0 });
    marks.read(8, 121_000);
    expect(marks.oldestNeeded()).toEqual({ sequence: 8, at: 121_000 });
  });
});

/** One shard, and orchestrators that come one after another. */
function createStage() {
  const clock = createVirtualClock();
  const broker = createMemoryBroker({ clock });
  const topology = createTopology();
  const passing = <T>(promise: Promise<T>) => clock.runUntilSettled(promise);
  const gate = Promise.withResolvers<void>();
  const workers = [
    worker("quick", { run: ({ input }) => input }),
    worker("slow", { run: () => gate.promise.then(() => "at last") }),
  ];
  /** Where the log was followed from, shard 0's, in the order of takeovers. */
  const begins: (number | undefined)[] = [];
  const watched = (bus: Bus): Bus => ({
    ...bus,
    follow: (stream, filter, handler, options) => {
      if (filter === topology.subjects.logOfShard(0)) begins.push(options?.fromSequence);
      return bus.follow(stream, filter, handler, options);
    },
  });
  const admin = broker.connect();
  const entry = async () => (await admin.bucket(topology.buckets.config)).get("checkpoint-0");
  return {
    clock,
    passing,
    gate,
    begins,
    admin,
    topology,
    start: (orchestrator = true) =>
      passing(
        tutti(
          { env: {}, shards: 1, orchestrator, workers: orchestrator ? [] : workers },
          { clock, bus: watched(broker.connect()) },
        ),
      ),
    checkpoint: async () => {
      const found = await passing(entry());
      return found && (decodeJson(found.value) as { sequence: number; at: number });
    },
    write: (value: unknown) =>
      passing(
        admin
          .bucket(topology.buckets.config)
          .then((bucket) =>
            bucket.put("checkpoint-0", typeof value === "string" ? Buffer.from(value) : encodeJson(value)),
          ),
      ),
  };
}

describe("an orchestrator that takes over a shard", () => {
  test("begins its replay at the oldest unfinished run, which goes on", async () => {
    const stage = createStage();
    const { passing, clock, begins } = stage;
    const crew = await stage.start(false);
    const first = await stage.start();
    for (let i = 0; i < 20; i++) await passing(crew.submit("quick", i, { run: `before-${i}` }));
    await clock.advance(10_000);
    await passing(crew.submit("slow", {}, { run: "slow" }));
    for (let i = 0; i < 20; i++) await passing(crew.submit("quick", i, { run: `after-${i}` }));
    await clock.advance(1000);
    await passing(first.stop());
    const second = await stage.start();
    const [submitted] = await passing(second.log("slow"));
    expect(submitted!.sequence).toBeGreaterThan(60);
    expect(begins).toEqual([1, submitted!.sequence]);
    stage.gate.resolve();
    expect(await passing(second.result("slow"))).toBe("at last");
    // Whoever comes after the run's end begins later, and still knows of runs before it.
    await clock.advance(10_000);
    await passing(crew.run("quick", {}));
    await passing(second.stop());
    const third = await stage.start();
    expect(begins[2]).toBeGreaterThan(submitted!.sequence);
    expect((await passing(third.get("before-3"))).output).toBe(3);
    await passing(third.stop());
    await passing(crew.stop());
  });

  test("finds a checkpoint of its predecessor's last seconds, also when that was killed", async () => {
    const stage = createStage();
    const { passing, clock } = stage;
    const crew = await stage.start(false);
    const first = await stage.start();
    for (let i = 0; i < 20; i++) await passing(crew.submit("quick", i));
    await clock.advance(11_000);
    // It is not by time that it moves, but by what is read.
    for (let i = 0; i < 3; i++) await passing(crew.submit("quick", i));
    await clock.advance(10_000);
    expect((await stage.checkpoint())!.sequence).toBeGreaterThan(50);
    await passing(first.stop());
    await passing(crew.stop());
  });

  test.each([
    ["is no JSON", "{"],
    ["is something else", { v: 1, sequence: "many" }],
    ["is of another log, which had come further", { v: 1, sequence: 1_000_000, at: 1 }],
    ["is of another log, which had not", { v: 1, sequence: 3, at: 1 }],
  ])("reads the whole log when the checkpoint %s", async (_, value) => {
    const stage = createStage();
    const { passing, clock, begins } = stage;
    const crew = await stage.start(false);
    const first = await stage.start();
    await passing(crew.submit("slow", {}, { run: "slow" }));
    await clock.advance(1000);
    await passing(first.stop());
    await stage.write(value);
    const second = await stage.start();
    expect(begins).toEqual([1, 1]);
    stage.gate.resolve();
    expect(await passing(second.result("slow"))).toBe("at last");
    // It is written anew, although the old one stood further.
    await clock.advance(10_000);
    expect((await stage.checkpoint())!.at).toBeGreaterThan(1);
    await passing(second.stop());
    await passing(crew.stop());
  });
});
