import type { TracedAttempt, TracedRun, TracedTask } from "../../src/telemetry/traced-run.ts";

/** 14 November 2023: long before this process began, as after a takeover. */
export const SUBMITTED = 1_700_000_000_000;

export const finishedAttempt = (attempt = 1, more: Partial<TracedAttempt> = {}): TracedAttempt => ({
  attempt,
  from: SUBMITTED + 200,
  to: SUBMITTED + 900,
  endedOn: "returned",
  worker: "worker-1",
  subject: "tutti.tasks.leaf.normal.0.default.r.a.1",
  usage: {},
  events: [],
  ...more,
});

export const finishedTask = (task: string, more: Partial<TracedTask> = {}): TracedTask => ({
  task,
  type: "leaf",
  from: SUBMITTED + 100,
  to: SUBMITTED + 900,
  state: "succeeded",
  ...(task !== "-" && { parentRound: 1 }),
  needs: [],
  usage: {},
  phases: [],
  waits: [],
  attempts: [],
  ...more,
});

export const finishedRun = (run: string, tasks: Iterable<TracedTask>, more: Partial<TracedRun> = {}): TracedRun => ({
  run,
  tenant: "default",
  type: "document",
  round: 1,
  from: SUBMITTED,
  to: SUBMITTED + 1000,
  status: "succeeded",
  usage: {},
  tasks,
  ...more,
});
