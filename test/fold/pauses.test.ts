import { describe, expect, it } from "vitest";
import type { Json } from "../../src/core/json.ts";
import { obligationsOf } from "../../src/fold/obligations.ts";
import { FoldedRun, replay } from "../support/folded-run.ts";

const opened = (run: FoldedRun) => run.effects.take().filter((call) => call.startsWith("open "));
const planned = (tasks: object, more: object = {}, input: Json = {}) =>
  new FoldedRun({ type: "plan", input: { plan: { v: 2, tasks, ...more }, input } as unknown as Json });

describe("a pause", () => {
  it("lets nothing start, and what has started go on", () => {
    const run = planned({ a: { type: "x" }, b: { type: "x", needs: ["a"] }, c: { type: "x" } });
    run.pause().returns("a", 1);
    expect(run.phase).toBe("paused");
    expect(run.states("a", "b", "c")).toEqual({ a: "succeeded", b: "blocked", c: "ready" });
    run.effects.take();
    run.resume();
    expect(opened(run)).toEqual(["open c@1", "open b@1"]);
    expect(run.phase).toBe("running");
  });

  it("holds what is queued, with its attempt open, and does nothing twice", () => {
    const run = planned({ a: { type: "x" }, b: { type: "x" } });
    run.effects.take();
    run.pause().pause();
    expect(run.effects.take().filter((call) => !call.startsWith("arm"))).toEqual(["hold a@1", "hold b@1"]);
    run.resume().resume();
    expect(opened(run)).toEqual(["open a@1", "open b@1"]);
  });

  it("holds for a task and what is below it, in plans of version 1 too", () => {
    const run = new FoldedRun().plans("-", {
      a: { type: "x" },
      b: { type: "x" },
      c: { type: "x", needs: ["a"] },
    });
    run.plans("b", { x: { type: "x" }, y: { type: "x", needs: ["x"] } });
    run.pause("b").returns("b/x").returns("a");
    expect(run.phase).toBe("running");
    expect(run.states("c", "b/y")).toEqual({ c: "ready", "b/y": "blocked" });
    run.effects.take();
    run.resume("b");
    expect(opened(run)).toEqual(["open b/y@1"]);
  });

  it("nests: a task starts when no pause is left above it", () => {
    const run = planned({ a: { plan: { tasks: { x: { type: "x" }, y: { type: "x", needs: ["x"] } } } } });
    run.pause("a").pause().returns("a/x");
    run.effects.take();
    expect(opened(run.resume())).toEqual([]);
    expect(opened(run.resume("a"))).toEqual(["open a/y@1"]);
    expect(opened(run.resume("a"))).toEqual([]);
  });

  it("has a plan that is returned meanwhile planted, and none of it started", () => {
    const run = planned({ a: { type: "x" } });
    run.pause().plansV2("a", { tasks: { one: { type: "x" }, two: { type: "x", needs: ["one"] } } });
    expect(run.states("a/one", "a/two")).toEqual({ "a/one": "blocked", "a/two": "blocked" });
    run.effects.take();
    expect(opened(run.resume())).toEqual(["open a/one@1"]);
  });

  it("counts what came due meanwhile at its end, in the order of the moments", () => {
    const plan = {
      late: { type: "x", deadline: "2s", optional: true },
      early: { type: "x", deadline: "1s", optional: true },
      retried: { type: "x", retry: { attempts: 2, delay: "500ms" } },
      hasTime: { type: "x", deadline: "1h" },
    };
    const run = planned(plan);
    run.fails("retried", { kind: "retryable" }).pause().wait(5000).due("early", "deadline").due("retried", "backoff");
    expect(run.states("late", "early", "retried")).toEqual({ late: "ready", early: "ready", retried: "backingOff" });
    run.effects.take();
    run.resume();
    expect(run.states("late", "early", "retried", "hasTime")).toEqual({
      late: "failed",
      early: "failed",
      retried: "ready",
      hasTime: "ready",
    });
    const calls = run.effects.take().filter((call) => /^(withdraw|open|arm)/.test(call));
    expect(calls.slice(0, 3)).toEqual(["open retried@2", "withdraw early@1", "withdraw late@1"]);
    expect(calls).toContain("open hasTime@1");
    expect(calls.filter((call) => call.startsWith("arm"))).toEqual([expect.stringMatching(/^arm deadline hasTime /)]);
  });

  it("does not keep the run from its deadline, which counts at its end", () => {
    const run = new FoldedRun({ deadlineMs: 1000 }).plans("-", { a: { type: "x" }, b: { type: "x", needs: ["a"] } });
    run.pause().wait(2000).due("-", "deadline").returns("a");
    expect(run.outcome).toBeUndefined();
    run.resume();
    expect([run.outcome, run.states("b")]).toEqual(["failed", { b: "cancelled" }]);
  });

  it("counts a result at once, before the deadline that passed meanwhile", () => {
    const run = planned({ a: { type: "x", deadline: "1s" } });
    run.pause().wait(2000).returns("a", 1);
    expect(run.outcome).toBe("succeeded");
    expect(run.ends().phase).toBe("succeeded");
  });

  it("is no obstacle to a cancellation", () => {
    const run = planned({ a: { type: "x" }, b: { type: "x", needs: ["a"] } });
    run.pause().cancel("me");
    expect([run.outcome, run.states("a", "b")]).toEqual(["cancelled", { a: "cancelled", b: "cancelled" }]);
  });

  it("keeps expressions that were answered meanwhile, the first answers, for its end", () => {
    const run = planned({ a: { type: "x" }, b: { type: "x", when: "a > 0" } });
    run.returns("a", 1).pause("b").decides("b", true).decides("b", false);
    expect(run.states("b")).toEqual({ b: "deciding" });
    run.resume("b");
    expect(run.states("b")).toEqual({ b: "ready" });
  });

  it("lets a map have no more items at work than its concurrency, also one whose item waits paused", () => {
    const run = planned({ m: { type: "x", each: { in: { $ref: "#" }, concurrency: 2 } } }, {}, [1, 2, 3, 4, 5]);
    run.append("decided", { v: 2, decisions: [{ task: "m", attempt: 1, answers: {}, items: 5 }] });
    run.pause("m/2").pause("m").returns("m/0");
    run.effects.take();
    expect(opened(run.resume("m"))).toEqual(["open m/1@1"]);
    expect(opened(run.returns("m/1"))).toEqual(["open m/3@1"]);
    run.cancel("me", undefined, "m/2");
    expect(run.states("m")).toEqual({ m: "failed" });
  });

  it("holds the reduction of a map by a type back until its end", () => {
    const run = planned({ m: { type: "x", each: { in: { $ref: "#" }, reduce: { type: "combine" } } } }, {}, [1, 2]);
    run.append("decided", { v: 2, decisions: [{ task: "m", attempt: 1, answers: {}, items: 2 }] });
    run.pause().returns("m/0", 1).returns("m/1", 2);
    run.effects.take();
    expect(opened(run.resume())).toEqual([expect.stringMatching(/^open m\/_reduce/)]);
  });

  it("of a run that was redriven is over", () => {
    const run = planned({ a: { type: "x" }, b: { type: "x" } });
    run.pause().fails("a").ends();
    run.effects.take();
    run.redrive("a");
    expect(run.phase).toBe("running");
    expect(opened(run)).toEqual(["open a@2", "open b@2"]);
  });

  it("is a part of what a successor takes over", () => {
    const run = planned({ a: { type: "x", deadline: "1h" }, b: { plan: { tasks: { c: { type: "x" } } } } }).pause("a");
    const again = replay(run.log);
    const asked = [...obligationsOf(again)].map((effect) =>
      "task" in effect ? `${effect.kind} ${effect.task.id}` : "",
    );
    expect(asked).toEqual(["hold a", "open b/c"]);
  });
});

