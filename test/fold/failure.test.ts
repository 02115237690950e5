import { describe, expect, it } from "vitest";
import { ROOT } from "../../src/core/names.ts";
import { failureOf } from "../../src/fold/view.ts";
import { FoldedRun } from "../support/folded-run.ts";

describe("a retry", () => {
  it("begins when the log's clock has reached the moment that was computed", () => {
    const run = new FoldedRun({ policy: { retry: { attempts: 2, backoff: "constant", delay: 1000 } } });
    run.fails(ROOT, { kind: "retryable" });
    expect(run.states()).toEqual({ [ROOT]: "backingOff" });
    run.effects.take();

    run.due(ROOT, "backoff");
    expect(run.states()).toEqual({ [ROOT]: "backingOff" });
    const { dueAt } = run.task(ROOT);
    expect(run.effects.take()).toEqual([`arm backoff - ${dueAt - run.nowMs}`]);

    run.passes(ROOT, "backoff");
    expect(run.effects.take()).toEqual(["disarm backoff -", "open -@2"]);
    expect(run.states()).toEqual({ [ROOT]: "ready" });
  });

  it("is spread around the delay by a hash of run, task and attempt", () => {
    const delayOf = (id: string) => {
      const run = new FoldedRun({ run: id, policy: { retry: { backoff: "constant", delay: 1000 } } });
      run.fails(ROOT, { kind: "retryable" });
      return run.task(ROOT).dueAt - run.nowMs;
    };
    expect(delayOf("a")).toBe(delayOf("a"));
    expect(delayOf("a")).not.toBe(delayOf("b"));
    for (const id of ["a", "b", "c"]) expect(Math.abs(delayOf(id) - 1000)).toBeLessThanOrEqual(200);
  });

  it("waits as long as the failure asks, if that is longer", () => {
    const run = new FoldedRun().fails(ROOT, { kind: "retryable", retryAfterMs: 90_000 });
    expect(run.task(ROOT).dueAt - run.nowMs).toBe(90_000);
  });

  it("follows the policy that the failure carries, where the plan states none", () => {
    const policy = { retry: { attempts: 1 } };
    const run = new FoldedRun().plans(ROOT, { own: { type: "t", retry: { attempts: 2 } }, none: { type: "t" } });
    run.fails("own", { kind: "retryable", policy });
    expect(run.states("own")).toEqual({ own: "backingOff" });
    run.fails("none", { kind: "retryable", policy });
    expect(run.states("none")).toEqual({ none: "failed" });
  });

  it("follows for a root the policy that its run began with, whatever the failure carries", () => {
    const run = new FoldedRun({ policy: { retry: { attempts: 2 } } });
    run.fails(ROOT, { kind: "retryable", policy: { retry: { attempts: 1 } } });
    expect(run.states()).toEqual({ [ROOT]: "backingOff" });
  });

  it("does not follow a cancellation by the worker, which fails the parent and cancels the siblings", () => {
    const run = new FoldedRun().plans(ROOT, { a: { type: "t" }, b: { type: "t" } });
    run.fails("a", { kind: "cancelled", message: "no longer wanted" });
    expect(run.states()).toEqual({ [ROOT]: "failed", a: "cancelled", b: "cancelled" });
    expect(failureOf(run.state)).toMatchObject({ code: 422, task: "a" });
    expect(new FoldedRun().fails(ROOT, { kind: "cancelled" }).outcome).toBe("cancelled");
  });

  it("makes results of earlier attempts count no more", () => {
    const run = new FoldedRun().fails(ROOT, { kind: "retryable" }).passes(ROOT, "backoff");
    run.returns(ROOT, "late", 1).fails(ROOT, {}, 1).due(ROOT, "backoff", 1).returns(ROOT, "early", 3);
    expect(run.states()).toEqual({ [ROOT]: "ready" });
    expect(run.returns(ROOT, "right", 2).output()).toBe("right");
  });

  it("leaves no error on a task that succeeds after all", () => {
    const run = new FoldedRun().fails(ROOT, { kind: "retryable" });
    expect(run.task(ROOT).error).toMatchObject({ message: "it broke" });
    expect(run.passes(ROOT, "backoff").returns(ROOT).task(ROOT).error).toBeUndefined();
  });
});

