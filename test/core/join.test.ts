import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  findExcess,
  type Join,
  type JoinCounts,
  join,
  judge,
  judgeAtEnd,
  quorumOf,
  readJoin,
  type Verdict,
} from "../../src/core/join.ts";
import { problemsOf } from "../../src/core/problem.ts";

/** Every way in which at most `most` needs may stand. */
function everyCount(most: number): JoinCounts[] {
  const all: JoinCounts[] = [];
  const upTo = (n: number) => Array.from({ length: n + 1 }, (_, i) => i);
  for (const succeeded of upTo(most))
    for (const failed of upTo(most - succeeded))
      for (const skipped of upTo(most - succeeded - failed))
        for (const unfinished of upTo(most - succeeded - failed - skipped))
          all.push({ succeeded, failed, skipped, unfinished });
  return all;
}
const UP_TO_FOUR = everyCount(4);
const sizeOf = ({ succeeded, failed, skipped, unfinished }: JoinCounts) => succeeded + failed + skipped + unfinished;

const stated = fc.oneof(
  fc.constantFrom<Join>({ rule: "all" }, { rule: "settled" }),
  fc.nat({ max: 60_000 }).map((failures): Join => ({ rule: "settled", failures })),
  fc.integer({ min: 0, max: 1000 }).map((tenths): Join => ({ rule: "settled", failures: `${tenths / 10}%` })),
  fc.integer({ min: 1, max: 60_000 }).map((quorum): Join => ({ rule: "quorum", quorum })),
  fc.integer({ min: 1, max: 1000 }).map((tenths): Join => ({ rule: "quorum", quorum: `${tenths / 10}%` })),
);
const counts = fc.record({
  succeeded: fc.nat({ max: 20_000 }),
  failed: fc.nat({ max: 20_000 }),
  skipped: fc.nat({ max: 20_000 }),
  unfinished: fc.nat({ max: 20_000 }),
});

describe("the verdict, for every way in which up to four needs may stand", () => {
  it("has 70 of them", () => {
    expect(UP_TO_FOUR).toHaveLength(70);
  });

  it("of all: one failure breaks it, one skip skips it, met once nothing is open", () => {
    for (const one of UP_TO_FOUR) {
      const expected = one.failed > 0 ? "broken" : one.skipped > 0 ? "skipped" : one.unfinished > 0 ? "open" : "met";
      expect(judge({ rule: "all" }, one), JSON.stringify(one)).toBe(expected);
    }
  });

  it("of settled: met once nothing is open, whatever it came to", () => {
    for (const one of UP_TO_FOUR)
      expect(judge({ rule: "settled" }, one), JSON.stringify(one)).toBe(one.unfinished > 0 ? "open" : "met");
  });

  it.each([0, 1, 2, 3, 4])("of settled with %d failures tolerated: broken by the next one", (failures) => {
    for (const one of UP_TO_FOUR) {
      const expected = one.failed > failures ? "broken" : one.unfinished > 0 ? "open" : "met";
      expect(judge({ rule: "settled", failures }, one), JSON.stringify(one)).toBe(expected);
    }
  });

  it.each([1, 2, 3, 4])("of a quorum of %d: met as soon as it is reached, over as soon as it cannot be", (quorum) => {
    for (const one of UP_TO_FOUR) {
      const missed = one.failed > 0 ? "broken" : "skipped";
      const expected = one.succeeded >= quorum ? "met" : one.succeeded + one.unfinished >= quorum ? "open" : missed;
      expect(judge({ rule: "quorum", quorum }, one), JSON.stringify(one)).toBe(expected);
    }
  });

  it("of percentages: a quorum is rounded up, tolerated failures are rounded down", () => {
    for (const one of UP_TO_FOUR) {
      const half = Math.ceil(sizeOf(one) / 2);
      expect(judge({ rule: "quorum", quorum: "50%" }, one)).toBe(
        half === 0 ? "met" : judge({ rule: "quorum", quorum: half }, one),
      );
      expect(judge({ rule: "settled", failures: "50%" }, one)).toBe(
        judge({ rule: "settled", failures: Math.floor(sizeOf(one) / 2) }, one),
      );
    }
  });

  it("of nothing: met, but for a number of successes that never come", () => {
    const none = { succeeded: 0, failed: 0, skipped: 0, unfinished: 0 };
    expect(judge({ rule: "all" }, none)).toBe("met");
    expect(judge({ rule: "settled", failures: 0 }, none)).toBe("met");
    expect(judge({ rule: "quorum", quorum: "95%" }, none)).toBe("met");
    expect(judge({ rule: "quorum", quorum: 1 }, none)).toBe("skipped");
  });
});

