import { describe, expect, it } from "vitest";
import { obligationsOf } from "../../src/fold/obligations.ts";
import { deadlineOf } from "../../src/fold/plan-node.ts";
import { FoldedRun, START_MS } from "../support/folded-run.ts";

const t = { type: "t" };
const planned = (tasks: object, settings: ConstructorParameters<typeof FoldedRun>[0] = {}) =>
  new FoldedRun(settings).plansV2("-", { tasks } as never);
const armed = (run: FoldedRun) => [...run.effects.armed.keys()];

describe("the deadline of a task", () => {
  it("counts from when its join is met, over all its attempts", () => {
    const run = planned({ a: t, b: { ...t, needs: ["a"], deadline: 1000, retry: { attempts: 9, delay: 10 } } });
    expect(armed(run)).toEqual([]);
    run.wait(5000).returns("a");
    expect(run.effects.armed.get("deadline b")).toBe(run.nowMs + 1000);
    run.fails("b", { kind: "retryable" }).passes("b", "backoff").passes("b", "deadline");
    expect(run.states("b", "-")).toEqual({ b: "failed", "-": "failed" });
    expect(run.task("b").error).toMatchObject({
      name: "timeout",
      message: "it did not end within its deadline of 1000 ms",
    });
    expect(armed(run)).toEqual([]);
  });

  it("holds while its expressions are decided", () => {
    const run = planned({ a: { ...t, when: "true", deadline: 1000 } }).passes("a", "deadline");
    expect(run.states("a")).toEqual({ a: "failed" });
  });

  it("ends a plan with all that is in it", () => {
    const run = planned({ a: { plan: { tasks: { x: t } }, deadline: 1000 } }).passes("a", "deadline");
    expect(run.states("a", "a/x")).toEqual({ a: "failed", "a/x": "cancelled" });
    expect([...run.effects.queued]).toEqual([]);
  });

  it("is not over before the log says so, and means nothing once the task is", () => {
    const run = planned({ a: { ...t, deadline: 1000 }, b: t });
    run.due("a", "deadline");
    expect(run.states("a")).toEqual({ a: "ready" });
    run.returns("a").wait(2000).due("a", "deadline");
    expect(run.states("a", "b")).toEqual({ a: "succeeded", b: "ready" });
  });

  it("does not end the run, whose own is another", () => {
    const run = planned({ a: { ...t, deadline: 1000, optional: true }, b: t }, { deadlineMs: 5000 });
    expect(run.passes("a", "deadline").states("a", "b")).toEqual({ a: "failed", b: "ready" });
    run.passes("-", "deadline");
    expect(run.states("b")).toEqual({ b: "cancelled" });
  });

  it("is carried to a worker as the earliest of those above it", () => {
    const run = planned({ a: { plan: { tasks: { x: { ...t, deadline: 3000 }, y: t } }, deadline: 2000 } });
    const at = run.nowMs;
    expect([deadlineOf(run.task("a/x")), deadlineOf(run.task("a/y"))]).toEqual([at + 2000, at + 2000]);
    expect(deadlineOf(planned({ a: t }).task("a"))).toBeUndefined();
    expect(deadlineOf(planned({ a: { ...t, deadline: 9000 } }, { deadlineMs: 5000 }).task("a"))).toBe(START_MS + 5000);
  });

  it("is what the state asks for until then, and counts again from a redrive", () => {
    const run = planned({ a: { ...t, deadline: 1000 } });
    const owed = () => [...obligationsOf(run.state)].flatMap((one) => (one.kind === "arm" ? [one.what] : []));
    expect(owed()).toEqual(["deadline"]);
    run.passes("a", "deadline").ends();
    expect(owed()).toEqual([]);
    run.redrive("a");
    expect(run.effects.armed.get("deadline a")).toBe(run.nowMs + 1000);
    expect(run.returns("a").outcome).toBe("succeeded");
  });
});
