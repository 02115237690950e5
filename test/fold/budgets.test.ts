import { describe, expect, it } from "vitest";
import type { Json } from "../../src/core/json.ts";
import { summarize, viewTask } from "../../src/fold/view.ts";
import { FoldedRun, replay } from "../support/folded-run.ts";

const planned = (tasks: object, more: object = {}, input: Json = {}) =>
  new FoldedRun({ type: "plan", input: { plan: { v: 2, tasks, ...more }, input } as unknown as Json });
const used = (run: FoldedRun, task: string, usage: object, output: Json = null) =>
  run.results({ task, attempt: 1, output, usage: { calls: 1, inputTokens: 0, outputTokens: 0, ...usage } });

describe("usage", () => {
  it("is added up along the tree, of runs without a budget too, and once for each attempt", () => {
    const run = new FoldedRun().plans("-", { a: { type: "x" }, b: { type: "x" } });
    run.plans("a", { c: { type: "x" } });
    used(run, "a/c", { inputTokens: 10, outputTokens: 5, cost: 0.5 });
    used(run, "a/c", { inputTokens: 10 });
    used(run, "b", { inputTokens: 1, reasoningTokens: 1, models: { m: {} }, inTrouble: "yes", refund: -5 });
    expect(viewTask(run.task("a")).usage).toEqual({ calls: 1, inputTokens: 10, outputTokens: 5, cost: 0.5 });
    const all = { calls: 2, inputTokens: 11, outputTokens: 5, cost: 0.5, reasoningTokens: 1 };
    expect(summarize(run.state, "").usage).toEqual(all);
    expect(summarize(replay(run.log), "").usage).toEqual(all);
  });
});

describe("a budget", () => {
  it("lets nothing start below its task once its tokens are used, and what is at work end", () => {
    const plan = { tasks: { a: { type: "x" }, b: { type: "x" }, c: { type: "x", needs: ["a"] } }, join: "settled" };
    const run = planned({ p: { plan, budget: { tokens: 100 } }, q: { type: "x", needs: ["p"], join: "settled" } });
    used(run, "p/a", { inputTokens: 80, outputTokens: 20 });
    expect(run.states("p/b", "p/c")).toEqual({ "p/b": "ready", "p/c": "failed" });
    expect(viewTask(run.task("p/c")).error).toEqual({
      kind: "terminal",
      name: "budget",
      message: "the budget of task p allows 100 tokens: 100 tokens were used",
    });
    used(run, "p/b", { inputTokens: 30 });
    expect(viewTask(run.task("p")).budget).toEqual([{ what: "tokens", limit: 100, used: 130 }]);
    expect(run.states("p", "q")).toEqual({ p: "succeeded", q: "ready" });
  });

  it("counts cost, and the tokens of workers that do not tell them apart", () => {
    const run = planned({
      a: { plan: { tasks: { x: { type: "x" }, y: { type: "x", needs: ["x"] } } }, budget: { cost: 1.5 } },
      b: { plan: { tasks: { x: { type: "x" }, y: { type: "x", needs: ["x"] } } }, budget: { tokens: 5 } },
    });
    used(run, "a/x", { cost: 1.25 });
    run.results({ task: "b/x", attempt: 1, output: 1, usage: { tokens: 5 } });
    expect(run.states("a/y", "b/y")).toEqual({ "a/y": "cancelled", "b/y": "failed" });
  });

  it("does not pay for another attempt either", () => {
    const a = { type: "x", retry: { attempts: 3, delay: 1 }, budget: { tokens: 10 } };
    const run = planned({ a, b: { type: "x" } });
    const error = { kind: "retryable", message: "not now" };
    run.results({ task: "a", attempt: 1, error, usage: { inputTokens: 10 } });
    expect(run.states("a")).toEqual({ a: "backingOff" });
    run.passes("a", "backoff");
    expect(run.states("a")).toEqual({ a: "failed" });
    expect(run.task("a").error).toMatchObject({ name: "budget" });
  });

  it("counts the tasks that plans below ask for, and refuses a plan as a whole", () => {
    const run = planned({ p: { type: "x", budget: { tasks: 3 } } }, { join: "settled" });
    run.plansV2("p", { tasks: { a: { type: "x" }, b: { type: "x" } } });
    run.plansV2("p/a", { tasks: { c: { type: "x" }, d: { type: "x" } } });
    expect(run.task("p/a").error?.message).toBe(
      "the budget of task p allows 3 tasks: 2 tasks were used, and 2 more were asked for",
    );
    expect(viewTask(run.task("p")).budget).toEqual([{ what: "tasks", limit: 3, used: 2 }]);
  });

  it("is a map's for all of its items", () => {
    const each = { in: { $ref: "#" }, concurrency: 1, join: "settled" };
    const run = planned({ m: { type: "x", each, budget: { tokens: 20, tasks: 5 } } }, {}, [1, 2, 3]);
    run.append("decided", { v: 2, decisions: [{ task: "m", attempt: 1, answers: {}, items: 3 }] });
    used(run, "m/0", { outputTokens: 25 });
    expect(run.output("m")).toMatchObject([
      { state: "succeeded" },
      { state: "failed", error: { name: "budget" } },
      { state: "failed", error: { name: "budget" } },
    ]);
  });

  it("bounds the tasks that reduce a map, too", () => {
    const each = { in: { $ref: "#" }, reduce: { type: "combine" } };
    const run = planned({ m: { type: "x", each, budget: { tokens: 20 } } }, {}, [1, 2]);
    run.append("decided", { v: 2, decisions: [{ task: "m", attempt: 1, answers: {}, items: 2 }] });
    used(run, "m/0", { outputTokens: 15 });
    used(run, "m/1", { outputTokens: 15 });
    expect(run.states("m")).toEqual({ m: "failed" });
    expect(run.task("m").error).toMatchObject({ name: "budget" });
  });

  it("is not refilled by a redrive", () => {
    const run = planned({
      p: { plan: { tasks: { a: { type: "x" }, b: { type: "x", needs: ["a"] } } }, budget: { tokens: 5 } },
    });
    used(run, "p/a", { outputTokens: 5 });
    run.ends().redrive("p/b");
    expect(run.ends().state.end?.body.error).toMatchObject({ code: 422, task: "p/b", name: "budget" });
  });

  it("does not keep from undoing, nor from tidying up", () => {
    const run = planned(
      { a: { type: "x", compensate: { type: "undo" }, budget: { tokens: 5 } }, b: { type: "x", needs: ["a"] } },
      { finally: { type: "tidy" } },
    );
    used(run, "a", { outputTokens: 9 });
    run.fails("b");
    expect(run.states("a/_undo")).toEqual({ "a/_undo": "ready" });
  });
});
