import type { FinishedRun, FinishedTask } from "../../src/telemetry/record-run.ts";

/** 14 November 2023: long before this process began, as after a takeover. */
export const SUBMITTED = 1_700_000_000_000;

export const finishedTask = (task: string, more: Partial<FinishedTask> = {}): FinishedTask => ({
  task,
  type: "leaf",
  startedAt: SUBMITTED + 100,
  endedAt: SUBMITTED + 900,
  state: "succeeded",
  attempt: 1,
  ...more,
});

export const finishedRun = (
  run: string,
  tasks: Iterable<FinishedTask>,
  more: Partial<FinishedRun> = {},
): FinishedRun => ({
  run,
  tenant: "default",
  type: "document",
  submittedAt: SUBMITTED,
  endedAt: SUBMITTED + 1000,
  status: "succeeded",
  tasks,
  ...more,
});