describe("a cancellation of a part", () => {
  it("is a failure of the kind cancelled, which is not tried again", () => {
    const run = planned({
      a: { type: "x", retry: { attempts: 3, on: ["cancelled"] } },
      b: { type: "x", needs: ["a"], join: "settled", input: { $outcome: "a" } },
    });
    run.cancel("me", "enough", "a");
    expect(run.input("b")).toEqual({
      state: "cancelled",
      error: { kind: "cancelled", message: "cancelled by me: enough" },
    });
    expect(run.returns("b", 1).outcome).toBe("succeeded");
  });

  it("ends all below it, and nothing beside it", () => {
    const run = planned({
      a: { optional: true, plan: { tasks: { x: { type: "x" }, y: { type: "x" } } } },
      b: { type: "x" },
    });
    run.cancel(undefined, undefined, "a");
    expect(run.states()).toEqual({
      "-": "expanded",
      a: "cancelled",
      "a/x": "cancelled",
      "a/y": "cancelled",
      b: "ready",
    });
    expect(run.returns("b", 1).outcome).toBe("succeeded");
  });

  it("fails what needs it, and the run, with it as the cause", () => {
    const run = new FoldedRun().plans("-", { a: { type: "x" }, b: { type: "x", needs: ["a"] } });
    run.cancel("me", undefined, "a").ends();
    expect(run.state.end?.body.error).toMatchObject({
      code: 422,
      task: "a",
      message: "task a failed: cancelled by me",
    });
  });

  it("of items that have not begun leaves the others their places", () => {
    const each = { in: { $ref: "#" }, concurrency: 1, join: "settled" };
    const run = planned({ m: { type: "x", each } }, {}, [1, 2, 3]);
    run.append("decided", { v: 2, decisions: [{ task: "m", attempt: 1, answers: {}, items: 3 }] });
    run.effects.take();
    run.cancel(undefined, undefined, "m/2").cancel(undefined, undefined, "m/2");
    expect(opened(run)).toEqual([]);
    expect(opened(run.returns("m/0"))).toEqual(["open m/1@1"]);
    run.returns("m/1");
    expect(run.output("m")).toMatchObject([{ state: "succeeded" }, { state: "succeeded" }, { state: "cancelled" }]);
  });
});
