import { describe, expect, it } from "vitest";
import type { Json } from "../../src/core/json.ts";
import { outputOf } from "../../src/fold/outputs.ts";
import { FoldedRun, replay } from "../support/folded-run.ts";

type Each = Record<string, unknown>;

/** A plan of one map, over items of the type `t`, which is decided to have so many. */
function mapped(items: number, each: Each = {}, more: object = {}): FoldedRun {
  const m = { type: "t", each: { in: { $ref: "#/list" }, ...each }, ...more };
  const run = new FoldedRun({ input: { list: Array.from({ length: items }, (_, index) => index) } });
  run.plansV2("-", { tasks: { m }, output: "m" } as never);
  return decided(run, "m", items);
}
const decided = (run: FoldedRun, task: string, items: number) =>
  run.append("decided", { v: 2, decisions: [{ task, attempt: 1, answers: {}, items }] });
const opened = (run: FoldedRun) => run.effects.take().filter((call) => call.startsWith("open m"));
const output = (run: FoldedRun): Json => outputOf(run.state.root, (ref) => ({ loaded: ref }));

describe("a map", () => {
  it("opens as many items as it says, and another as each one ends", () => {
    const run = mapped(4, { concurrency: 2 });
    expect(opened(run)).toEqual(["open m/0@1", "open m/1@1"]);
    expect(opened(run.returns("m/1", "b"))).toEqual(["open m/2@1"]);
    run.returns("m/0", "a").returns("m/2", "c").returns("m/3", "d");
    expect(output(run)).toEqual(["a", "b", "c", "d"]);
  });

  it("over no items has succeeded at once", () => {
    const run = mapped(0, { reduce: "sum" });
    expect(run.states("m", "-")).toEqual({ m: "succeeded", "-": "succeeded" });
    expect(output(run)).toBe(0);
  });

  it("goes on from the item that failed when the run is redriven", () => {
    const run = mapped(4, { concurrency: 2, reduce: "sum" });
    run.returns("m/0", 1).fails("m/1");
    expect(run.states("m/0", "m/1", "m/2", "m/3", "m")).toEqual({
      "m/0": "succeeded",
      "m/1": "failed",
      "m/2": "cancelled",
      "m/3": "cancelled",
      m: "failed",
    });
    run.ends();
    opened(run);
    run.redrive("m/1");
    expect(opened(run)).toEqual(["open m/1@2", "open m/2@2"]);
    run.returns("m/1", 10).returns("m/2", 100).returns("m/3", 1000);
    expect(output(run)).toBe(1111);
  });

  it("fails an item whose output cannot be reduced, which a redrive executes again", () => {
    const run = mapped(2, { reduce: { sum: "/n" } });
    run.returns("m/0", { n: 1 }).returns("m/1", { m: 2 });
    expect(run.task("m/1").error).toMatchObject({
      kind: "terminal",
      message: "each.reduce: sum: expected a number at /n in every output, received nothing",
    });
    run.ends().redrive("m/1").returns("m/1", { n: 2 });
    expect(output(run)).toBe(3);
  });

  it("counts what is stored apart, but cannot add it up", () => {
    const stored = (run: FoldedRun) => run.results({ task: "m/0", attempt: 1, outputRef: "blob" });
    expect(output(stored(mapped(1, { reduce: "count" })))).toBe(1);
    expect(stored(mapped(1, { reduce: "sum" })).task("m/0").error?.message).toContain("from the object store");
    expect(output(stored(mapped(1)))).toEqual([{ loaded: "blob" }]);
  });

  it("adds up items that were expanded as well", () => {
    const run = mapped(2, { reduce: { sum: "/n" } });
    run.plansV2("m/0", { tasks: { a: { type: "t" } }, output: { n: { $ref: "a" } } } as never);
    run.returns("m/0/a", 5).returns("m/1", { n: 1 });
    expect([output(run), output(run)]).toEqual([6, 6]);
  });

  it("keeps no output that is folded", () => {
    const run = mapped(2, { reduce: "sum" });
    run.returns("m/0", 1);
    expect(run.task("m/0").output).toBeUndefined();
  });

  it("is skipped when too few of its items are left for its join, and so is the plan that returns it", () => {
    const run = mapped(2, { join: "any" }, { when: "item > 5" });
    run.decides("m/0", false).decides("m/1", false);
    expect(run.states("m", "-")).toEqual({ m: "skipped", "-": "skipped" });
    expect([run.outcome, output(run)]).toEqual(["succeeded", {}]);
  });

  it("may be in a map", () => {
    const inner = { tasks: { n: { type: "t", each: { in: { $ref: "#" }, reduce: "count" } } }, output: "n" };
    const run = new FoldedRun({ input: { list: [[1, 2], []] } });
    run.plansV2("-", {
      tasks: { m: { plan: inner, each: { in: { $ref: "#/list" }, reduce: "sum" } } },
      output: "m",
    } as never);
    decided(run, "m", 2);
    decided(decided(run, "m/0/n", 2), "m/1/n", 0);
    run.returns("m/0/n/0").returns("m/0/n/1", true);
    expect(output(run)).toBe(1);
  });

  it("folds from its log to the same state", () => {
    const run = mapped(5, { concurrency: 2, reduce: "stats", join: { settled: { failures: 2 } } });
    run.returns("m/0", 1).fails("m/1").returns("m/2", 4).fails("m/3").returns("m/4", 7);
    const again = replay(run.log);
    expect(outputOf(again.root, () => null)).toEqual(output(run));
    expect(output(run)).toMatchObject({ count: 3, sum: 12, mean: 4 });
  });
});
