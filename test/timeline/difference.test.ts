import { describe, expect, it } from "vitest";
import { ROOT } from "../../src/core/names.ts";
import { compareRuns } from "../../src/timeline/difference.ts";
import { FoldedRun } from "../support/folded-run.ts";
import { observe } from "./observed-run.ts";

const t = { type: "t" };
const plan = { a: t, b: t, c: t };
const compare = (left: FoldedRun, right: FoldedRun) => compareRuns(observe(left), observe(right), 0);

describe("two runs compared", () => {
  it("differ in nothing but their time when the same came of every task", () => {
    const make = () => new FoldedRun({ input: 1 }).plans(ROOT, plan).returns("a", [1]).returns("b").returns("c").ends();
    expect(compare(make(), make())).toMatchObject({ sameInput: true, same: 4, different: [], slower: [] });
  });

  it("are told apart task by task: by what is there, its type, state, attempts, output and error", () => {
    const left = new FoldedRun({ input: 1 }).plans(ROOT, plan).returns("a", 1).returns("b", 2).returns("c", 3);
    const right = new FoldedRun({ input: 2 })
      .plans(ROOT, { a: t, b: { type: "u" } })
      .returns("a", 2)
      .fails("b");
    const { different, sameInput } = compare(left, right);
    expect(sameInput).toBe(false);
    expect(different.map(({ task, differs }) => [task, ...differs])).toEqual([
      ["-", "state", "error"],
      ["a", "output"],
      ["b", "type", "state", "output", "error"],
      ["c", "presence"],
    ]);
  });

  it("show which tasks took longer", () => {
    const left = new FoldedRun().plans(ROOT, { a: t }).returns("a");
    const right = new FoldedRun().plans(ROOT, { a: t }).wait(500).returns("a");
    expect(compare(left, right).slower.map(({ task, ms }) => [task, ms])).toEqual([
      ["-", 500],
      ["a", 500],
    ]);
  });
});
