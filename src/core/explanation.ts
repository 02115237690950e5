import { z } from "zod";
import { RUN_STATUSES } from "./event.ts";
import { name, taskId } from "./names.ts";

/** A part of a run's time: what one task did or waited for. */
const spent = z.object({
  task: taskId,
  type: name,
  /** `queued` (for a worker), `running`, or a state of the task's chart: `blocked`, `backingOff`, … */
  what: z.string(),
  /** ISO 8601. */
  from: z.string(),
  ms: z.number(),
});
export type Spent = z.output<typeof spent>;

/** A task that is not over, and what it waits for. */
const waiting = spent.extend({
  /** In words. */
  for: z.string(),
});
export type Waiting = z.output<typeof waiting>;

const failedAttempt = z.object({
  attempt: z.int(),
  /** When it ended, ISO 8601. */
  at: z.string(),
  /** From the start of its execution, where that is known, else from when it was opened. */
  ms: z.number(),
  worker: z.string().optional(),
  /** The event of the task's chart that ended it: `attemptFailed`, `lost`, … Absent while it is open. */
  endedOn: z.string().optional(),
  error: z.object({ kind: z.string(), name: z.string().optional(), message: z.string() }).optional(),
});

/** The first task that failed on its own account, and what followed. */
const failure = z.object({
  task: taskId,
  type: name,
  /** Sequence in the log of the event by which it failed for good. */
  sequence: z.int(),
  at: z.string(),
  /** All its attempts so far, in order. */
  attempts: z.array(failedAttempt),
  message: z.string(),
  stack: z.string().optional(),
  /** Whether the run has gone on, or has ended well, without the task: a join, a fallback or `optional` took its failure. */
  isTaken: z.boolean(),
  /** What the same event of the log took with it: the first of these tasks, and how many there are. */
  stopped: z.array(z.object({ task: taskId, type: name, state: z.string() })),
  stoppedCount: z.int(),
});
export type Failure = z.output<typeof failure>;

const cost = z.object({
  type: name,
  tasks: z.int(),
  attempts: z.int(),
  /** Time in which its attempts were executed, all together. */
  runningMs: z.number(),
  queuedMs: z.number(),
  /** The sums of what its attempts report: `calls`, `inputTokens`, `outputTokens`, … */
  usage: z.record(z.string(), z.number()),
});
export type Cost = z.output<typeof cost>;

/** Why a run is as it is, as `tutti explain --json` prints it. */
export const explanation = z.object({
  run: name,
  type: name,
  status: z.enum(RUN_STATUSES),
  submittedAt: z.string(),
  endedAt: z.string().optional(),
  /** Until its end, or until now. */
  ms: z.number(),
  failure: failure.optional(),
  /** What is not over, and what it waits for: the longest first, fifty at most. */
  waiting: z.array(waiting),
  waitingCount: z.int(),
  /** The longest waits of the run, those that are over too: ten at most. */
  longestWaits: z.array(waiting),
  /** What the run's time was spent on, in order: had any part been shorter, the run would have ended sooner. */
  criticalPath: z.array(spent),
  /** By type, the longest in execution first. */
  costs: z.array(cost),
  /** Commands of `tutti` that lead on, and why. */
  next: z.array(z.object({ command: z.string(), why: z.string() })),
});
export type Explanation = z.output<typeof explanation>;
