import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { LimitEntry, ShardPermits } from "../../src/core/limit-entry.ts";
import { allot, heldOf, mostOf, mustGiveBack } from "../../src/core/permits.ts";

const limit = (most: number, shards: LimitEntry["shards"] = {}): LimitEntry => ({
  ...{ v: 1, by: "type", of: "t", most, isSet: true, changes: 0, shards },
});
const permits = (owner: string, held: number, wanted: number): ShardPermits => ({ owner, held, wanted });

/** One process changes the entry: each of its shards keeps what it uses, and wants so many. */
function write(
  entry: LimitEntry,
  owner: string,
  demand: Readonly<Record<string, readonly [used: number, wanted: number]>>,
) {
  const shards = new Map(
    Object.entries(demand).map(([shard, [held, wanted]]) => [shard, permits(owner, held, wanted)]),
  );
  const next = Object.entries(demand).flatMap(([shard, [held, wanted]]) => Array<string>(wanted - held).fill(shard));
  return allot(entry, { owner, shards, next });
}
const heldBy = (entry: LimitEntry): Record<string, number> =>
  Object.fromEntries(Object.entries(entry.shards).map(([shard, { held }]) => [shard, held]));

describe("the permits of a limit", () => {
  it("go to whoever wants some, as many as there are", () => {
    const first = write(limit(3), "a", { 0: [0, 5] });
    expect(heldBy(first)).toEqual({ 0: 3 });
    expect(heldBy(write(limit(3), "a", { 0: [0, 2] }))).toEqual({ 0: 2 });
  });

  it("are divided as evenly as the demands allow, among orchestrators and not among shards", () => {
    const crowded = write(limit(9), "a", { 0: [0, 100], 1: [0, 100] });
    const both = write(crowded, "b", { 2: [0, 100] });
    expect(mustGiveBack(both, "a")).toBe(true);
    // Of its nine, five have come back.
    const back = write(both, "a", { 0: [4, 100], 1: [0, 100] });
    expect(heldBy(back)).toMatchObject({ 0: 4, 1: 0, 2: 5 });
    expect([mustGiveBack(back, "a"), mustGiveBack(back, "b")]).toEqual([false, true]);
  });

  it("go in turn where they cannot be divided", () => {
    let entry = write(write(limit(1), "a", { 0: [0, 9] }), "b", { 1: [0, 9] });
    const turns: string[] = [];
    for (let i = 0; i < 4; i++) {
      const [shard] = Object.entries(entry.shards).find(([, { held }]) => held === 1)!;
      turns.push(shard);
      entry = write(entry, shard === "0" ? "a" : "b", { [shard]: [0, 9] });
    }
    expect(turns).toEqual(["0", "1", "0", "1"]);
  });

  it("are of an operator's number, or of the lowest that plans state which use them", () => {
    const stated = { 0: { ...permits("a", 1, 2), most: 5 }, 1: { ...permits("b", 1, 1), most: 3 } };
    expect(mostOf({ ...limit(9, stated), isSet: false })).toBe(3);
    expect(mostOf(limit(9, stated))).toBe(9);
  });

  it("pass with the shard to its next owner, and what that does not use is free", () => {
    const before = write(limit(4), "dead", { 0: [0, 4] });
    const taken = write(before, "b", { 0: [3, 3] });
    expect(taken.shards).toEqual({ 0: permits("b", 3, 3) });
    expect(heldBy(write(taken, "c", { 1: [0, 2] }))).toEqual({ 0: 3, 1: 1 });
  });

  it("are never more than there are, and none is idle while a task waits, whoever changes what", () => {
    const change = fc.record({
      owner: fc.nat(2),
      shard: fc.nat(1),
      ends: fc.nat(3),
      begins: fc.nat(4),
      grows: fc.nat(5),
    });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 7 }), fc.array(change, { maxLength: 60 }), (most, changes) => {
        let entry = limit(most);
        /** Attempts in progress, by shard: at no time more than the entry has for it. */
        const used: Record<string, number> = {};
        const waiting: Record<string, number> = {};
        for (const { owner, shard, ends, begins, grows } of changes) {
          const own = [0, 1].map((one) => String(2 * owner + one));
          const changed = own[shard]!;
          used[changed] = Math.max(0, (used[changed] ?? 0) - ends);
          waiting[changed] = (waiting[changed] ?? 0) + grows;
          // What was granted meanwhile is used first.
          for (const one of own) {
            const free = Math.min(begins, (entry.shards[one]?.held ?? 0) - (used[one] ?? 0), waiting[one] ?? 0);
            used[one] = (used[one] ?? 0) + Math.max(0, free);
            waiting[one] = (waiting[one] ?? 0) - Math.max(0, free);
          }
          const demand = own.map((one) => [one, [used[one] ?? 0, (used[one] ?? 0) + (waiting[one] ?? 0)]] as const);
          entry = write(entry, `o${owner}`, Object.fromEntries(demand));
          expect(heldOf(entry)).toBeLessThanOrEqual(most);
          for (const [one, count] of Object.entries(used))
            expect(entry.shards[one]?.held ?? 0).toBeGreaterThanOrEqual(count);
          const isWanting = Object.values(entry.shards).some(({ held, wanted }) => held < wanted);
          if (isWanting) expect(heldOf(entry)).toBe(most);
        }
      }),
    );
  });
});
