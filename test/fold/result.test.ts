import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { result } from "../../src/core/event.ts";
import { ROOT } from "../../src/core/names.ts";
import { readResult } from "../../src/fold/apply.ts";
import { viewTask } from "../../src/fold/view.ts";
import { digestOf, FoldedRun } from "../support/folded-run.ts";

describe("a result", () => {
  it.each([
    ["neither output nor error", {}, "received none of them"],
    ["output and error", { output: 1, error: { kind: "terminal", message: "" } }, "received output and error"],
    ["an error of no known kind", { error: { kind: "sad", message: "" } }, "malformed result: /error/kind"],
    ["a worker that is no text", { worker: 5, output: 1 }, "malformed result: /worker"],
    ["an empty reference", { outputRef: "" }, "malformed result: /outputRef"],
  ])("that is malformed ends its attempt for good, saying why: %s", (_, content, message) => {
    const run = new FoldedRun().results({ task: ROOT, attempt: 1, ...content });
    expect(run.task(ROOT).error?.kind).toBe("terminal");
    expect(run.task(ROOT).error?.message).toContain(message);
    expect(run.outcome).toBe("failed");
  });

  it.each([
    ["no object", "text"],
    ["nothing", null],
    ["no task", { attempt: 1, output: 1 }],
    ["a bad path", { task: "a//b", attempt: 1, output: 1 }],
    ["no attempt", { task: ROOT, output: 1 }],
    ["a broken attempt", { task: ROOT, attempt: 1.5, output: 1 }],
    ["an unknown task", { task: "nobody", attempt: 1, output: 1 }],
  ])("that names no task or attempt is passed over, and spoils no other: %s", (_, raw) => {
    const run = new FoldedRun().results(raw, { task: ROOT, attempt: 1, output: "done" });
    expect(run.output()).toBe("done");
    expect(run.totals.executions).toBe(1);
  });

  it("counts once: whatever says the same again changes nothing but the number of executions", () => {
    const run = new FoldedRun({ deadlineMs: 60_000 });
    const twice = (kind: "result" | "due" | "cancel" | "ended", body: unknown) => {
      run.append(kind, body);
      run.effects.take();
      const { executions: _, updatedAt: __, ...before } = digestOf(run.state) as Record<string, unknown>;
      run.append(kind, body);
      expect(digestOf(run.state)).toMatchObject(before);
      expect(run.effects.take()).toEqual([]);
    };
    twice("result", {
      v: 1,
      results: [{ task: ROOT, attempt: 1, plan: { tasks: { a: { type: "t" }, b: { type: "t" } } } }],
    });
    twice("result", { v: 1, results: [{ task: "a", attempt: 1, error: { kind: "retryable", message: "again" } }] });
    run.wait(60_000);
    twice("due", { v: 1, task: "a", attempt: 1, what: "backoff" });
    twice("result", { v: 1, results: [{ task: "a", attempt: 2, output: "done" }] });
    twice("due", { v: 1, task: ROOT, attempt: 1, what: "deadline" });
    twice("cancel", { v: 1 });
    twice("ended", { v: 1, status: "failed", totals: run.totals });
  });

  it("means nothing after the end, even if its task was open", () => {
    const run = new FoldedRun().append("ended", {
      v: 1,
      status: "failed",
      totals: { tasks: 1, succeeded: 0, failed: 1, cancelled: 0, executions: 0 },
    });
    run.effects.take();
    const before = digestOf(run.state);
    run.returns(ROOT, "late").cancel().append("ended", { v: 1, status: "succeeded", totals: run.totals });
    expect(digestOf(run.state)).toEqual(before);
    expect(run.effects.take()).toEqual([]);
  });

  it("may say any time it likes without making the task impossible to show", () => {
    for (const startedAt of [1e20, -1e300, "the day before", "2025-01-01T00:00:00Z", 5]) {
      const run = new FoldedRun().results({ task: ROOT, attempt: 1, startedAt, output: 1 });
      expect(viewTask(run.task(ROOT)).state).toBe("succeeded");
    }
  });

  it("is read as its schema reads it", () => {
    const field = <T>(valid: fc.Arbitrary<T>) =>
      fc.option(
        fc.oneof(
          { weight: 5, arbitrary: valid as fc.Arbitrary<unknown> },
          { weight: 1, arbitrary: fc.jsonValue() as fc.Arbitrary<unknown> },
        ),
        { nil: undefined, freq: 3 },
      );
    const raw = fc.record({
      task: field(fc.constantFrom(ROOT, "a", "a/b-1", "-/a", "a/", "é", "_")),
      attempt: field(fc.constantFrom(1, 2, 0, -1, 1.5, 2 ** 53, Number.NaN)),
      worker: field(fc.string()),
      startedAt: field(fc.oneof(fc.string(), fc.integer(), fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY))),
      output: field(fc.jsonValue()),
      outputRef: field(fc.string()),
      plan: field(fc.constant({ tasks: {} })),
      planRef: field(fc.string()),
      error: field(fc.constantFrom({ kind: "retryable", message: "m" }, { kind: "poison" })),
      usage: field(fc.constantFrom({}, { calls: 1 })),
      more: fc.option(fc.constant(1), { nil: undefined, freq: 5 }),
    });
    const contents = ["output", "outputRef", "plan", "planRef", "error"] as const;
    fc.assert(
      fc.property(raw, (all) => {
        const given = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
        const parsed = result.safeParse(given);
        const read = readResult(given);
        if (parsed.success && contents.filter((one) => parsed.data[one] !== undefined).length === 1) {
          const { more: _, ...known } = { more: undefined, ...read };
          expect(known).toEqual(parsed.data);
        } else if (result.pick({ task: true, attempt: true }).safeParse(given).success) {
          expect(read).toMatchObject({ task: given.task, attempt: given.attempt, error: { kind: "terminal" } });
          expect(read).not.toHaveProperty("output");
        } else expect(read).toBeUndefined();
      }),
      { numRuns: 2000 },
    );
  });
});
