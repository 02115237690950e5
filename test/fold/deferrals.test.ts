import { describe, expect, it } from "vitest";
import { attemptInRound, attemptOf, hasOpenAttempt } from "../../src/fold/task-record.ts";
import { viewTask } from "../../src/fold/view.ts";
import { FoldedRun } from "../support/folded-run.ts";

const run = (attempts = 2) => new FoldedRun({ policy: { retry: { attempts, delay: 10, backoff: "constant" } } });
const defer = (folded: FoldedRun, body: object = {}, attempt = attemptOf(folded.task("-"))) =>
  folded.append("deferred", { v: 2, task: "-", attempt, ...body });
/** How long the task was deferred for, ms. */
const delayOf = (folded: FoldedRun) => folded.effects.armed.get("backoff -")! - folded.nowMs;

describe("a deferred attempt", () => {
  it("is followed by one of a number of its own, with as many to follow as before", () => {
    const folded = run(2);
    for (let times = 0; times < 5; times++) defer(folded, { retryAfterMs: 1000 }).passes("-", "backoff");
    expect(attemptOf(folded.task("-"))).toBe(6);
    expect(attemptInRound(folded.task("-"))).toBe(1);
    folded.fails("-", { kind: "retryable" }).passes("-", "backoff");
    defer(folded).passes("-", "backoff");
    expect([...folded.effects.queued]).toEqual(["-@8"]);
    folded.fails("-", { kind: "retryable" });
    expect(folded.states()).toEqual({ "-": "failed" });
  });

  it("shares its snapshot with others, and keeps it no longer than the run once a task has been deferred often", () => {
    const deferred = (count: number) => {
      const folded = run();
      for (let times = 0; times < count; times++) defer(folded, { retryAfterMs: 1000 }).passes("-", "backoff");
      return folded.task("-").snapshot;
    };
    expect(deferred(10)).toBe(deferred(10));
    expect(deferred(20)).toEqual(deferred(20));
    expect(deferred(20)).not.toBe(deferred(20));
  });

  it("waits until the moment that is stated, or for the time since its event: for the later", () => {
    expect(delayOf(defer(run(), { retryAfterMs: 2500 }))).toBe(2500);
    const later = run();
    expect(delayOf(defer(later, { until: later.nowMs + 5001, retryAfterMs: 2500 }))).toBe(5000);
    const iso = run();
    expect(delayOf(defer(iso, { until: new Date(iso.nowMs + 60_001).toISOString() }))).toBe(60_000);
  });

  it("waits a little when the moment is past, and nothing is made of one that is no date", () => {
    expect(delayOf(defer(run(), { until: 1000 }))).toBe(100);
    expect(delayOf(defer(run(), { until: "soon" }))).toBeGreaterThanOrEqual(800);
  });

  it("waits longer with each deferral in a row, where no time is stated", () => {
    const folded = run(3);
    const delays = Array.from({ length: 8 }, () => {
      const delay = delayOf(defer(folded));
      folded.passes("-", "backoff");
      return delay;
    });
    expect(delays[0]).toBeLessThanOrEqual(1200);
    expect(delays[7]).toBeGreaterThanOrEqual(24_000);
    folded.fails("-", { kind: "retryable" }).passes("-", "backoff");
    expect(delayOf(defer(folded))).toBeLessThanOrEqual(1200);
  });

  it("is closed: what comes of it later changes nothing", () => {
    const folded = defer(run(), { retryAfterMs: 1000 });
    const due = folded.effects.armed.get("backoff -");
    defer(folded, { retryAfterMs: 9000 }, 1).results({ task: "-", attempt: 1, output: 1 });
    expect(folded.effects.armed.get("backoff -")).toBe(due);
    expect(hasOpenAttempt(folded.task("-"))).toBe(false);
    expect(folded.totals.executions).toBe(1);
  });

  it("is shown with its reason, for as long as the task waits", () => {
    const folded = defer(run(), { retryAfterMs: 1000, why: "the breaker is open" });
    const view = () => viewTask(folded.task("-"));
    expect(view()).toMatchObject({ state: "backingOff", deferred: { times: 1, why: "the breaker is open" } });
    folded.passes("-", "backoff");
    expect(view().deferred).toBeUndefined();
    folded.fails("-", { kind: "retryable" });
    expect(view()).toMatchObject({ state: "backingOff" });
    expect(view().deferred).toBeUndefined();
  });

  it("ends with its run's deadline, or when it is cancelled", () => {
    const late = new FoldedRun({ deadlineMs: 5000 });
    defer(late, { retryAfterMs: 60_000 }).passes("-", "deadline");
    expect(late.states()).toEqual({ "-": "failed" });
    const cancelled = defer(run(), { retryAfterMs: 60_000 }).cancel();
    expect(cancelled.states()).toEqual({ "-": "cancelled" });
    expect([...cancelled.effects.armed.keys()]).toEqual([]);
  });
});
