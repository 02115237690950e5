import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Json } from "../../src/core/json.ts";
import { reduce } from "../../src/core/plan-options.ts";
import { assemble, isFolded, readReducer, Tally, UnreducibleOutput } from "../../src/core/reducer.ts";

const tally = (way: "count" | "sum" | "stats", values: readonly Json[], pointer = ""): Json => {
  const one = new Tally({ way, pointer });
  for (const value of values) one.add(value);
  return one.result();
};

describe("what is stated", () => {
  it.each([
    [undefined, { way: "collect", pointer: "" }],
    ["count", { way: "count", pointer: "" }],
    [{ stats: "/score" }, { way: "stats", pointer: "/score" }],
    [{ merge: "" }, { way: "merge", pointer: "" }],
    [{ type: "combine" }, { way: "type", type: "combine", width: 20 }],
    [
      { type: "combine", width: 2 },
      { way: "type", type: "combine", width: 2 },
    ],
  ])("%j is read", (stated, expected) => {
    expect(readReducer(reduce.optional().parse(stated))).toEqual(expected);
  });

  it("is folded as results arrive, or put together at the end", () => {
    const ways = ["count", "sum", "stats", "collect", "concat", "merge"] as const;
    expect(ways.filter((way) => isFolded(readReducer(way)))).toEqual(["count", "sum", "stats"]);
    expect(isFolded(readReducer({ type: "t" }))).toBe(false);
  });
});

describe("stats", () => {
  it("are those of the population", () => {
    expect(tally("stats", [2, 4, 4, 4, 5, 5, 7, 9])).toEqual({ count: 8, sum: 40, mean: 5, std: 2, min: 2, max: 9 });
    expect(tally("stats", [{ score: 0.5 }, { score: 1 }], "/score")).toEqual({
      count: 2,
      sum: 1.5,
      mean: 0.75,
      std: 0.25,
      min: 0.5,
      max: 1,
    });
    expect(tally("stats", [-3])).toEqual({ count: 1, sum: -3, mean: -3, std: 0, min: -3, max: -3 });
  });

  it("of nothing say so", () => {
    expect(tally("stats", [])).toEqual({ count: 0, sum: 0, mean: null, std: null, min: null, max: null });
    expect(tally("sum", [])).toBe(0);
    expect(tally("count", [])).toBe(0);
  });

  it("keep their last digits among large numbers and many of them", () => {
    const large = [1e9 + 4, 1e9 + 7, 1e9 + 13, 1e9 + 16];
    expect((tally("stats", large) as { std: number }).std).toBeCloseTo(Math.sqrt(22.5), 9);
    expect(tally("sum", [1e16, 1, -1e16])).toBe(1);
    expect(tally("sum", [1, 1e100, 1, -1e100])).toBe(2);
    expect(tally("sum", Array<number>(1_000_000).fill(0.1))).toBeCloseTo(100_000, 9);
  });

  it("are what a computation over all at once gives, whatever the order", () => {
    const number = fc.double({ min: -1e6, max: 1e6, noNaN: true });
    fc.assert(
      fc.property(fc.array(number, { minLength: 1, maxLength: 50 }), (values) => {
        const { mean, std, min, max, sum } = tally("stats", values) as Record<string, number>;
        const exact = values.reduce((a, b) => a + b, 0) / values.length;
        const deviation = Math.sqrt(values.reduce((total, one) => total + (one - exact) ** 2, 0) / values.length);
        expect(Math.abs(mean! - exact)).toBeLessThan(1e-6);
        expect(Math.abs(std! - deviation)).toBeLessThan(1e-6);
        expect([min, max]).toEqual([Math.min(...values), Math.max(...values)]);
        const back = tally("stats", [...values].reverse()) as Record<string, number>;
        expect(Math.abs(back.sum! - sum!)).toBeLessThan(1e-6);
      }),
    );
  });

  it("and sums need a number in every output", () => {
    for (const way of ["sum", "stats"] as const)
      for (const wrong of [null, "5", true, {}, { scroe: 1 }])
        expect(() => tally(way, [{ score: 1 }, wrong], "/score")).toThrow(UnreducibleOutput);
    expect(() => tally("sum", [{ a: "x" }], "/a")).toThrow(
      'sum: expected a number at /a in every output, received "x"',
    );
    expect(() => tally("sum", [1e308, 1e308])).toThrow("the sum is more than a number can hold");
  });
});

describe("count", () => {
  it("is of the outputs that have something there, which is neither null nor false", () => {
    const outputs = [{ ok: true }, { ok: false }, { ok: null }, {}, { ok: 0 }, { ok: "" }, 5];
    expect(tally("count", outputs, "/ok")).toBe(3);
    expect(tally("count", [1, 0, "", {}], "")).toBe(4);
  });
});

describe("what is put together", () => {
  it("is a list of the outputs, in order", () => {
    expect(assemble({ way: "collect", pointer: "" }, [1, null, "x"])).toEqual([1, null, "x"]);
    expect(assemble({ way: "collect", pointer: "/a" }, [{ a: 1 }, { a: null }])).toEqual([1, null]);
  });

  it("is one list of all their items, or one text", () => {
    expect(assemble({ way: "concat", pointer: "" }, [[1], [], [[2], 3]])).toEqual([1, [2], 3]);
    expect(assemble({ way: "concat", pointer: "/t" }, [{ t: "a" }, { t: "b" }])).toBe("ab");
    expect(assemble({ way: "concat", pointer: "" }, [])).toEqual([]);
  });

  it("is one object, in which the last of equal fields counts", () => {
    expect(assemble({ way: "merge", pointer: "" }, [{ a: 1, b: 1 }, { b: 2 }, {}])).toEqual({ a: 1, b: 2 });
    expect(assemble({ way: "merge", pointer: "" }, [JSON.parse('{"__proto__": 1}')])).toEqual(
      JSON.parse('{"__proto__": 1}'),
    );
  });

  it.each([
    ["collect", "/a", [{ b: 1 }], "collect: expected a value at /a in every output, received nothing"],
    ["concat", "", [[1], "x"], 'concat: expected a list, or a text as all others are in every output, received "x"'],
    ["merge", "", [[1]], "merge: expected an object in every output, received [1]"],
  ] as const)("fails where %s of %j finds something else", (way, pointer, outputs, message) => {
    expect(() => assemble({ way, pointer }, outputs as unknown as Json[])).toThrow(message);
  });
});
