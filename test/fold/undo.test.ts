import { describe, expect, it } from "vitest";
import { ROOT } from "../../src/core/names.ts";
import { failureOf } from "../../src/fold/view.ts";
import { FoldedRun } from "../support/folded-run.ts";

const t = { type: "t" };
const undone = (more: object = {}) => ({ ...t, compensate: { type: "u" }, ...more });
const planned = (plan: Parameters<FoldedRun["plansV2"]>[1], settings = {}) =>
  new FoldedRun(settings).plansV2(ROOT, plan);
/** Which of what undoes and tidies up is open. */
const open = (run: FoldedRun) => [...run.effects.queued].filter((name) => name.includes("_"));

describe("an undo", () => {
  it("comes for all that may have done something, latest first, before the run ends", () => {
    const run = planned({ tasks: { a: undone(), b: undone({ needs: ["a"] }), c: { ...t, needs: ["b"] }, d: t } });
    run.returns("a", 1).returns("b", 2).fails("c", { message: "no" });
    expect(run.phase).toBe("unwinding");
    expect(run.states()).toEqual({
      [ROOT]: "recovering",
      a: "succeeded",
      b: "undoing",
      c: "failed",
      d: "cancelled",
      "b/_undo": "ready",
    });
    expect(open(run)).toEqual(["b/_undo@1"]);
    run.returns("b/_undo");
    expect(open(run)).toEqual(["a/_undo@1"]);
    run.returns("a/_undo");
    expect(run.states(ROOT, "a", "b")).toEqual({ [ROOT]: "failed", a: "compensated", b: "compensated" });
    expect(run.outcome).toBe("failed");
    expect(run.task(ROOT)).toMatchObject({ failedAt: "c", error: { message: "no" } });
    expect(run.totals).toMatchObject({ tasks: 7, compensated: 2, failed: 2, cancelled: 1, succeeded: 2 });
    expect(failureOf(run.state)).toMatchObject({ task: "c", took: ["d"], undone: ["a", "b"] });
  });

  it("is for attempts that are not known to have failed, whatever became of them", () => {
    const run = planned({
      tasks: {
        failed: undone({ optional: true }),
        aborted: undone(),
        poison: undone({ optional: true }),
        late: undone({ deadline: "1s", optional: true }),
        waiting: undone({ needs: ["aborted"] }),
        tried: undone({ retry: { attempts: 2 } }),
        last: t,
      },
    });
    run.fails("failed").fails("tried", { kind: "retryable" });
    run.fails("poison", { kind: "poison" }).returns("poison/_undo");
    run.passes("late", "deadline").returns("late/_undo");
    expect(run.states("poison", "late")).toEqual({ poison: "failed", late: "failed" });
    run.fails("last");
    expect(open(run)).toEqual(["aborted/_undo@1"]);
    run.returns("aborted/_undo");
    expect(run.outcome).toBe("failed");
  });

  it("is given what there is: an output that never came is its default, or null", () => {
    const input = { own: { $ref: "a#/id" }, b: { $ref: "b" }, c: { $ref: "c", default: 3 }, n: { $ref: "#/n" } };
    const run = planned(
      { tasks: { a: { ...t, compensate: { type: "u", input } }, b: t, c: t }, output: "a", join: "settled" },
      { input: { n: 7 } },
    );
    run.returns("a", { id: "x" }).returns("c", 4).cancel();
    expect(run.input("a/_undo")).toEqual({ own: "x", b: null, c: 4, n: 7 });
  });

  it("undoes the smallest subtree whose failure is taken, before what takes it starts", () => {
    const inner = { tasks: { x: undone(), y: { ...t, needs: ["x"] } } };
    const run = planned({
      tasks: {
        a: undone(),
        b: { plan: inner, fallback: { type: "f" } },
        c: { plan: inner },
        d: { ...t, needs: ["c"], join: "settled" },
      },
    });
    run.returns("a").returns("b/x").returns("c/x");
    run.fails("b/y");
    expect(run.states("a", "b", "b/x", "c/x")).toEqual({
      a: "succeeded",
      b: "recovering",
      "b/x": "undoing",
      "c/x": "succeeded",
    });
    run.returns("b/x/_undo");
    expect(run.states("b")).toEqual({ b: "ready" });
    run.fails("c/y");
    expect(run.states("c", "d")).toEqual({ c: "recovering", d: "blocked" });
    run.returns("c/x/_undo");
    expect(run.states("c", "d", "a")).toEqual({ c: "failed", d: "ready", a: "succeeded" });
    run.returns("b").returns("d");
    expect(run.outcome).toBe("succeeded");
    expect(run.totals).toMatchObject({ compensated: 2 });
  });

  it("goes through plans inside, by when things were opened", () => {
    const inner = { tasks: { x: undone(), y: undone({ needs: ["x"] }) } };
    const run = planned({ tasks: { a: undone(), b: { plan: inner, needs: ["a"] }, c: { ...t, needs: ["b"] } } });
    run.returns("a").returns("b/x").returns("b/y").fails("c");
    for (const task of ["b/y", "b/x", "a"]) {
      expect(open(run)).toEqual([`${task}/_undo@1`]);
      run.returns(`${task}/_undo`);
    }
    expect(run.outcome).toBe("failed");
  });

  it("that fails is listed, and the others go on", () => {
    const run = planned({ tasks: { a: undone(), b: undone({ needs: ["a"] }), c: { ...t, needs: ["b"] } } });
    run.returns("a").returns("b").fails("c", { message: "no" }).fails("b/_undo", { message: "cannot" });
    expect(run.states("b")).toEqual({ b: "uncompensated" });
    run.returns("a/_undo");
    expect(run.outcome).toBe("failed");
    expect(run.task(ROOT).error?.message).toBe("no");
    expect(run.totals).toMatchObject({ compensated: 1, uncompensated: 1 });
    expect(failureOf(run.state)).toMatchObject({ undone: ["a"], notUndone: [{ task: "b", message: "cannot" }] });
  });

  it("has attempts like any task, and none of a run's deadline", () => {
    const run = planned({ tasks: { a: undone(), b: { ...t, needs: ["a"] } } }, { deadlineMs: 5000 });
    run.returns("a").passes(ROOT, "deadline");
    expect(run.phase).toBe("unwinding");
    run.fails("a/_undo", { kind: "retryable" }).wait(10_000).passes("a/_undo", "backoff").returns("a/_undo");
    expect(run.outcome).toBe("failed");
    expect(run.state.expired).toBe(true);
  });

  it("comes for a run that is cancelled, and ends with a second one that is forced", () => {
    const run = planned({ tasks: { a: undone(), b: undone({ needs: ["a"] }), c: { ...t, needs: ["b"] } } });
    run.returns("a").returns("b").cancel("me");
    expect(run.states(ROOT, "c", "b")).toEqual({ [ROOT]: "recovering", c: "cancelled", b: "undoing" });
    run.cancel();
    expect(run.phase).toBe("unwinding");
    run.append("cancel", { v: 2, force: true });
    expect(run.states(ROOT, "a", "b", "b/_undo")).toEqual({
      [ROOT]: "cancelled",
      a: "uncompensated",
      b: "uncompensated",
      "b/_undo": "cancelled",
    });
    expect(run.outcome).toBe("cancelled");
    expect(run.effects.queued.size).toBe(0);
  });

  it("has a run that cannot be redriven", () => {
    const run = planned({ tasks: { a: undone(), b: { ...t, needs: ["a"] } } });
    run.returns("a").fails("b").returns("a/_undo").ends().redrive("b");
    expect(run.phase).toBe("failed");
  });

  it("is that of each item of a map, and is given the item", () => {
    const map = { ...undone({ compensate: { type: "u", input: { $item: "/n" } } }), each: { in: [] } };
    const run = planned({ tasks: { map, last: { ...t, needs: ["map"] } } });
    run.append("decided", { v: 2, decisions: [{ task: "map", attempt: 1, answers: {}, items: 2 }] });
    run.returns("map/0").returns("map/1").fails("last");
    expect(open(run)).toEqual(["map/1/_undo@1"]);
    run.returns("map/1/_undo");
    expect(open(run)).toEqual(["map/0/_undo@1"]);
    run.returns("map/0/_undo");
    expect(run.outcome).toBe("failed");
  });

  it("goes on where the plan around it ends meanwhile", () => {
    const inner = { tasks: { x: undone(), y: { ...t, needs: ["x"] } } };
    const run = planned({ tasks: { a: { plan: inner, optional: true }, b: t }, join: "any" });
    run.returns("a/x").fails("a/y");
    expect(run.states("a")).toEqual({ a: "recovering" });
    run.returns("b");
    expect(run.states(ROOT, "a")).toEqual({ [ROOT]: "tidying", a: "abandoned" });
    run.returns("a/x/_undo");
    expect(run.outcome).toBe("succeeded");
    expect(run.states("a/x")).toEqual({ "a/x": "compensated" });
  });

  it("may be a plan, which undoes its own where it fails", () => {
    const run = planned({ tasks: { a: undone(), b: { ...t, needs: ["a"] } } })
      .returns("a")
      .fails("b");
    run.plansV2("a/_undo", { tasks: { p: undone(), q: { ...t, needs: ["p"] } } });
    run.returns("a/_undo/p").fails("a/_undo/q").returns("a/_undo/p/_undo");
    expect(run.states("a", "a/_undo", "a/_undo/p")).toEqual({
      a: "uncompensated",
      "a/_undo": "failed",
      "a/_undo/p": "compensated",
    });
    expect(run.outcome).toBe("failed");
  });
});

