import { describe, expect, it } from "vitest";
import type { WatchEvent } from "../../src/app.ts";
import { renderChange } from "../../src/cli/change-line.ts";
import { RunTree } from "../../src/cli/run-tree.ts";
import { plain } from "../../src/cli/style.ts";
import { iso, runEvent, taskEvent } from "./made-up-run.ts";

const linesOf = (...events: WatchEvent[]): string[] => {
  const tree = new RunTree();
  return events.flatMap((event) => renderChange(event, tree.run, tree.apply(event), plain) ?? []);
};
const started = (task: string, attempt: number): WatchEvent => ({
  kind: "live",
  live: "started",
  task,
  attempt,
  at: iso(10),
});
const times = { startedAt: iso(0), endedAt: iso(1500) };

describe("the plain lines of a run", () => {
  it("tell that a task was lost with its worker, and how many times", () => {
    const lost = (data: object): WatchEvent => ({
      kind: "live",
      live: "lost",
      task: "-",
      attempt: 1,
      at: iso(20),
      data: data as never,
    });
    const lines = linesOf(runEvent(), taskEvent("-", "queued"), lost({ times: 1 }), lost({ times: 2 }), lost([]));
    expect(
      lines.filter((line) => line.includes("lost")).map((line) => line.replace(/.* delivered/, "delivered")),
    ).toEqual([
      "delivered once more: lost with its worker",
      "delivered once more: lost with its worker 2 times",
      "delivered once more: lost with its worker",
    ]);
  });

  it("tell each worker that was lost with a task", () => {
    const lost = (times: number) => ({ lost: { times, workers: [`w${times}`] } });
    const lines = linesOf(
      runEvent(),
      taskEvent("a", "queued"),
      taskEvent("a", "queued", lost(1)),
      taskEvent("a", "queued", { ...lost(1), attempt: 2 }),
      taskEvent("a", "succeeded", lost(1)),
    );
    expect(lines.filter((line) => line.includes("lost"))).toEqual([expect.stringMatching(/ a lost its worker w1$/)]);
  });

  it("tell that an attempt was deferred, and why", () => {
    const deferred = { times: 1, why: "the breaker is open" };
    const lines = linesOf(runEvent(), taskEvent("-", "queued"), taskEvent("-", "backingOff", { deferred }));
    expect(lines.at(-1)).toMatch(/ deferred: the breaker is open$/);
  });

  it("tell each change once", () => {
    const totals = { tasks: 2, succeeded: 2, failed: 0, cancelled: 0, executions: 3 };
    expect(
      linesOf(
        runEvent(),
        runEvent(),
        taskEvent("-", "queued"),
        started("-", 1),
        taskEvent("-", "running", { startedAt: iso(10) }),
        taskEvent("-", "expanded", { startedAt: iso(10) }),
        taskEvent("a", "blocked"),
        taskEvent("a", "queued"),
        started("a", 1),
        taskEvent("a", "backingOff", { error: { kind: "retryable", message: "busy" } }),
        taskEvent("a", "queued", { attempt: 2 }),
        started("a", 2),
        taskEvent("a", "succeeded", { ...times, attempt: 2 }),
        taskEvent("-", "succeeded", times),
        runEvent({ status: "succeeded", endedAt: iso(2000), totals }),
      ),
    ).toEqual([
      "▸ digest r1 running",
      "  ▸ digest running",
      "  ▾ digest expanded",
      "  ▸ a running",
      "  ↻ a backing off: busy",
      "  ▸ a running (attempt 2)",
      "  ✔ a succeeded in 1.5s (attempt 2)",
      "  ✔ digest succeeded in 1.5s",
      "✔ digest r1 succeeded in 2.0s (2 tasks)",
    ]);
  });

  it("pass on what handlers log", () => {
    const data = { level: "info", message: "page 3\nof 9" };
    expect(
      linesOf(taskEvent("a", "queued"), { kind: "live", live: "log", task: "a", attempt: 1, at: iso(1), data }),
    ).toEqual(["  a: page 3 of 9"]);
  });

  it("tell the end once, with its time, of a run that had ended before", () => {
    const totals = { tasks: 1, succeeded: 1, failed: 0, cancelled: 0, executions: 1 };
    expect(
      linesOf(
        runEvent({ status: "succeeded", totals }),
        taskEvent("-", "succeeded", times),
        runEvent({ status: "succeeded", endedAt: iso(2000), totals }),
      ),
    ).toEqual(["  ✔ digest succeeded in 1.5s", "✔ digest r1 succeeded in 2.0s (1 task)"]);
  });

  it("say why a run failed", () => {
    const error = { code: 422 as const, message: "task a failed: no such page" };
    expect(linesOf(runEvent({ status: "failed", endedAt: iso(40), error }))).toEqual([
      "✖ digest r1 failed in 40ms (1 task): task a failed: no such page",
    ]);
  });
});
