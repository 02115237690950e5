import type { WatchEvent } from "../../src/app.ts";
import type { RunSummary, TaskView, TaskViewState } from "../../src/core/run-view.ts";

/** Every made-up run begins at this moment. */
export const BEGIN = Date.parse("2026-05-04T13:00:00Z");
export const iso = (afterMs: number): string => new Date(BEGIN + afterMs).toISOString();

const aRun = (more: Partial<RunSummary> = {}): RunSummary => ({
  run: "r1",
  type: "digest",
  status: "running",
  submittedAt: iso(0),
  totals: { tasks: 1, succeeded: 0, failed: 0, cancelled: 0, executions: 0 },
  ...more,
});

export const aTask = (task: string, state: TaskViewState, more: Partial<TaskView> = {}): TaskView => ({
  task,
  type: task === "-" ? "digest" : "translate",
  state,
  attempt: 1,
  ...more,
});

export const taskEvent = (...about: Parameters<typeof aTask>): WatchEvent => ({ kind: "task", task: aTask(...about) });
export const runEvent = (more: Partial<RunSummary> = {}): WatchEvent => ({ kind: "run", run: aRun(more) });
