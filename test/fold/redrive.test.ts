import { describe, expect, it } from "vitest";
import { ROOT } from "../../src/core/names.ts";
import { failedTaskOf, isOver } from "../../src/fold/run-state.ts";
import { attemptOf } from "../../src/fold/task-record.ts";
import { digestOf, FoldedRun, replay } from "../support/folded-run.ts";

const t = { type: "t" };
const once = { type: "t", retry: { attempts: 1 } };

/** `a` has succeeded, `b/x` has failed; `b/y`, `c` (with children) and `d` were stopped by that, `e` had not begun. */
function failedTree(deadlineMs?: number): FoldedRun {
  const run = new FoldedRun(deadlineMs === undefined ? {} : { deadlineMs });
  run.plans(ROOT, { a: t, b: t, c: t, d: t, e: { ...t, needs: ["a", "d"], input: { $ref: "a#" } } });
  run.returns("a", "of a").plans("b", { x: once, y: t }).plans("c", { z: t });
  run.fails("d", { kind: "retryable" });
  return run.fails("b/x", { message: "broken" });
}

const states = {
  failed: {
    "-": "failed",
    a: "succeeded",
    b: "failed",
    "b/x": "failed",
    "b/y": "cancelled",
    c: "cancelled",
    "c/z": "cancelled",
    d: "cancelled",
    e: "cancelled",
  },
  redriven: {
    "-": "expanded",
    a: "succeeded",
    b: "expanded",
    "b/x": "ready",
    "b/y": "ready",
    c: "expanded",
    "c/z": "ready",
    d: "ready",
    e: "blocked",
  },
};

describe("a redrive", () => {
  it("lets the run go on from what has succeeded", () => {
    const run = failedTree().ends();
    expect(run.states()).toEqual(states.failed);
    expect(failedTaskOf(run.state)?.id).toBe("b/x");
    run.effects.take();
    run.redrive("b/x");
    expect(run.states()).toEqual(states.redriven);
    expect(run.effects.take()).toEqual(["open b/x@2", "open b/y@2", "open c/z@2", "open d@2"]);
    expect(run.totals).toMatchObject({ tasks: 9, succeeded: 1, failed: 0, cancelled: 0 });
    expect(isOver(run.state)).toBe(false);
    run.returns("b/x", 1).returns("b/y", 2).returns("c/z", 3).returns("d", 4).returns("e", 5).ends();
    expect(run.phase).toBe("succeeded");
    expect(run.output()).toEqual({ a: "of a", b: { x: 1, y: 2 }, c: { z: 3 }, d: 4, e: 5 });
  });

  it("folds to the same again, from every prefix of the log", () => {
    const run = failedTree().ends().redrive("b/x").returns("b/x", 1).redrive("b/x");
    expect(digestOf(replay(run.log))).toEqual(digestOf(run.state));
  });

  it("ignores the results of attempts that were open before", () => {
    const run = failedTree().ends().redrive("b/x");
    run.returns("b/y", "late", 1).fails("b/x", {}, 1);
    expect(run.states()).toEqual(states.redriven);
  });

  it("gives every attempt again that the policy allows, with the backoff from its beginning", () => {
    const run = new FoldedRun({ policy: { retry: { attempts: 2, delay: 1000, backoff: "exponential" } } });
    const delays: number[] = [];
    const failTwice = () => {
      run.fails(ROOT, { kind: "retryable" });
      delays.push(run.effects.armed.get(`backoff ${ROOT}`)! - run.nowMs);
      run.passes(ROOT, "backoff").fails(ROOT, { kind: "retryable" });
    };
    failTwice();
    run.ends().redrive(ROOT);
    failTwice();
    expect(run.phase).toBe("concluding");
    expect(attemptOf(run.task(ROOT))).toBe(4);
    expect(delays[1]).toBe(delays[0]);
  });

  it("counts only once the run has ended", () => {
    const run = failedTree().redrive("b/x");
    expect(run.phase).toBe("concluding");
    run.ends();
    expect(run.phase).toBe("failed");
  });

  it("counts only for the task that failed the run", () => {
    const run = failedTree().ends();
    const digest = digestOf(run.state);
    run.redrive("b").redrive(ROOT).redrive("b/y").redrive("a").redrive("no/such").redrive("b/x", 7);
    expect(digestOf(run.state)).toEqual(digest);
  });

  it("counts once for an attempt, however often it is asked for", () => {
    const run = failedTree().ends().redrive("b/x", 1).redrive("b/x", 1);
    run.fails("b/x").ends();
    const digest = digestOf(run.state);
    run.redrive("b/x", 1);
    expect(digestOf(run.state)).toEqual(digest);
    run.redrive("b/x", 2);
    expect(run.state.redriven).toMatchObject({ task: "b/x", attempt: 2, times: 2 });
    expect(run.states("b/x")).toEqual({ "b/x": "ready" });
  });

  it("can be told for another task when that one fails then", () => {
    const run = failedTree().ends().redrive("b/x").returns("b/x").fails("d").ends();
    expect(run.redrive("b/x").phase).toBe("failed");
    expect(run.redrive("d").phase).toBe("running");
  });

  it.each([
    ["succeeded", () => new FoldedRun().returns(ROOT, 1).ends()],
    ["was cancelled", () => new FoldedRun().cancel().ends()],
    ["came to its deadline", () => new FoldedRun({ deadlineMs: 500 }).passes(ROOT, "deadline").ends()],
    ["goes on", () => new FoldedRun()],
    [
      "was ended by somebody while it went on",
      () =>
        new FoldedRun().append("ended", {
          v: 1,
          status: "failed",
          totals: { tasks: 1, succeeded: 0, failed: 0, cancelled: 0, executions: 0 },
        }),
    ],
  ])("changes nothing of a run that %s", (_, begin) => {
    const run = begin();
    const digest = digestOf(run.state);
    run.redrive(ROOT);
    expect(digestOf(run.state)).toEqual(digest);
  });

  it("gives the run its whole deadline again", () => {
    const run = failedTree(60_000).wait(50_000).ends();
    run.effects.take();
    run.redrive("b/x");
    expect(run.effects.armed.get(`deadline ${ROOT}`)).toBe(run.nowMs + 60_000);
    // A moment that was armed before is not due.
    run.wait(20_000).due(ROOT, "deadline");
    expect(run.phase).toBe("running");
    run.passes(ROOT, "deadline").ends();
    expect(run.states("b/x", "e")).toEqual({ "b/x": "cancelled", e: "cancelled" });
    expect(run.redrive("b/x").phase).toBe("failed");
  });

  it("can be followed by a cancellation", () => {
    const run = failedTree().ends().redrive("b/x").cancel().ends();
    expect(run.phase).toBe("cancelled");
    expect(run.redrive("b/x").phase).toBe("cancelled");
  });
});
