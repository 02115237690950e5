import { describe, expect, it } from "vitest";
import { tracedRun } from "../../../src/actors/log/run-trace.ts";
import { createSubjects } from "../../../src/bus/subjects.ts";
import { ROOT } from "../../../src/core/names.ts";
import { FoldedRun } from "../../support/folded-run.ts";
import { observe } from "../../timeline/observed-run.ts";

const t = { type: "t" };
const subjects = createSubjects("tutti");
const traceOf = (run: FoldedRun, round = 1) => {
  const traced = tracedRun(observe(run).timeline, round, { subjects });
  return { ...traced, tasks: [...traced.tasks] };
};

describe("a run's trace", () => {
  it("has every task with its attempts, its waits and the sums of what is below it", () => {
    const run = new FoldedRun().plans(ROOT, { a: { ...t, retry: { attempts: 2 } }, b: { ...t, needs: ["a"] } });
    run.fails("a", { kind: "retryable", message: "no luck" }).passes("a", "backoff");
    run.results({ task: "a", attempt: 2, worker: "w", output: 1, usage: { calls: 2, inputTokens: 5 } });
    const { usage, status, tasks } = traceOf(run.returns("b").ends());
    expect([status, usage]).toEqual(["succeeded", { calls: 2, inputTokens: 5 }]);
    const [root, a, b] = tasks;
    expect(root).toMatchObject({ state: "succeeded", usage, attempts: [{ planned: 2, endedOn: "planned" }] });
    expect(a!.attempts.map(({ attempt, worker, error }) => [attempt, worker, error?.message])).toEqual([
      [1, undefined, "no luck"],
      [2, "w", undefined],
    ]);
    expect(a!.waits.map(({ what }) => what)).toEqual(["backingOff"]);
    expect(b).toMatchObject({ needs: [{ task: "a", round: 1 }], waits: [{ what: "blocked" }] });
    expect(b!.attempts[0]!.subject).toBe("tutti.tasks.t.normal.0.default.run-1.b.1");
  });

  it("marks an attempt that died with its worker, and names the worker", () => {
    const run = new FoldedRun().append("lost", { v: 2, task: ROOT, attempt: 1, worker: "w1", gone: true });
    run.passes(ROOT, "backoff");
    const [first, second] = traceOf(run.returns(ROOT).ends()).tasks[0]!.attempts;
    expect(first).toMatchObject({
      worker: "w1",
      error: { name: "WorkerLost" },
      events: [{ name: "tutti.attempt.lost", attributes: { "tutti.worker": "w1" } }],
    });
    expect(second).toMatchObject({ attempt: 2, worker: "w", endedOn: "returned" });
  });

  it("has nothing of a task that never began but that it was stopped: no attempt, and no time before its beginning", () => {
    const run = new FoldedRun()
      .plans(ROOT, { a: t, b: { ...t, needs: ["a"] } })
      .wait(100)
      .fails("a")
      .ends();
    const stopped = traceOf(run).tasks.at(-1)!;
    expect(stopped).toMatchObject({ task: "b", state: "cancelled", attempts: [] });
    expect(stopped.to).toBeGreaterThanOrEqual(stopped.from);
  });

  it("of a run that goes on ends everything that is open now, and says so", () => {
    const run = new FoldedRun().plans(ROOT, { a: t, b: { ...t, needs: ["a"] } });
    const snapshot = { sequence: 2, now: run.nowMs + 500 };
    const traced = tracedRun(observe(run).timeline, 1, { subjects, snapshot });
    expect(traced).toMatchObject({ to: snapshot.now, snapshotAt: 2 });
    expect(traced.status).toBeUndefined();
    expect([...traced.tasks].map(({ task, state, to }) => `${task} ${state} ${to - run.nowMs}`)).toEqual([
      "- expanded 500",
      "a ready 500",
      "b blocked 500",
    ]);
  });

  it("has a round for each redrive, with what goes on in it and no more", () => {
    const run = new FoldedRun()
      .plans(ROOT, { a: t, b: t, c: { ...t, needs: ["b"] } })
      .returns("a")
      .fails("b")
      .ends();
    run.redrive("b").returns("b").returns("c").ends();
    const [first, second] = [traceOf(run, 1), traceOf(run, 2)];
    expect([first.status, second.status]).toEqual(["failed", "succeeded"]);
    expect(first.to).toBeLessThan(second.from);
    expect(first.tasks.map(({ task, state }) => `${task} ${state}`)).toEqual([
      "- failed",
      "a succeeded",
      "b failed",
      "c cancelled",
    ]);
    expect(second.tasks.map(({ task, state }) => `${task} ${state}`)).toEqual([
      "- succeeded",
      "b succeeded",
      "c succeeded",
    ]);
    expect(second.tasks[1]!.attempts.map(({ attempt }) => attempt)).toEqual([2]);
  });
});
