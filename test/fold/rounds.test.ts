import { describe, expect, it } from "vitest";
import { obligationsOf } from "../../src/fold/obligations.ts";
import { FoldedRun } from "../support/folded-run.ts";

const until = "poll.done";
const planned = (poll: object, others: object = {}) =>
  new FoldedRun().plansV2("-", { tasks: { poll: { type: "t", ...poll }, ...others } } as never);
/** What is decided of a round. */
const decides = (run: FoldedRun, round: number, answer: unknown) =>
  run.append("decided", { v: 2, decisions: [{ task: "poll", attempt: 1, round, answers: { [until]: answer } }] });

describe("a repetition", () => {
  it("executes its task until the expression is true, and gives the last output", () => {
    const run = planned(
      { repeat: { until, times: 5, every: "10s" } },
      { after: { type: "t", input: { $ref: "poll" } } },
    );
    expect(run.states("poll", "poll/0", "after")).toEqual({ poll: "expanded", "poll/0": "ready", after: "blocked" });
    run.returns("poll/0", { done: false });
    expect(run.states("poll")).toEqual({ poll: "checking" });
    decides(run, 0, false);
    expect(run.states("poll")).toEqual({ poll: "resting" });
    expect(run.effects.armed.get("backoff poll")).toBe(run.nowMs + 10_000);
    run.passes("poll", "backoff");
    // The round before is forgotten.
    expect(run.states()).toEqual({ "-": "expanded", poll: "expanded", after: "blocked", "poll/1": "ready" });
    run.returns("poll/1", { done: true });
    decides(run, 1, true);
    expect(run.states("poll", "after")).toEqual({ poll: "succeeded", after: "ready" });
    expect(run.input("after")).toEqual({ done: true });
    expect(run.totals).toMatchObject({ tasks: 4, succeeded: 2 });
  });

  it("fails when its rounds are used up, and begins again with a redrive", () => {
    const run = planned({ repeat: { until, times: 1 } }).returns("poll/0", { done: false });
    decides(run, 0, false);
    expect(run.task("poll").error).toEqual({
      kind: "terminal",
      name: "exhausted",
      message: "repeat/until was not true after 1 round",
    });
    run.ends().redrive("poll").returns("poll/1", { done: true });
    decides(run, 1, true);
    expect([run.outcome, run.output("poll")]).toEqual(["succeeded", { done: true }]);
  });

  it("fails with a round that fails, which a redrive tries again, or its fallback takes", () => {
    const run = planned({ repeat: { until, times: 2 } }).fails("poll/0");
    expect(run.states("poll", "-")).toEqual({ poll: "failed", "-": "failed" });
    run.ends().redrive("poll/0").returns("poll/0", { done: true });
    decides(run, 0, true);
    expect(run.outcome).toBe("succeeded");
    const other = planned({ repeat: { until, times: 2 }, fallback: { value: "none" } }).fails("poll/0");
    expect([other.outcome, other.output("poll")]).toEqual(["succeeded", "none"]);
  });

  it("is decided once a round, by what can be answered", () => {
    const run = planned({ repeat: { until, times: 5 } }).returns("poll/0", { done: false });
    decides(run, 0, false).passes("poll", "backoff").returns("poll/1", { done: false });
    decides(run, 0, true);
    expect(run.states("poll")).toEqual({ poll: "checking" });
    decides(run, 1, "yes");
    expect(run.task("poll").error?.message).toBe('repeat/until: expected true or false, received "yes"');
  });

  it("repeats plans, maps and waits, whose references are those of its own plan", () => {
    const before = { before: { type: "t" } };
    const input = { n: { $ref: "before#/n" } };
    const repeat = { until, times: 3 };
    const inner = { type: undefined, plan: { tasks: { x: { type: "t", input: { $ref: "#/n" } } }, output: "x" } };
    const run = planned({ ...inner, input, repeat }, before).returns("before", { n: 1 });
    expect(run.input("poll/0/x")).toBe(1);
    run.returns("poll/0/x", { done: false });
    decides(run, 0, false).passes("poll", "backoff");
    expect(run.states("poll/1/x")).toEqual({ "poll/1/x": "ready" });
    const map = planned({ each: { in: { $ref: "before" } }, repeat }, before).returns("before", [1, 2]);
    map.append("decided", { v: 2, decisions: [{ task: "poll/0", attempt: 1, answers: {}, items: 2 }] });
    expect(map.states("poll/0/1")).toEqual({ "poll/0/1": "ready" });
    const wait = planned({ type: undefined, wait: { signal: "s" }, repeat }).waits("poll/0");
    wait.answers("poll/0", { signal: wait.signal("s", { done: false }) });
    expect(wait.states("poll")).toEqual({ poll: "checking" });
  });

  it("is undone as a whole, and keeps a round in which something may have to be undone", () => {
    const repeat = { until, times: 9 };
    const whole = planned({ repeat, compensate: { type: "u" } }, { other: { type: "t" } }).returns("poll/0", {});
    decides(whole, 0, false).passes("poll", "backoff").fails("other");
    expect(whole.states("poll/_undo")).toEqual({ "poll/_undo": "ready" });
    const x = { type: "t", compensate: { type: "u" } };
    const parts = planned({ type: undefined, plan: { tasks: { x }, output: "x" }, repeat }, { other: { type: "t" } });
    parts.returns("poll/0/x", {});
    decides(parts, 0, false).passes("poll", "backoff").returns("poll/1/x", {}).fails("other");
    parts.returns("poll/1/x/_undo").returns("poll/0/x/_undo");
    expect(parts.states("poll/0/x", "poll/1/x")).toEqual({ "poll/0/x": "compensated", "poll/1/x": "compensated" });
  });

  it("ends while it checks and while it rests, as its plan and its deadline say", () => {
    const run = planned({ repeat: { until, times: 5, every: "1h" }, deadline: "1m", optional: true });
    run.returns("poll/0", { done: false });
    decides(run, 0, false);
    const owed = () => [...obligationsOf(run.state)].map((one) => (one.kind === "arm" ? one.what : one.kind));
    expect(owed()).toEqual(["deadline", "backoff"]);
    run.passes("poll", "deadline");
    expect([run.states("poll"), run.outcome]).toEqual([{ poll: "failed" }, "succeeded"]);
    const checking = planned({ repeat: { until, times: 5 } }).returns("poll/0", {});
    expect([...obligationsOf(checking.state)].map(({ kind }) => kind)).toEqual(["decide"]);
    expect(checking.cancel().states("poll")).toEqual({ poll: "cancelled" });
  });
});