describe("what a plan runs at its end", () => {
  const plan = { tasks: { a: undone(), b: { ...t, needs: ["a"] } }, finally: { type: "tidy", input: { $ref: "b" } } };

  it("comes after success, before the plan's task has succeeded", () => {
    const run = planned(plan).returns("a").returns("b", 2);
    expect(run.states(ROOT, "_finally")).toEqual({ [ROOT]: "tidying", _finally: "ready" });
    expect(run.input("_finally")).toBe(2);
    run.returns("_finally", "ignored");
    expect(run.outcome).toBe("succeeded");
    expect(run.output()).toEqual({ a: null, b: 2 });
  });

  it("comes after the undo, and does not take the failure away", () => {
    const run = planned(plan).returns("a").fails("b", { message: "no" });
    expect(open(run)).toEqual(["a/_undo@1"]);
    run.returns("a/_undo");
    expect(open(run)).toEqual(["_finally@1"]);
    expect(run.input("_finally")).toBe(null);
    run.returns("_finally");
    expect(run.outcome).toBe("failed");
    expect(run.task(ROOT).error?.message).toBe("no");
  });

  it("fails a plan that had succeeded, which is then undone, and leaves an earlier failure as it is", () => {
    const run = planned(plan).returns("a").returns("b").fails("_finally", { message: "dirty" });
    expect(open(run)).toEqual(["a/_undo@1"]);
    run.returns("a/_undo");
    expect(run.task(ROOT)).toMatchObject({ failedAt: "_finally", error: { message: "dirty" } });
    const other = planned(plan).fails("a", { message: "no" }).fails("_finally", { message: "dirty" });
    expect(other.outcome).toBe("failed");
    expect(other.task(ROOT).error?.message).toBe("no");
    expect(failureOf(other.state)).toMatchObject({ task: "a", notTidied: [{ task: ROOT, message: "dirty" }] });
  });

  it("comes for a run that is cancelled, has no time left, or has nothing in its plan", () => {
    const cancelled = planned(plan).cancel().returns("a/_undo").returns("_finally");
    expect(cancelled.outcome).toBe("cancelled");
    const late = planned(plan, { deadlineMs: 1000 }).passes(ROOT, "deadline").returns("a/_undo").returns("_finally");
    expect(late.outcome).toBe("failed");
    const empty = planned({ tasks: {}, finally: { type: "tidy" } });
    expect(empty.states()).toEqual({ [ROOT]: "tidying", _finally: "ready" });
    expect(empty.returns("_finally").outcome).toBe("succeeded");
  });

  it("comes for plans that are abandoned, skipped as a whole, or stopped by a plan around them, inner ones first", () => {
    const inner = { tasks: { x: t }, finally: { type: "tidy" } };
    const run = planned({
      tasks: { a: t, b: { plan: inner }, c: { ...t, needs: ["a", "b"], join: "any" } },
      finally: { type: "tidy" },
    });
    run.returns("a");
    expect(run.states("b", "b/_finally", "c")).toEqual({ b: "recovering", "b/_finally": "ready", c: "ready" });
    run.returns("c");
    expect(run.states(ROOT, "b")).toEqual({ [ROOT]: "tidying", b: "abandoned" });
    expect(open(run)).toEqual(["b/_finally@1"]);
    run.returns("b/_finally");
    expect(open(run)).toEqual(["_finally@1"]);
    expect(run.returns("_finally").outcome).toBe("succeeded");
    const skipped = planned({
      tasks: { b: { plan: { tasks: { x: { ...t, when: "false" } }, finally: { type: "tidy" }, join: "any" } } },
    });
    skipped.decides("b/x", false).returns("b/_finally");
    expect(skipped.states("b")).toEqual({ b: "skipped" });
  });

  it("comes again after a redrive of a run of which nothing was undone", () => {
    const run = planned({ tasks: { a: t }, finally: { type: "tidy" } })
      .fails("a")
      .returns("_finally")
      .ends();
    run.redrive("a").returns("a");
    expect(open(run)).toEqual(["_finally@2"]);
    expect(run.returns("_finally").outcome).toBe("succeeded");
  });
});
