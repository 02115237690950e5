import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { assignShards } from "../../src/core/assignment.ts";

const members = fc.uniqueArray(fc.stringMatching(/^[a-z0-9-]{1,20}$/), { minLength: 1, maxLength: 20 });
const shards = fc.integer({ min: 1, max: 128 });

const countsOf = (owners: readonly (string | undefined)[], of: readonly string[]) =>
  of.map((member) => owners.filter((owner) => owner === member).length);

describe("the assignment of shards", () => {
  it("gives every shard to one member, and none more than one more than another", () => {
    fc.assert(
      fc.property(shards, members, (count, alive) => {
        const owners = assignShards(count, alive);
        expect(owners).toHaveLength(count);
        const counts = countsOf(owners, alive);
        expect(counts.reduce((a, b) => a + b)).toBe(count);
        expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
      }),
    );
  });

  it("is the same for the same members, in whatever order they are named", () => {
    fc.assert(
      fc.property(shards, members, (count, alive) => {
        expect(assignShards(count, [...alive].reverse())).toEqual(assignShards(count, alive));
      }),
    );
  });

  it("moves few shards between those who stay when one leaves", () => {
    const alive = ["a", "b", "c", "d"];
    const before = assignShards(64, alive);
    const after = assignShards(64, alive.slice(1));
    const moved = before.filter((owner, shard) => owner !== "a" && after[shard] !== owner).length;
    // 16 must move, those of the one that left. Nothing at all would be kept by chance alone but a third.
    expect(moved).toBeLessThanOrEqual(16);
  });

  it("gives nothing to anybody when nobody is there", () => {
    expect(assignShards(4, []).filter((owner) => owner !== undefined)).toEqual([]);
  });

  it("gives what only some can read to these, and what nobody can to nobody", () => {
    fc.assert(
      fc.property(shards, members, fc.nat(), fc.func(fc.boolean()), (count, alive, seed, reads) => {
        const canRead = (member: string, shard: number) => reads(seed, member, shard);
        const owners = assignShards(count, alive, canRead);
        owners.forEach((owner, shard) => {
          const able = alive.filter((member) => canRead(member, shard));
          expect(owner === undefined).toBe(able.length === 0);
          if (owner !== undefined) expect(able).toContain(owner);
        });
        expect(assignShards(count, [...alive].reverse(), canRead)).toEqual(owners);
      }),
    );
  });
});
