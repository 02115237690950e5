import { describe, expect, it } from "vitest";
import type { Json } from "../../src/core/json.ts";
import { viewTask } from "../../src/fold/view.ts";
import { FoldedRun } from "../support/folded-run.ts";

const planned = (tasks: object, more: object = {}, input: Json = {}) =>
  new FoldedRun({ type: "plan", input: { plan: { v: 2, tasks, ...more }, input } as unknown as Json });

describe("a task that is marked", () => {
  it("has the output that it was told, and its attempt is withdrawn", () => {
    const run = planned({ a: { type: "x" }, b: { type: "x", input: { $ref: "a#/n" } } });
    run.effects.take();
    run.mark("a", { output: { n: 5 } }, "me");
    expect(run.effects.take()).toEqual(["withdraw a@1", "open b@1"]);
    expect(run.input("b")).toBe(5);
    expect(viewTask(run.task("a"))).toMatchObject({ state: "succeeded", marked: { by: "me" } });
  });

  it("counts once, and not when it is over", () => {
    const run = planned({ a: { type: "x" }, b: { type: "x", needs: ["a"] } });
    run.mark("a", { output: 1 }).mark("a", { fail: "no" }).returns("a", 2);
    expect(run.states("a", "b")).toEqual({ a: "succeeded", b: "ready" });
    expect(run.output("a")).toBe(1);
  });

  it("need not have been ready, nor have had an attempt", () => {
    const run = planned({ a: { type: "x" }, b: { type: "x", needs: ["a"] }, c: { type: "x", input: { $ref: "b" } } });
    run.mark("b", { output: "told" });
    expect(run.states("a", "b", "c")).toEqual({ a: "abandoned", b: "succeeded", c: "ready" });
    expect(run.input("c")).toBe("told");
  });

  it("has lost its plan, what is below it is stopped", () => {
    const inner = { tasks: { x: { type: "x" }, y: { type: "x", needs: ["x"] } } };
    const run = planned({ a: { plan: inner }, b: { type: "x", input: { $ref: "a" } } });
    run.mark("a", { output: "told" });
    expect(run.states("a/x", "a/y")).toEqual({ "a/x": "abandoned", "a/y": "abandoned" });
    expect(run.input("b")).toBe("told");
    expect(run.returns("b", 1).outcome).toBe("succeeded");
  });

  it("may be of a plan of version 1, with a plan of its own", () => {
    const run = new FoldedRun().plans("-", { a: { type: "x" }, b: { type: "x", input: { $ref: "a" } } });
    run.plans("a", { x: { type: "x" }, y: { type: "x" } }).returns("a/x");
    run.mark("a", { skip: true });
    expect(run.states("a")).toEqual({ a: "expanded" });
    run.mark("a", { output: 7 });
    expect(run.states("a/x", "a/y", "b")).toEqual({ "a/x": "succeeded", "a/y": "abandoned", b: "ready" });
    expect(run.input("b")).toBe(7);
    expect(run.returns("b", 1).outcome).toBe("succeeded");
    expect(run.totals).toMatchObject({ tasks: 5, succeeded: 4, abandoned: 1 });
  });

  it("that is skipped is as one that its condition left out", () => {
    const run = planned(
      { a: { type: "x" }, b: { type: "x", needs: ["a"] } },
      { output: { b: { $ref: "b", default: 0 } } },
    );
    expect(run.mark("a", { skip: true }).states("a", "b")).toEqual({ a: "skipped", b: "skipped" });
    expect(run.output()).toEqual({ b: 0 });
  });

  it("that is skipped while it backs off shows no failure of an attempt", () => {
    const run = planned({ a: { type: "x", retry: { attempts: 3 } }, b: { type: "x", input: { $outcome: "a" } } });
    run.fails("a", { kind: "retryable" }).mark("a", { skip: true });
    expect(run.input("b")).toEqual({ state: "skipped" });
  });

  it("that has failed is not tried again, and no fallback takes it; joins do", () => {
    const a = { type: "x", retry: { attempts: 5 }, fallback: { value: 1 } };
    const run = planned({ a, b: { type: "x", needs: ["a"], join: "settled", input: { $outcome: "a" } } });
    run.mark("a", { fail: "the supplier is gone" });
    expect(run.input("b")).toEqual({
      state: "failed",
      error: { kind: "terminal", name: "marked", message: "the supplier is gone" },
    });
  });

  it("is an item like others to its map: its output is reduced, and its place is free", () => {
    const each = { in: { $ref: "#" }, concurrency: 1, reduce: { sum: "" } };
    const run = planned({ m: { type: "x", each } }, {}, [1, 2, 3]);
    run.append("decided", { v: 2, decisions: [{ task: "m", attempt: 1, answers: {}, items: 3 }] });
    run.mark("m/0", { output: 10 }).mark("m/2", { output: 100 }).returns("m/1", 1);
    expect(run.output()).toEqual({ m: 111 });
  });

  it("may be the run itself, which ends so", () => {
    const run = planned({ a: { type: "x" } });
    expect(run.mark("-", { output: { told: true } }).ends().state.end?.body).toMatchObject({
      status: "succeeded",
      output: { told: true },
    });
  });

  it("counts while it is paused", () => {
    const run = planned({ a: { type: "x" }, b: { type: "x", needs: ["a"] } });
    run.pause().mark("a", { output: 1 });
    expect(run.states("a", "b")).toEqual({ a: "succeeded", b: "blocked" });
    expect(run.resume().states("b")).toEqual({ b: "ready" });
  });
});