describe("the verdict on any number of needs", () => {
  const STEPS = ["succeeded", "failed", "skipped"] as const;

  it("never reverses, and is there once nothing is open", () => {
    const isMet = (verdict: Verdict) => (verdict === "open" ? "open" : verdict === "met");
    fc.assert(
      fc.property(stated, fc.array(fc.constantFrom(...STEPS), { maxLength: 60 }), (rule, ends) => {
        let now: JoinCounts = { succeeded: 0, failed: 0, skipped: 0, unfinished: ends.length };
        let verdict = judge(rule, now);
        for (const end of ends) {
          now = { ...now, [end]: now[end] + 1, unfinished: now.unfinished - 1 };
          const next = judge(rule, now);
          if (verdict !== "open") expect(isMet(next)).toBe(isMet(verdict));
          // Once something has failed, nothing is a mere skip any more.
          if (verdict === "broken") expect(next).toBe("broken");
          verdict = next;
        }
        expect(verdict).not.toBe("open");
      }),
    );
  });

  it("is never worse for a success in place of a failure", () => {
    fc.assert(
      fc.property(stated, counts, (rule, now) => {
        fc.pre(now.failed > 0 && judge(rule, now) === "met");
        expect(judge(rule, { ...now, failed: now.failed - 1, succeeded: now.succeeded + 1 })).toBe("met");
      }),
    );
  });

  it("asks for an exact percentage, whatever binary fractions make of it", () => {
    expect(quorumOf({ rule: "quorum", quorum: "33.3%" }, 1000)).toBe(333);
    expect(quorumOf({ rule: "quorum", quorum: "7%" }, 100)).toBe(7);
    expect(quorumOf({ rule: "quorum", quorum: "95%" }, 50_000)).toBe(47_500);
    expect(quorumOf({ rule: "quorum", quorum: "95%" }, 10)).toBe(10);
    expect(judge({ rule: "settled", failures: "5%" }, { succeeded: 18, failed: 1, skipped: 0, unfinished: 1 })).toBe(
      "open",
    );
    expect(judge({ rule: "settled", failures: "5%" }, { succeeded: 17, failed: 2, skipped: 0, unfinished: 1 })).toBe(
      "broken",
    );
  });
});

describe("what is stated", () => {
  it.each([
    [undefined, { rule: "all" }],
    ["all", { rule: "all" }],
    ["settled", { rule: "settled" }],
    ["any", { rule: "quorum", quorum: 1 }],
    [
      { all: true, within: "30s" },
      { rule: "all", withinMs: 30_000 },
    ],
    [
      { any: true, within: 5 },
      { rule: "quorum", quorum: 1, withinMs: 5 },
    ],
    [
      { settled: true, within: "1m" },
      { rule: "settled", withinMs: 60_000 },
    ],
    [{ settled: { failures: "5%" } }, { rule: "settled", failures: "5%" }],
    [
      { settled: { failures: 0 }, within: "1s" },
      { rule: "settled", failures: 0, withinMs: 1000 },
    ],
    [{ settled: {} }, { rule: "settled" }],
    [{ quorum: 3 }, { rule: "quorum", quorum: 3 }],
    [
      { quorum: "95%", within: "2d" },
      { rule: "quorum", quorum: "95%", withinMs: 172_800_000 },
    ],
  ])("%j is read", (value, expected) => {
    expect(readJoin(join.optional().parse(value))).toEqual(expected);
  });

  it.each([
    "none",
    "quorum",
    5,
    null,
    [],
    {},
    { within: "5s" },
    { all: true, any: true },
    { all: false },
    { quorum: 0 },
    { quorum: "0%" },
    { quorum: -1 },
    { quorum: 1.5 },
    { quorum: "101%" },
    { quorum: "five" },
    { quorum: "5" },
    { settled: { failures: -1 } },
    { settled: { failure: 1 } },
    { settled: false },
    { any: true, within: "soon" },
    { any: true, whithin: "1s" },
  ])("%j is refused", (value) => {
    const read = join.safeParse(value);
    expect(read.success).toBe(false);
    expect(problemsOf(read.error!, value).length).toBeGreaterThan(0);
  });

  it("is refused where it asks for more than there is", () => {
    expect(findExcess({ rule: "quorum", quorum: 4 }, 3)).toEqual({
      expected: "a quorum of at most 3, all that there are",
      received: "4",
    });
    expect(findExcess({ rule: "quorum", quorum: 1 }, 0)).toBeDefined();
    for (const fine of [
      { rule: "quorum", quorum: 3 },
      { rule: "quorum", quorum: "100%" },
      { rule: "all" },
      { rule: "settled", failures: 9 },
    ] as const)
      expect(findExcess(fine, 3)).toBeUndefined();
  });
});

describe("when the time is over", () => {
  it("what is settled is enough, and everything else has come too late", () => {
    expect(judgeAtEnd({ rule: "settled", failures: 1 })).toBe("met");
    expect(judgeAtEnd({ rule: "all" })).toBe("broken");
    expect(judgeAtEnd({ rule: "quorum", quorum: 1 })).toBe("broken");
  });
});
