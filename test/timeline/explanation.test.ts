import { describe, expect, it } from "vitest";
import { explanationFacts, headOf } from "../../src/cli/explanation-text.ts";
import { ROOT } from "../../src/core/names.ts";
import { explain } from "../../src/timeline/explanation.ts";
import { FoldedRun, START_MS } from "../support/folded-run.ts";
import { observe } from "./observed-run.ts";

const t = { type: "t" };
const explanationOf = (run: FoldedRun) => {
  const { history, timeline } = observe(run);
  return explain(history.steps, timeline, run.nowMs);
};
const retried = { ...t, retry: { attempts: 2, delay: 1000 } };
/** A result whose attempt began so many milliseconds after the run. */
const result = (task: string, startedAfterMs: number, more: object) => ({
  task,
  attempt: 1,
  worker: "w",
  startedAt: START_MS + startedAfterMs,
  ...more,
});

describe("an explanation of a failure", () => {
  const run = new FoldedRun().plans(ROOT, { a: retried, b: t, c: { ...t, needs: ["b"] } });
  run.fails("a", { kind: "retryable", message: "no answer" }).passes("a", "backoff");
  run.fails("a", { kind: "terminal", name: "TypeError", message: "x is undefined" });
  const failed = explanationOf(run.ends());

  it("says what failed first, with all its attempts", () => {
    expect(failed.failure).toMatchObject({ task: "a", message: "x is undefined", isTaken: false });
    expect(failed.failure!.attempts.map(({ attempt, error }) => [attempt, error?.message])).toEqual([
      [1, "no answer"],
      [2, "x is undefined"],
    ]);
  });

  it("says what that took with it", () => {
    expect(failed.failure!.stopped.map(({ task, state }) => `${task} ${state}`)).toEqual([
      "- failed",
      "b cancelled",
      "c cancelled",
    ]);
  });

  it("says what to do next: the command", () => {
    expect(failed.next.map(({ command }) => command)).toEqual([
      "dead show run-1",
      "dead redrive run-1",
      `replay run-1 --at ${failed.failure!.sequence}`,
    ]);
  });

  it("is one page of text", () => {
    const facts = explanationFacts(failed, { command: (words) => `tutti ${words}` });
    expect(headOf(failed)).toBe("root run-1 failed after 1.1s");
    expect(facts.map(([label]) => label)).toEqual(["failed", "took", "longest", "time", "spent", "next"]);
    expect(facts[0]![1]).toContain("a (t) at +1.1s, after 2 attempts\nx is undefined");
  });
});

describe("an explanation of a failure that a join has taken", () => {
  it("names the failure, and says that the run has gone on without the task", () => {
    const run = new FoldedRun().plansV2(ROOT, { tasks: { a: { type: "t", optional: true }, b: { type: "t" } } });
    run.fails("a").returns("b").ends();
    expect(explanationOf(run).failure).toMatchObject({ task: "a", isTaken: true, stopped: [] });
  });
});

describe("an explanation of a run that goes on", () => {
  const run = new FoldedRun().plans(ROOT, { a: retried, b: t, c: { ...t, needs: ["a", "b"] } });
  run.wait(5000).fails("a", { kind: "retryable" }).wait(10).returns("b", 1);
  const going = explanationOf(run);

  it("says for everything that is not over what it waits for, the longest first", () => {
    expect(going.status).toBe("running");
    expect(going.waiting.map((one) => [one.task, one.what, one.for.replace(/ at .*/, "")])).toEqual([
      ["c", "blocked", "what it needs: a"],
      ["a", "backingOff", "its next attempt"],
    ]);
  });

  it("says that no worker is alive for what is queued, where that is known", () => {
    const waiting = explanationOf(new FoldedRun().wait(60_000).append("result", { v: 1, results: [] }));
    const [, text] = explanationFacts(waiting, { workers: [], command: String }).find(([label]) => label === "waits")!;
    expect(text).toBe(
      "root: queued or running for 1m 0s; waits for a worker of root, or its result — no worker of root is alive",
    );
  });
});

describe("an explanation of what waits", () => {
  it("names the pause that holds a task back, not what it needed and has", () => {
    const run = new FoldedRun().plans(ROOT, { a: t, b: { ...t, needs: ["a"] }, c: { ...t, needs: ["b"] } });
    run.pause("b", "me").wait(10).returns("a", 1);
    expect(explanationOf(run).waiting.map((one) => [one.task, one.for])).toEqual([
      ["b", "the end of the pause of b"],
      ["c", "what it needs: b"],
    ]);
  });

  it("says what a wait is for in words that go on from `waits for`", () => {
    const run = new FoldedRun().plansV2(ROOT, { tasks: { ask: { wait: { signal: "go" } } } });
    const forOf = () => explanationOf(run).waiting.map((one) => one.for);
    expect(forOf()).toEqual(["its condition and the expressions of its input"]);
    run.waits("ask");
    expect(forOf()).toEqual(["a signal, a message, another run, a time, or the start of a run"]);
  });
});

describe("the critical path", () => {
  const run = new FoldedRun().results(
    result(ROOT, 0, { plan: { v: 1, tasks: { fast: t, slow: t, last: { ...t, needs: ["fast", "slow"] } } } }),
  );
  run.wait(98).results(result("fast", 50, { output: 1 }));
  run.wait(899).results(result("slow", 200, { output: 1, usage: { calls: 1, inputTokens: 7 } }));
  run
    .wait(499)
    .results(result("last", 1100, { output: 1 }))
    .ends();
  const { criticalPath, costs, ms } = explanationOf(run);

  it("goes through what ended last of what each task needed, with its time on the queue and in execution", () => {
    expect(criticalPath.map((part) => [part.task, part.what, part.ms])).toEqual([
      ["-", "running", 1],
      ["slow", "queued", 199],
      ["slow", "running", 800],
      ["last", "queued", 100],
      ["last", "running", 400],
    ]);
    expect(criticalPath.reduce((sum, part) => sum + part.ms, 0)).toBe(ms - 1);
  });

  it("stands beside what each type has cost", () => {
    expect(costs.map(({ type, tasks, usage }) => [type, tasks, usage])).toEqual([
      ["t", 3, { calls: 1, inputTokens: 7 }],
      ["root", 1, {}],
    ]);
  });
});
