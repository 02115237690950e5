import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Json } from "../../src/core/json.ts";
import { type MapItems, readItems, readLabels, UnmappableInput } from "../../src/core/map-items.ts";
import { ReductionTree } from "../../src/core/reduction-tree.ts";

const list = ({ size, at }: MapItems): Json[] => Array.from({ length: size }, (_, index) => at(index));

describe("the items of a map", () => {
  it("are those of an array, each as it is", () => {
    const items = [{ a: 1 }, null, [2]];
    expect(list(readItems(items))).toEqual(items);
    expect(readItems(items).at(0)).toBe(items[0]);
    expect(list(readItems([]))).toEqual([]);
  });

  it("are zipped from arrays of one length", () => {
    expect(list(readItems({ x: [1, 2], y: ["a", "b"] }))).toEqual([
      { x: 1, y: "a" },
      { x: 2, y: "b" },
    ]);
    expect(list(readItems({ x: [] }))).toEqual([]);
  });

  it("come in batches, of which the last may be smaller", () => {
    expect(list(readItems([1, 2, 3, 4, 5], 2))).toEqual([[1, 2], [3, 4], [5]]);
    expect(list(readItems({ x: [1, 2, 3] }, 2))).toEqual([[{ x: 1 }, { x: 2 }], [{ x: 3 }]]);
    expect(list(readItems([], 20))).toEqual([]);
  });

  it("are all there, in order, whatever the size of a batch", () => {
    fc.assert(
      fc.property(fc.array(fc.integer(), { maxLength: 60 }), fc.integer({ min: 1, max: 70 }), (items, batch) => {
        const batches = list(readItems(items, batch)) as number[][];
        expect(batches.flat()).toEqual(items);
        expect(batches.slice(0, -1).every((one) => one.length === batch)).toBe(true);
        expect(batches.every((one) => one.length > 0)).toBe(true);
      }),
    );
  });

  it.each<[Json, string]>([
    [5, "expected an array, or an object of arrays, received 5"],
    ["abc", "expected an array, or an object of arrays"],
    [null, "expected an array, or an object of arrays"],
    [{}, "expected an array, or an object of arrays, received {}"],
    [{ x: [1], y: 2 }, "expected an array in y, received 2"],
    [{ x: [1, 2], y: [1] }, "expected arrays of one length, received 2 in x and 1 in y"],
  ])("are not made of %j", (value, message) => {
    expect(() => readItems(value)).toThrow(UnmappableInput);
    expect(() => readItems(value)).toThrow(message);
  });

  it("have labels that are unique, if any", () => {
    expect(readLabels(readItems([{ id: "a" }, { id: 7 }]), "/id")).toEqual(["a", "7"]);
    expect(() => readLabels(readItems([{ id: "a" }, { id: "b" }, { id: "a" }]), "/id")).toThrow(
      'received "a" for items 0 and 2',
    );
    expect(() => readLabels(readItems([{ id: 7 }, { id: "7" }]), "/id")).toThrow("unique");
    expect(() => readLabels(readItems([{ id: {} }]), "/id")).toThrow("expected a text or a number at /id of item 0");
    expect(() => readLabels(readItems([{}]), "/id")).toThrow("received nothing");
  });
});

describe("a reduction by tasks", () => {
  it("is a tree over the items", () => {
    const tree = new ReductionTree(5, 2);
    expect({ size: tree.size, root: tree.root }).toEqual({ size: 11, root: 10 });
    expect(Array.from({ length: 11 }, (_, index) => tree.consumerOf(index))).toEqual([
      5,
      5,
      6,
      6,
      7,
      8,
      8,
      9,
      10,
      10,
      undefined,
    ]);
    expect([5, 6, 7, 8, 9, 10].map((task) => Object.values(tree.inputsOf(task)))).toEqual([
      [0, 2],
      [2, 4],
      [4, 5],
      [5, 7],
      [7, 8],
      [8, 10],
    ]);
  });

  it.each([
    [0, 20, 1],
    [1, 20, 2],
    [20, 20, 21],
    [21, 20, 24],
    [400, 20, 421],
  ])("of %d items by %d has %d tasks", (items, width, size) => {
    expect(new ReductionTree(items, width).size).toBe(size);
  });

  it("takes every output once, before it gives its own, and ends in its root", () => {
    fc.assert(
      fc.property(fc.nat({ max: 300 }), fc.integer({ min: 2, max: 30 }), (items, width) => {
        const tree = new ReductionTree(items, width);
        for (let index = 0; index < tree.root; index++) {
          const { from, to } = tree.inputsOf(tree.consumerOf(index)!);
          expect(from <= index && index < to && to - from <= width).toBe(true);
          expect(tree.consumerOf(index)).toBeGreaterThan(index);
        }
        let taken = 0;
        for (let task = items; task < tree.size; task++) taken += tree.inputsOf(task).to - tree.inputsOf(task).from;
        expect(taken).toBe(tree.root);
      }),
    );
  });
});
