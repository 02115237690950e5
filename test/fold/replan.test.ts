import { describe, expect, it } from "vitest";
import type { Json } from "../../src/core/json.ts";
import { ROOT } from "../../src/core/names.ts";
import { failureOf } from "../../src/fold/view.ts";
import { FoldedRun } from "../support/folded-run.ts";

const t = { type: "t" };
const inner = { tasks: { x: t, y: { ...t, needs: ["x"] }, side: t } };
const planned = (more: object = {}, plan: object = inner) =>
  new FoldedRun().plansV2(ROOT, { tasks: { a: { plan: plan as typeof inner, replan: "r", ...more } }, output: "a" });
const changes = (run: FoldedRun, change: Json, task = "a") => {
  run.returns(`${task}/_replan`, change);
  return run.append("replan", {
    v: 2,
    task,
    attempt: run.task(`${task}/_replan`).snapshot.context.attempt,
    change,
  });
};

describe("a plan that breaks, and may be changed", () => {
  it("asks for a change, while what is at work goes on and nothing new starts", () => {
    const run = planned().fails("a/x", { message: "no way" });
    expect(run.states("a", "a/x", "a/y", "a/side", "a/_replan")).toEqual({
      a: "replanning",
      "a/x": "failed",
      "a/y": "failed",
      "a/side": "ready",
      "a/_replan": "ready",
    });
    run.returns("a/side", 1);
    expect(run.input("a/_replan")).toMatchObject({
      plan: { tasks: { x: t } },
      failed: { task: "a/x", message: "no way" },
      tasks: { x: { state: "failed" }, side: { state: "succeeded", output: 1 } },
    });
  });

  it("goes on with the change once that was read back: attempts of what is replaced go on counting", () => {
    const run = planned().fails("a/x").returns("a/side", 1);
    run.effects.take();
    changes(run, { tasks: { x: { type: "other", input: { side: { $ref: "side" } } } } });
    expect(run.states("a", "a/x", "a/y")).toEqual({ a: "expanded", "a/x": "ready", "a/y": "blocked" });
    expect(run.task("a/x").snapshot.context.attempt).toBe(2);
    expect(run.input("a/x")).toEqual({ side: 1 });
    run.returns("a/x", "late", 1).returns("a/x", 2).returns("a/y", 3);
    expect(run.outcome).toBe("succeeded");
    expect(run.output()).toEqual({ x: 2, y: 3, side: 1 });
  });

  it("may have tasks placed and removed, and another output", () => {
    const run = planned().fails("a/x").returns("a/side", 1);
    changes(run, { tasks: { x: null, y: null, z: t }, output: { z: { $ref: "z" }, side: { $ref: "side" } } });
    expect(run.states("a/z")).toEqual({ "a/z": "ready" });
    expect(run.returns("a/z", 5).output()).toEqual({ z: 5, side: 1 });
  });

  it.each<[what: string, change: Json, message: string]>([
    ["what is no change", 5, "expected an object with tasks, output, join"],
    ["an unknown field", { task: {} }, "did you mean tasks?"],
    ["a task that is at work", { tasks: { side: t } }, "expected a task that is neither at work nor has succeeded"],
    ["a reference to nothing", { tasks: { x: { type: "t", needs: ["nobody"] } } }, "/tasks/x/needs/0"],
  ])("refuses %s, which counts, and asks again as long as it may", (_, change, message) => {
    const run = planned({ replan: { type: "r", times: 2 } }).fails("a/x", { message: "no way" });
    changes(run, change);
    expect(run.states("a", "a/_replan")).toEqual({ a: "replanning", "a/_replan": "ready" });
    expect((run.input("a/_replan") as { refused: string }).refused).toContain(message);
    expect(run.task("a/_replan").snapshot.context.attempt).toBe(2);
    changes(run, change);
    expect(run.states("a", "a/side")).toEqual({ a: "failed", "a/side": "cancelled" });
    expect(run.task(ROOT)).toMatchObject({ failedAt: "a/x", error: { message: "no way" } });
  });

  it("fails as it would have, where the asking fails, or the plan breaks once more", () => {
    const asked = planned().fails("a/x", { message: "no way" }).fails("a/_replan", { message: "no idea" });
    expect(asked.task(ROOT)).toMatchObject({ failedAt: "a/x", error: { message: "no way" } });
    const again = planned().fails("a/x");
    changes(again, { tasks: { x: t } });
    again.fails("a/x", { message: "again" });
    expect(again.task(ROOT)).toMatchObject({ failedAt: "a/x", error: { message: "again" } });
    const useless = planned().fails("a/x", { message: "no way" });
    changes(useless, {});
    expect(useless.task(ROOT)).toMatchObject({ failedAt: "a/x", error: { message: "no way" } });
  });

  it("may break and be changed again, in a plan that is changed itself", () => {
    const run = planned({ replan: { type: "r", times: 3 } }, { tasks: { x: { plan: inner, replan: "r" } } });
    run.fails("a/x/x");
    expect(run.states("a", "a/x")).toEqual({ a: "expanded", "a/x": "replanning" });
    changes(run, { tasks: { x: t } }, "a/x");
    run.fails("a/x/x");
    expect(run.states("a", "a/x")).toEqual({ a: "replanning", "a/x": "failed" });
    changes(run, { tasks: { x: { plan: inner, replan: "r" } } });
    run.fails("a/x/x");
    expect(run.states("a", "a/x")).toEqual({ a: "expanded", "a/x": "replanning" });
    changes(run, { tasks: { x: null, y: null } }, "a/x");
    expect(run.returns("a/x/side", 1).output()).toEqual({ x: { side: 1 } });
  });

  it("is undone, and falls back, only once no change has helped", () => {
    const run = planned(
      { fallback: { value: 1 } },
      { tasks: { u: { ...t, compensate: t }, x: { ...t, needs: ["u"] } } },
    );
    run.returns("a/u").fails("a/x");
    expect(run.states("a", "a/u")).toEqual({ a: "replanning", "a/u": "succeeded" });
    changes(run, {});
    expect(run.states("a", "a/u")).toEqual({ a: "recovering", "a/u": "undoing" });
    expect(run.returns("a/u/_undo").output()).toBe(1);
  });

  it("has its asking held by a pause, whatever that has come to, and goes on when it is resumed", () => {
    const opened = (run: FoldedRun) => run.effects.take().filter((call) => /^(open|hold) /.test(call));
    const queued = planned().fails("a/x");
    queued.effects.take();
    expect(opened(queued.pause("a"))).toEqual(["hold a/side@1", "hold a/_replan@1"]);
    expect(opened(queued.resume("a"))).toEqual(["open a/side@1", "open a/_replan@1"]);
    const waiting = planned().fails("a/x").fails("a/_replan", { kind: "retryable" }).pause();
    waiting.passes("a/_replan", "backoff");
    expect(waiting.states("a/_replan")).toEqual({ "a/_replan": "backingOff" });
    expect(waiting.resume().states("a/_replan")).toEqual({ "a/_replan": "ready" });
    const broken = planned().pause().fails("a/x");
    expect(broken.states("a", "a/_replan")).toEqual({ a: "replanning", "a/_replan": "blocked" });
    broken.effects.take();
    expect(opened(broken.resume())).toEqual(["open a/side@1", "open a/_replan@1"]);
    changes(broken, { tasks: { x: null, y: null } });
    expect(broken.returns("a/side", 1).output()).toEqual({ side: 1 });
  });

  it("whose task is cancelled meanwhile, has failed by that and by no task below", () => {
    const run = planned().fails("a/x").cancel("me", undefined, "a");
    expect(run.task("a")).toMatchObject({ failedAt: undefined, error: { kind: "cancelled" } });
    expect(run.task(ROOT)).toMatchObject({ failedAt: "a", error: { kind: "cancelled", message: "cancelled by me" } });
    expect(failureOf(run.state)).toMatchObject({ task: "a", took: ["a/side"] });
  });

  it("may be marked meanwhile: nothing more is asked for", () => {
    const run = planned().fails("a/x").mark("a", { output: "told" });
    expect(run.states("a", "a/side", "a/_replan")).toEqual({
      a: "succeeded",
      "a/side": "abandoned",
      "a/_replan": "cancelled",
    });
    expect(run.outcome).toBe("succeeded");
    expect(run.output()).toBe("told");
  });

  it("is stopped with what it has asked for", () => {
    const run = planned().fails("a/x").cancel();
    expect(run.states("a", "a/_replan")).toEqual({ a: "cancelled", "a/_replan": "cancelled" });
    expect(run.effects.queued.size).toBe(0);
    expect(run.outcome).toBe("cancelled");
  });
});
