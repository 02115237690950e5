import { describe, expect, it } from "vitest";
import { RunLoad } from "../../../src/actors/cluster/run-load.ts";

/** An orchestrator that takes 10 runs and owns shards 0 and 1; `own` is what it has. */
function createLoad() {
  const own = { runs: 0, live: new Set([0, 1]) };
  const load = new RunLoad("me", 10, () => ({ runs: own.runs, ownerOf: (shard) => own.live.has(shard) || undefined }));
  let runs = 0;
  /** How many of so many are let in to a shard. */
  const enter = (shard: number, count: number, share = 1) =>
    Array.from({ length: count }, () => load.enter(shard, `r${runs++}`, share)).filter((why) => why === undefined)
      .length;
  const told = (id: string, shards: number[], count: number) =>
    load.setPresence(id, { v: 1, orchestrator: id, since: 0, shards, runs: count, maxRuns: 10 });
  return { own, load, enter, told };
}

describe("the load of orchestrators", () => {
  it("counts what was let in to our shards until it is folded, and then as what is under way", () => {
    const { own, load, enter } = createLoad();
    expect(enter(0, 20)).toBe(10);
    expect(enter(1, 5)).toBe(0);
    for (let i = 0; i < 10; i++) load.left(0, `r${i}`);
    own.runs = 10;
    expect(enter(0, 5)).toBe(0);
    own.runs = 7;
    expect(enter(1, 5)).toBe(3);
  });

  it("says who has how many, and what to do", () => {
    const { own, load } = createLoad();
    own.runs = 10;
    expect(load.enter(0, "r", 1)).toMatch(/orchestrator me has 10 of 10 runs in progress.*TUTTI_MAX_RUNS/);
  });

  it("leaves a part to others, where only a share may be used", () => {
    const { enter, load } = createLoad();
    expect(load.room(0.8)).toBe(8);
    expect(enter(0, 20, 0.8)).toBe(8);
    expect(load.room(0.8)).toBe(0);
    expect(enter(0, 20)).toBe(2);
  });

  it("sends another what falls to one gateway of its room, until its presence has told twice", () => {
    const { enter, told } = createLoad();
    told("other", [2], 4);
    expect(enter(2, 20)).toBe(3);
    // It may not have folded them when it said this.
    told("other", [2], 4);
    expect(enter(2, 20)).toBe(0);
    told("other", [2], 7);
    expect(enter(2, 20)).toBe(2);
    told("other", [2], 10);
    told("other", [2], 10);
    expect(enter(2, 20)).toBe(0);
  });

  it("goes on counting the runs of a shard that it has lost, until somebody knows better", () => {
    const { own, load, enter, told } = createLoad();
    own.live.clear();
    load.givenUp(0, 6);
    load.givenUp(1, 4);
    expect(enter(0, 5)).toBe(0);
    told("other", [1], 4);
    expect(enter(0, 20)).toBe(4);
    own.live.add(0);
    own.runs = 10;
    load.known(0);
    expect(enter(0, 5)).toBe(0);
  });

  it("takes a shard without an owner for its own", () => {
    const { enter, load, told } = createLoad();
    expect(enter(7, 20)).toBe(10);
    told("other", [7], 9);
    expect(enter(7, 20)).toBe(1);
    load.gone("other");
    expect(enter(7, 3)).toBe(3);
  });
});