describe("a final failure", () => {
  it("fails what contains it, names where, and cancels and withdraws the siblings", () => {
    const run = new FoldedRun().plans(ROOT, { a: { type: "t" }, b: { type: "t" }, c: { type: "t", needs: ["b"] } });
    run.plans("a", { x: { type: "t" }, y: { type: "t" } });
    run.effects.take();
    run.fails("a/x", { message: "no such file" });
    expect(run.states()).toEqual({
      [ROOT]: "failed",
      a: "failed",
      b: "cancelled",
      c: "cancelled",
      "a/x": "failed",
      "a/y": "cancelled",
    });
    expect(run.effects.take()).toEqual(["close a/x@1", "withdraw a/y@1", "withdraw b@1", "conclude"]);
    expect(failureOf(run.state)).toEqual({
      code: 422,
      message: "task a/x failed: no such file",
      path: "a/x",
      task: "a/x",
      run: "run-1",
    });
    expect(run.totals).toEqual({ tasks: 6, succeeded: 0, failed: 3, cancelled: 3, executions: 3 });
  });

  it("takes what backs off beside it out of the timers", () => {
    const run = new FoldedRun().plans(ROOT, { a: { type: "t" }, b: { type: "t" } });
    run.fails("b", { kind: "retryable" }).fails("a");
    expect(run.effects.armed.size).toBe(0);
    expect(run.states("b")).toEqual({ b: "cancelled" });
  });

  it("keeps the outputs that a redrive would need", () => {
    const run = new FoldedRun().plans(ROOT, { a: { type: "t" }, b: { type: "t" } });
    run
      .plans("a", { x: { type: "t" }, y: { type: "t" } })
      .returns("a/x", "kept")
      .returns("a/y", "kept");
    expect(run.output("a")).toEqual({ x: "kept", y: "kept" });
    run.fails("b");
    expect(run.output("a")).toEqual({ x: "kept", y: "kept" });
  });
});

describe("a deadline", () => {
  it("fails the run with 408 when its moment has come, not before", () => {
    const run = new FoldedRun({ deadlineMs: 5000 }).plans(ROOT, { a: { type: "t" } });
    expect(run.effects.take()[0]).toBe("arm deadline - 5000");
    run.due(ROOT, "deadline");
    expect(run.effects.take().at(-1)).toBe("arm deadline - 4998");
    run.passes(ROOT, "deadline");
    expect(run.states()).toEqual({ [ROOT]: "failed", a: "cancelled" });
    expect(failureOf(run.state)).toMatchObject({
      code: 408,
      message: "the run did not end within its deadline of 5000 ms; still under way: a",
    });
  });

  it("names what was under way, and neither what had ended, nor what waited for others, nor their parents", () => {
    const run = new FoldedRun({ deadlineMs: 5000 });
    run.plans(ROOT, { done: { type: "t" }, part: { type: "t" }, last: { type: "t", needs: ["part"] } });
    run.plans("part", { x: { type: "t" }, y: { type: "t" } }).returns("done");
    run.fails("part/y", { kind: "retryable" }).passes(ROOT, "deadline");
    expect(failureOf(run.state).message).toMatch(/ms; still under way: part\/x, part\/y$/);
  });

  it("names five at most, and counts the others", () => {
    const tasks = Object.fromEntries("abcdefgh".split("").map((key) => [key, { type: "t" }]));
    const run = new FoldedRun({ deadlineMs: 5000 }).plans(ROOT, tasks).passes(ROOT, "deadline");
    expect(failureOf(run.state).message).toMatch(/; still under way: a, b, c, d, e and 3 more$/);
  });

  it("names nobody where there is the root alone", () => {
    const run = new FoldedRun({ deadlineMs: 5000 }).passes(ROOT, "deadline");
    expect(failureOf(run.state).message).toBe("the run did not end within its deadline of 5000 ms");
  });

  it("withdraws what is at work", () => {
    const run = new FoldedRun({ deadlineMs: 5000 });
    run.effects.take();
    run.passes(ROOT, "deadline");
    expect(run.effects.take()).toEqual(["disarm deadline -", "withdraw -@1", "conclude"]);
  });

  it("is neither counted nor armed again once the outcome is known", () => {
    const run = new FoldedRun({ deadlineMs: 5000 }).returns(ROOT).due(ROOT, "deadline");
    expect(run.effects.armed.size).toBe(0);
    run.wait(5000).due(ROOT, "deadline");
    expect(run.outcome).toBe("succeeded");
  });

  it("means nothing in a run that has none", () => {
    expect(new FoldedRun().due(ROOT, "deadline").phase).toBe("running");
  });
});

describe("cancel", () => {
  it("withdraws what is at work, and takes what backs off out of the timers", () => {
    const run = new FoldedRun({ deadlineMs: 5000 }).plans(ROOT, {
      a: { type: "t" },
      b: { type: "t" },
      c: { type: "t", needs: ["a"] },
    });
    run.fails("b", { kind: "retryable" });
    run.effects.take();
    run.cancel();
    expect(run.effects.take()).toEqual(["disarm deadline -", "withdraw a@1", "disarm backoff b", "conclude"]);
    expect(run.states()).toEqual({ [ROOT]: "cancelled", a: "cancelled", b: "cancelled", c: "cancelled" });
  });
});

describe("cancel against completion", () => {
  it("is decided by the log: the result came first", () => {
    const run = new FoldedRun().returns(ROOT, "done").cancel("me");
    expect(run.outcome).toBe("succeeded");
    expect(run.totals).toMatchObject({ succeeded: 1, cancelled: 0 });
  });

  it("is decided by the log: cancel came first", () => {
    const run = new FoldedRun()
      .plans(ROOT, { a: { type: "t" } })
      .cancel("me", "enough")
      .returns("a", "late");
    expect(run.outcome).toBe("cancelled");
    expect(run.states()).toEqual({ [ROOT]: "cancelled", a: "cancelled" });
    expect(run.task("a").output).toBeUndefined();
    expect(failureOf(run.state)).toEqual({ code: 499, message: "the run was cancelled by me: enough", run: "run-1" });
  });
});
