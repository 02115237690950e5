import { describe, expect, it } from "vitest";
import { initialTransition, type SnapshotFrom, transition } from "xstate";
import { type ShardMachineEvent, shardMachine } from "../../src/machines/shard.ts";
import { createShardBench, type ShardBench } from "../support/shard-bench.ts";

/**
 * Whatever may happen to a shard, up to three things in a row from every start, is played against its actor on the
 * in-process bus; the chart, given how the work that it invokes ends, says what must come of it.
 */
type Happening = ShardMachineEvent["type"] | "otherTakes" | "otherLetsGo" | "otherDies" | "time";
const HAPPENINGS: readonly Happening[] = [
  "assigned",
  "unassigned",
  "leaseLost",
  "claimChanged",
  "otherTakes",
  "otherLetsGo",
  "otherDies",
  "time",
];

/** What the bucket holds, as the model has it. */
interface World {
  owner: "us" | "other" | undefined;
  isOtherAlive: boolean;
}

type Snapshot = SnapshotFrom<typeof shardMachine>;

/** What the chart invokes, by state. */
const WORK: Readonly<Record<string, string>> = {
  claiming: "claim",
  replaying: "replay",
  releasing: "release",
  abandoning: "abandon",
};

/** Carries the chart on to where it waits for somebody else. */
function settle(from: Snapshot, world: World): Snapshot {
  let state = from;
  for (;;) {
    const done = (output?: boolean) => {
      const type = `xstate.done.actor.${WORK[state.value]}`;
      [state] = transition(shardMachine, state, { type, output } as unknown as ShardMachineEvent);
    };
    if (state.value === "claiming") {
      const isOurs = world.owner !== "other" || !world.isOtherAlive;
      if (isOurs) world.owner = "us";
      done(isOurs);
    } else if (state.value === "releasing") {
      if (world.owner === "us") world.owner = undefined;
      done();
    } else if (state.value === "replaying" || state.value === "abandoning") done();
    else return state;
  }
}

function step(before: Snapshot, happening: Happening, world: World): Snapshot {
  switch (happening) {
    case "otherTakes":
      Object.assign(world, { owner: "other", isOtherAlive: true });
      return before;
    case "otherLetsGo":
      if (world.owner === "other") world.owner = undefined;
      return before;
    case "otherDies":
      world.isOtherAlive = false;
      return before;
    case "time": {
      if (before.value !== "waiting") return before;
      const type = "xstate.after.retryDelay.shard.waiting";
      return settle(transition(shardMachine, before, { type } as unknown as ShardMachineEvent)[0], world);
    }
    default:
      return settle(transition(shardMachine, before, { type: happening })[0], world);
  }
}

async function play(bench: ShardBench, happening: Happening): Promise<void> {
  const { clock } = bench;
  switch (happening) {
    case "otherTakes":
      await bench.setOtherAlive(true);
      return bench.writeClaim("other");
    case "otherLetsGo":
      if ((await bench.claim())?.owner === "other") await bench.writeClaim(null);
      return;
    case "otherDies":
      return bench.setOtherAlive(false);
    case "time":
      return clock.advance(500);
    default:
      bench.send(happening);
      return clock.settle();
  }
}

const STARTS: readonly (readonly Happening[])[] = [
  [],
  ["assigned"],
  ["otherTakes", "assigned"],
  ["assigned", "leaseLost"],
];
const sequencesFrom = (start: readonly Happening[]): Happening[][] =>
  HAPPENINGS.flatMap((a) => HAPPENINGS.flatMap((b) => HAPPENINGS.map((c) => [...start, a, b, c])));

describe("a shard follows its chart", () => {
  it.each(STARTS.map((start) => [start.join(" → ") || "the beginning", start] as const))(
    "from %s",
    async (_, start) => {
      for (const sequence of sequencesFrom(start)) {
        await using bench = await createShardBench();
        const world: World = { owner: undefined, isOtherAlive: false };
        let [state] = initialTransition(shardMachine, { shard: 0 });
        for (const [i, happening] of sequence.entries()) {
          state = step(state, happening, world);
          await play(bench, happening);
          const at = sequence.slice(0, i + 1).join(" → ");
          expect(bench.state, at).toBe(state.value);
          expect((await bench.claim())?.owner ?? undefined, at).toBe(world.owner);
        }
        const isLive = state.value === "live";
        expect(bench.isLive, sequence.join(" → ")).toBe(isLive);
        expect(await bench.answers(), sequence.join(" → ")).toBe(isLive);
      }
    },
    60_000,
  );

  it("can come into every state of its chart in which it rests", () => {
    const rested = new Set<Snapshot["value"]>();
    for (const sequence of STARTS.flatMap(sequencesFrom)) {
      const world: World = { owner: undefined, isOtherAlive: false };
      let [state] = initialTransition(shardMachine, { shard: 0 });
      for (const happening of sequence) {
        state = step(state, happening, world);
        rested.add(state.value);
      }
    }
    expect(rested).toEqual(new Set(["unowned", "waiting", "live", "doubtful"]));
  });

  it.each(["unassigned", "leaseLost"] as const)(
    "when a claim of ours that was interrupted lands while it waits, gives it back (%s first)",
    async (happening) => {
      await using bench = await createShardBench();
      await bench.setOtherAlive(true);
      await bench.writeClaim("other");
      bench.send("assigned");
      await bench.clock.settle();
      expect(bench.state).toBe("waiting");
      await bench.writeClaim("us");
      if (happening === "leaseLost") bench.send("leaseLost");
      bench.send("unassigned");
      await bench.clock.settle();
      expect(bench.state).toBe("unowned");
      expect(await bench.claim()).toMatchObject({ owner: null });
    },
  );

  it("is given back when the fold of its log throws, and says so", async () => {
    await using bench = await createShardBench({
      onSubmitted() {
        throw new Error("a slip of ours");
      },
    });
    bench.send("assigned");
    await bench.clock.settle();
    expect(await bench.answers()).toBe(true);
    await bench.appendSubmitted();
    await bench.clock.settle();
    expect(bench.state).toBe("unowned");
    expect(await bench.claim()).toMatchObject({ owner: null });
    expect(await bench.answers()).toBe(false);
    expect(bench.log).toContainEqual(
      expect.stringMatching(/^shard 0 is given back: message 1 of the log could not be folded: Error: a slip of ours/),
    );
  });

  it.each(["replaying", "live"] as const)(
    "when its log turns out to be a newer build's while it is %s",
    async (state) => {
      await using bench = await createShardBench();
      if (state === "replaying") await bench.appendNewer();
      bench.send("assigned");
      await bench.clock.settle();
      if (state === "live") await bench.appendNewer();
      await bench.clock.settle();
      expect(bench.state).toBe("unowned");
      expect(await bench.claim()).toMatchObject({ owner: null, needs: 3 });
      expect(await bench.answers()).toBe(false);
      // It does not take it again, whoever thinks it should.
      bench.send("assigned");
      await bench.clock.advance(5000);
      expect(bench.state).toBe("waiting");
      expect(await bench.claim()).toMatchObject({ owner: null, needs: 3 });
    },
  );
});
