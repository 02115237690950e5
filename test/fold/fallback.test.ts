import { describe, expect, it } from "vitest";
import { ROOT } from "../../src/core/names.ts";
import { FoldedRun } from "../support/folded-run.ts";

const t = { type: "t" };
const planned = (plan: Parameters<FoldedRun["plansV2"]>[1], settings = {}) =>
  new FoldedRun(settings).plansV2(ROOT, plan);
const retry = { attempts: 2 };

describe("a fallback", () => {
  it("takes a failure once retries have not, by attempts of its type that go on counting", () => {
    const run = planned({ tasks: { a: { ...t, retry, fallback: { type: "f", input: { why: "a" } } } } });
    run.fails("a", { kind: "retryable" }).passes("a", "backoff");
    run.effects.take();
    run.fails("a", { kind: "retryable" });
    expect(run.effects.take()).toEqual(["close a@2", "open a@3"]);
    expect(run.task("a").spec).toEqual({ type: "f", input: { why: "a" } });
    expect(run.input("a")).toEqual({ why: "a" });
    // What the attempts before come to counts no more.
    run.returns("a", "late", 2).returns("a", "instead");
    expect(run.outcome).toBe("succeeded");
    expect(run.output()).toEqual({ a: "instead" });
  });

  it("has the attempts of its own type, and the failure after them is the task's", () => {
    const run = planned({ tasks: { a: { ...t, retry: { attempts: 1 }, fallback: { type: "f" } } } });
    run.fails("a", { message: "first" });
    run.fails("a", { kind: "retryable", policy: { retry: { attempts: 2 } } }).passes("a", "backoff");
    expect(run.states("a")).toEqual({ a: "ready" });
    run.fails("a", { kind: "retryable", policy: { retry: { attempts: 2 } }, message: "second" });
    expect(run.outcome).toBe("failed");
    expect(run.task("a").error?.message).toBe("second");
  });

  it("of a value needs no attempt, and refers to what there is: what never came is its default, or null", () => {
    const value = { b: { $ref: "b" }, c: { $ref: "c", default: 0 }, n: { $ref: "#/n" }, o: { $outcome: "b" } };
    const tasks = { a: { ...t, fallback: { value } }, b: t, c: t };
    const run = planned({ tasks, output: "a", join: "any" }, { input: { n: 7 } });
    run.effects.take();
    run.returns("b", 1).fails("a");
    expect(run.effects.take()).toEqual(["close b@1", "close a@1", "conclude", "withdraw c@1"]);
    expect(run.output()).toEqual({ b: 1, c: 0, n: 7, o: { state: "succeeded", output: 1 } });
    const other = planned({
      tasks: { a: { ...t, fallback: { value: [{ $ref: "b" }] } }, b: t },
      output: "a",
      join: "any",
    });
    expect(other.fails("a").output()).toEqual([null]);
  });

  it("of a value may be made of what a plan was given that is over since", () => {
    const x = { ...t, fallback: { value: { $ref: "#/n" } } };
    const inner = { plan: { tasks: { x }, output: "x" }, input: { n: { $ref: "a" } } };
    const run = planned({ tasks: { a: t, inner, after: { ...t, input: { $ref: "inner" } } }, output: "after" });
    run.returns("a", 5).fails("inner/x");
    expect(run.input("after")).toBe(5);
  });

  it("makes no edges", () => {
    const run = planned({
      tasks: { a: { ...t, fallback: { type: "f", input: { $ref: "b" } } }, b: { ...t, needs: ["a"] } },
    });
    run.fails("a");
    expect(run.states("a", "b")).toEqual({ a: "ready", b: "blocked" });
    expect(run.input("a")).toBe(null);
  });

  it("has its expressions decided in the log, and fails by one that fails", () => {
    const plan = { tasks: { a: { ...t, fallback: { value: { $expr: "b + 1" } } }, b: t }, output: "a" } as const;
    const run = planned(plan).returns("b", 1).fails("a");
    expect(run.states("a")).toEqual({ a: "deciding" });
    run.decides("a", 2);
    expect(run.output()).toEqual(2);
    const broken = planned(plan).fails("a").decides("a", new Error("no b"));
    expect(broken.outcome).toBe("failed");
    expect(broken.task("a").error?.message).toBe("no b");
  });

  it("takes a broken join, a refused plan, a failed plan, an expression that fails, and the end of a join's time", () => {
    const fallback = { value: 1 };
    const run = planned({
      tasks: {
        x: { ...t, optional: true },
        join: { ...t, needs: ["x"], join: "any", fallback },
        plan: { plan: { tasks: { y: t } }, fallback },
        when: { ...t, when: "input.n > 1", fallback },
        slow: { ...t, needs: ["never"], join: { all: true, within: "1s" }, fallback },
        never: t,
      },
    });
    run.fails("x").fails("plan/y").decides("when", new Error("no n")).passes("slow", "within");
    expect(run.states("join", "plan", "when", "slow")).toEqual({
      join: "succeeded",
      plan: "succeeded",
      when: "succeeded",
      slow: "succeeded",
    });
  });

  it("never takes a cancellation or a skip", () => {
    const fallback = { value: 1 };
    const run = planned({ tasks: { a: { ...t, fallback }, b: { ...t, when: "false", fallback }, c: t } });
    run.decides("b", false).fails("a", { kind: "cancelled" });
    expect(run.states("a", "b")).toEqual({ a: "cancelled", b: "skipped" });
    expect(
      planned({ tasks: { a: { ...t, fallback } } })
        .cancel()
        .states("a"),
    ).toEqual({ a: "cancelled" });
  });

  it("keeps to the deadline of its task: past it only a value takes the failure", () => {
    const run = planned({
      tasks: {
        type: { ...t, deadline: "1s", fallback: { type: "f" } },
        late: { ...t, deadline: "1s", fallback: { type: "f" } },
        value: { ...t, deadline: "1s", fallback: { value: 1 } },
      },
      join: "settled",
    });
    run.fails("type").passes("type", "deadline").passes("late", "deadline").passes("value", "deadline");
    expect(run.states("type", "late", "value")).toEqual({ type: "failed", late: "failed", value: "succeeded" });
  });

  it("is that of each item of a map", () => {
    const map = { ...t, each: { in: [1, 2, 3], reduce: "sum" as const }, fallback: { value: { $item: "" } } };
    const run = planned({ tasks: { map }, output: "map" });
    run.append("decided", { v: 2, decisions: [{ task: "map", attempt: 1, answers: {}, items: 3 }] });
    run.returns("map/0", 10).fails("map/1").returns("map/2", 30);
    expect(run.output()).toBe(42);
  });

  it("may return a plan with a fallback in it, in place of a plan whose tasks had the same keys", () => {
    const run = planned({ tasks: { a: { plan: { tasks: { x: t, y: t } }, fallback: { type: "f" } } }, output: "a" });
    run.fails("a/x");
    expect(run.states("a", "a/x", "a/y")).toEqual({ a: "ready", "a/x": "failed", "a/y": "cancelled" });
    run.plansV2("a", { tasks: { x: { ...t, fallback: { type: "f" } } } });
    expect(run.totals).toMatchObject({ failed: 0, cancelled: 1 });
    // Their attempts go on counting.
    run.returns("a/x", "late", 1);
    expect(run.states("a/x")).toEqual({ "a/x": "ready" });
    run.fails("a/x").returns("a/x", "found");
    expect(run.output()).toEqual({ x: "found" });
    expect(run.task("a/x").snapshot.context.attempt).toBe(3);
  });

  it("may be a plan that is sent", () => {
    const inner = { v: 2, tasks: { x: { type: "t", input: { $ref: "#" } } }, output: "x" };
    const run = planned({ tasks: { a: { ...t, fallback: { type: "plan", input: { plan: inner, input: 5 } } } } });
    run.fails("a");
    expect(run.states("a", "a/x")).toEqual({ a: "expanded", "a/x": "ready" });
    expect(run.input("a/x")).toBe(5);
  });

  it("is tried again where a redrive reopens its task", () => {
    const run = planned({ tasks: { a: { ...t, fallback: { type: "f" } }, b: { ...t, fallback: { value: 1 } } } });
    run.fails("a").fails("a").ends().redrive("a");
    expect(run.states("a")).toEqual({ a: "ready" });
    expect(run.returns("a", 1).fails("b").output()).toEqual({ a: 1, b: 1 });
  });
});
