import { describe, expect, it } from "vitest";
import { obligationsOf } from "../../src/fold/obligations.ts";
import { FoldedRun } from "../support/folded-run.ts";

const t = { type: "t" };
const approve = { wait: { signal: "approve" } };
const planned = (tasks: object) => new FoldedRun().plansV2("-", { tasks } as never);

describe("a wait", () => {
  it("begins once it is decided what it is for, and succeeds with the signal that is found right", () => {
    const run = planned({ a: approve, b: { ...t, input: { $ref: "a" } } });
    expect(run.states("a", "b")).toEqual({ a: "deciding", b: "blocked" });
    run.waits("a");
    expect(run.states("a")).toEqual({ a: "awaiting" });
    run.effects.take();
    const at = run.signal("approve", { ok: true });
    expect(run.effects.take()).toEqual(["judge a@1"]);
    expect(run.states("a")).toEqual({ a: "awaiting" });
    run.answers("a", { signal: at });
    expect(run.states("a", "b")).toEqual({ a: "succeeded", b: "ready" });
    expect(run.input("b")).toEqual({ ok: true });
  });

  it("takes the signal of its path before those of its name, and the oldest wait that of its name", () => {
    const run = planned({ a: approve, b: approve, c: approve });
    run.waits("b").waits("a").waits("c");
    const named = run.signal("approve", 1);
    const atPath = run.signal("c", 2);
    expect(run.effects.take().filter((call) => call.startsWith("judge"))).toEqual(["judge b@1", "judge c@1"]);
    run.answers("b", { signal: named }).answers("c", { signal: atPath });
    expect([run.output("b"), run.output("c"), run.states("a")]).toEqual([1, 2, { a: "awaiting" }]);
  });

  it("takes signals that came before it, in the order of the log, each once", () => {
    const run = planned({ first: t, a: { ...approve, needs: ["first"] }, b: { ...approve, needs: ["a"] } });
    const [one, two] = [run.signal("approve", 1, "x"), run.signal("approve", 2, "y")];
    run.signal("approve", 3, "x");
    run.returns("first").waits("a").answers("a", { signal: one }).waits("b").answers("b", { signal: two });
    expect([run.output("a"), run.output("b")]).toEqual([1, 2]);
    expect([...run.state.waits!.fates.values()]).toEqual([
      { state: "taken", task: "a" },
      { state: "taken", task: "b" },
    ]);
  });

  it("waits on when a signal is refused, and looks at the next", () => {
    const run = planned({ a: approve }).waits("a");
    const [one, two] = [run.signal("approve", 1), run.signal("approve", 2)];
    run.effects.take();
    run.answers("a", { signal: one, refused: "not a number" });
    expect(run.effects.take()).toEqual(["judge a@1"]);
    // What was looked at before means nothing any more.
    run.answers("a", { signal: one });
    expect(run.states("a")).toEqual({ a: "awaiting" });
    expect(run.answers("a", { signal: two }).output("a")).toBe(2);
  });

  it("fails as a timeout when its time is over, but not before a signal that came in time was looked at", () => {
    const within = { wait: { signal: "approve", within: "1h" }, optional: true };
    const run = planned({ a: within, b: within, c: within });
    run.waits("a").waits("b").waits("c");
    const [toB, toC] = [run.signal("b"), run.signal("c")];
    run.passes("a", "within").passes("b", "within").passes("c", "within");
    expect(run.states("a", "b", "c")).toEqual({ a: "failed", b: "awaiting", c: "awaiting" });
    expect(run.task("a").error).toMatchObject({ name: "timeout", message: "no signal came within 1h 0m" });
    run.answers("b", { signal: toB }).answers("c", { signal: toC, refused: "no" });
    expect(run.states("b", "c")).toEqual({ b: "succeeded", c: "failed" });
  });

  it("is taken over by its fallback, a value or a task, when its time is over", () => {
    const wait = { signal: "approve", within: "1h" };
    const run = planned({
      a: { wait, fallback: { value: { ok: false } } },
      b: { wait, fallback: { type: "ask-chief" } },
    });
    run.waits("a").waits("b").passes("a", "within").passes("b", "within");
    expect(run.states("a", "b")).toEqual({ a: "succeeded", b: "ready" });
    expect(run.output("a")).toEqual({ ok: false });
    run.fails("b").ends().redrive("b");
    expect(run.returns("b", { ok: true }).outcome).toBe("succeeded");
  });

  it("fails when what it waits for will not come", () => {
    const run = planned({ a: approve }).waits("a");
    run.answers("a", { error: { kind: "terminal", name: "RunFailed", message: "run other failed" } });
    expect([run.states("a"), run.outcome]).toEqual([{ a: "failed" }, "failed"]);
  });

  it("gives a signal that it has not looked at to another wait when it ends", () => {
    const run = planned({
      a: { ...approve, optional: true, deadline: "1s" },
      b: approve,
    })
      .waits("a")
      .waits("b");
    const at = run.signal("approve", 7);
    run.effects.take();
    run.passes("a", "deadline");
    expect(run.effects.take()).toContain("judge b@1");
    expect(run.answers("b", { signal: at }).output("b")).toBe(7);
  });

  it("ends when its time has come", () => {
    const run = planned({ a: { wait: { for: "90d" } }, b: { wait: { until: "2025-01-02" } } });
    run.waits("a", { for: 90 * 86_400_000 }).waits("b", { until: Date.UTC(2025, 0, 2) });
    run.passes("b", "within");
    expect(run.states("a", "b")).toEqual({ a: "awaiting", b: "succeeded" });
    expect(run.passes("a", "within").outcome).toBe("succeeded");
    expect(run.output("a")).toBe(null);
  });

  it("begins again with a redrive of its run", () => {
    const run = planned({ a: { wait: { signal: "approve", within: "1h" } } }).waits("a");
    run.passes("a", "within").ends().redrive("a");
    expect(run.states("a")).toEqual({ a: "deciding" });
    const at = run.waits("a").signal("approve", 1);
    expect(run.answers("a", { signal: at }).outcome).toBe("succeeded");
  });

  it("is owed by the state: its time, and what it has to look at", () => {
    const run = planned({ a: { wait: { signal: "approve", within: "1h" } } }).waits("a");
    const owed = () => [...obligationsOf(run.state)].map(({ kind }) => kind);
    expect(owed()).toEqual(["arm"]);
    const at = run.signal("a");
    expect(owed()).toEqual(["judge", "arm"]);
    run.answers("a", { signal: at });
    expect(owed()).toEqual(["conclude"]);
  });
});
