import { z } from "zod";
import { wireError } from "./error.ts";
import { RUN_STATUSES, totals } from "./event.ts";
import { json } from "./json.ts";
import { name, taskId } from "./names.ts";
import { WAITS } from "./plan-options.ts";
import { errorDetails } from "./thrown.ts";

/**
 * Where a task stands, as shown. An attempt that is open is `ready` in the log; `held` (a limit keeps it from the queue),
 * `queued` and `running` say more where that is known, and may lag. The others come from the log.
 */
export const TASK_STATES = [
  "blocked",
  "deciding",
  "awaiting",
  "checking",
  "resting",
  "ready",
  "held",
  "queued",
  "running",
  "backingOff",
  "expanded",
  "replanning",
  "tidying",
  "recovering",
  "succeeded",
  "failed",
  "cancelled",
  "skipped",
  "abandoned",
  "undoing",
  "compensated",
  "uncompensated",
] as const;
export type TaskViewState = (typeof TASK_STATES)[number];

const iso = z.string();

const usageSums = z.record(z.string(), z.number());

/** What a task waits for. */
export const waitView = z.object({
  /** `start`: it is about to start another run. */
  for: z.enum([...WAITS, "start"]),
  /** The name of the signal, the subject, or the id of the run. */
  name: z.string().optional(),
  ask: json.optional(),
  /** Who may answer. Absent: anybody. */
  from: z.array(z.string()).optional(),
  /** Of a subject: false where no stream keeps its messages, so that none is heard while no owner listens. */
  isStored: z.boolean().optional(),
  /** When the wait began. */
  since: iso,
  /** The time that is waited for; else when the wait ends unanswered. Absent: never. */
  until: iso.optional(),
});
export type WaitView = z.output<typeof waitView>;

export const taskView = z.object({
  task: taskId,
  type: name,
  /** Of an item of a map that says where its items have labels. */
  label: z.string().optional(),
  /** What the plan says for search. */
  tags: z.array(z.string()).optional(),
  state: z.enum(TASK_STATES),
  /** While it is held back: by which limit, and how full that is. */
  limit: z
    .object({
      limit: z.string(),
      tenant: name.optional(),
      what: z.enum(["concurrency", "rate"]),
      most: z.int(),
      perMs: z.number().optional(),
      held: z.int(),
    })
    .optional(),
  attempt: z.int(),
  /** Attempts that its policy allows, as far as the log states them: a retry policy that only its type has is known after a failure. */
  maxAttempts: z.int().optional(),
  /** While it backs off: when the next attempt opens. */
  dueAt: iso.optional(),
  /** While it backs off because its attempt was deferred ("not now"): for which reason, and for the how manieth time in a row. */
  deferred: z.object({ times: z.int(), why: z.string().optional() }).optional(),
  /**
   * The workers that were lost with its attempts: how many there were, and the names of the last, the last first. `silent`: that
   * one does not answer, and may still have the attempt.
   */
  lost: z.object({ times: z.int(), workers: z.array(z.string()), silent: z.literal(true).optional() }).optional(),
  /** When its first attempt was opened: the task had all that it needs. */
  openedAt: iso.optional(),
  startedAt: iso.optional(),
  endedAt: iso.optional(),
  worker: z.string().optional(),
  /** Of a repetition: its present round, counted from 1, and how many there may be. */
  repeat: z.object({ round: z.int(), times: z.int() }).optional(),
  /** While it is awaiting. */
  wait: waitView.optional(),
  error: z.object({ kind: z.string(), message: z.string(), ...errorDetails.shape }).optional(),
  /** Present and true once its fallback has taken its failure: `type` and later attempts are those of the fallback. */
  fallback: z.literal(true).optional(),
  /** What it and all that is below it have reported: `calls`, `inputTokens`, `outputTokens`, `cachedTokens`, `reasoningTokens`, `cost`, and other counts of its workers. */
  usage: usageSums.optional(),
  /** The parts of its budget, and what has been used of them. */
  budget: z
    .array(z.object({ what: z.enum(["tokens", "cost", "tasks"]), limit: z.number(), used: z.number() }))
    .optional(),
  /** It was told from outside how it has ended. */
  marked: z.object({ at: iso, by: z.string().optional(), reason: z.string().optional() }).optional(),
  /** Whose failure the error is, when it is another task's. */
  cause: taskId.optional(),
});
export type TaskView = z.output<typeof taskView>;

/** What `show --json` prints. Times are ISO 8601. */
export const runView = z.object({
  run: name,
  type: name,
  status: z.enum(RUN_STATUSES),
  tags: z.array(z.string()).optional(),
  submittedAt: iso,
  endedAt: iso.optional(),
  output: json.optional(),
  error: wireError.optional(),
  /** The trace id, 32 hexadecimal digits. */
  trace: z.string().optional(),
  totals,
  /** Of a run that was redriven: which attempt of which task had failed when it was redriven last, and the how manieth time that was. */
  redriven: z.object({ task: taskId, attempt: z.int(), at: iso, times: z.int() }).optional(),
  /** What its attempts have reported, added up. */
  usage: usageSums.optional(),
  /** What is paused now: the run, as the task `-`, or parts of it. */
  paused: z
    .array(z.object({ task: taskId, since: iso, by: z.string().optional(), reason: z.string().optional() }))
    .optional(),
  tasks: z.array(taskView),
});
export type RunView = z.output<typeof runView>;

/** A line of `runs`. */
export const runSummary = runView.omit({ tasks: true });
export type RunSummary = z.output<typeof runSummary>;
