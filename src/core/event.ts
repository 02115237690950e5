import { z } from "zod";
import { cancel, mark, pause, redrive, resume } from "./control-event.ts";
import { taskError, wireError } from "./error.ts";
import { deferred, lost } from "./event-attempt.ts";
import { json } from "./json.ts";
import { isTaskId, name, priority, taskId } from "./names.ts";
import { policy } from "./policy.ts";
import { blobRef, moment, versionOf } from "./stored.ts";
import { tags } from "./tags.ts";
import { awaited } from "./wait.ts";

export { moment } from "./stored.ts";

/** Totals of a run. `executions` counts attempts whose result arrived, so it may exceed `tasks`. */
export const totals = z.object({
  tasks: z.int(),
  succeeded: z.int(),
  failed: z.int(),
  cancelled: z.int(),
  /** Left out, by a condition or because what they need was. */
  skipped: z.int().optional(),
  /** Stopped, since nothing could use them any more. */
  abandoned: z.int().optional(),
  /** Undone. */
  compensated: z.int().optional(),
  /** Those that were to be undone, and could not be. */
  uncompensated: z.int().optional(),
  executions: z.int(),
});
export type Totals = z.output<typeof totals>;

/** Where an event stood in the log: its sequence, and the log's timestamp, ms. */
const place = { sequence: z.int().min(1), at: z.number() };

/** The first event of every run. Everything is resolved: the fold asks no registry. */
export const submitted = z.object({
  v: versionOf("submitted"),
  type: name,
  input: json.optional(),
  inputRef: blobRef.optional(),
  policy: policy.required({ retry: true }),
  priority,
  /** Milliseconds from this event's log timestamp. */
  deadlineMs: z.number().positive().optional(),
  requester: z.string().optional(),
  /** What the run is found by. */
  tags: tags.optional(),
  /** Where the caller waits for the outcome: the owner of the run sends it there when the run has ended. */
  replyTo: z.string().optional(),
  /** The caller's W3C `traceparent`, when it sent one. */
  trace: z.string().optional(),
  /** Hash of type and input, to tell a repeated request from a conflicting one. */
  digest: z.string(),
  /** The fold version the run began with. */
  fold: z.int(),
  /** Present in a copy, which begins nothing: it keeps the id of an unfinished run taken when the original goes by age. */
  original: z.object(place).optional(),
});

/** What one attempt came to: exactly one of output, outputRef, plan, planRef, error. */
export const result = z.object({
  task: taskId,
  attempt: z.int().min(1),
  worker: z.string().optional(),
  startedAt: moment.optional(),
  output: json.optional(),
  outputRef: blobRef.optional(),
  plan: z.unknown().optional(),
  planRef: blobRef.optional(),
  error: taskError.optional(),
  usage: z.record(z.string(), json).optional(),
});

/** A result as the fold takes it. */
export const readableResult = result.extend({
  /** Why its host refuses it, after a look at what the fold does not see: the text, and the object store. */
  refused: z.string().optional().catch(undefined),
});
export type Result = z.output<typeof readableResult>;

/**
 * Whether a value is a result of the usual shape, an output and no more, which {@link result} would accept as it is. Asked
 * for every task, and by hand: the schema, which has the last word on all others, takes several times as long.
 */
export function isPlainResult(value: unknown): value is Result {
  if (typeof value !== "object" || value === null) return false;
  const { task, attempt, worker, startedAt, output, outputRef, plan, planRef, error, usage } = value as Record<
    string,
    unknown
  >;
  return (
    isTaskId(task) &&
    Number.isSafeInteger(attempt) &&
    (attempt as number) > 0 &&
    (worker === undefined || typeof worker === "string") &&
    (startedAt === undefined || typeof startedAt === "string") &&
    output !== undefined &&
    outputRef === undefined &&
    plan === undefined &&
    planRef === undefined &&
    error === undefined &&
    usage === undefined
  );
}

/** Results of one run, committed together. Each is read on its own, so that a bad one spoils no other. */
export const resultEvent = z.object({ v: versionOf("result").default(1), results: z.array(z.unknown()) });

/**
 * An attempt returned a plan, as a message of its own: a plan of version 2 never stands in a `result`, so that a build which
 * does not know it gives the shard back instead of failing the attempt.
 */
export const planned = z.object({
  v: versionOf("planned"),
  task: taskId,
  attempt: z.int().min(1),
  worker: z.string().optional(),
  startedAt: moment.optional(),
  /** Exactly one of these. */
  plan: z.unknown().optional(),
  planRef: blobRef.optional(),
  usage: z.record(z.string(), json).optional(),
});
export type Planned = z.output<typeof planned>;

/** The answers to the expressions of tasks that were ready to start but for these. */
export const decided = z.object({
  v: versionOf("decided"),
  decisions: z.array(
    z.object({
      task: taskId,
      attempt: z.int().min(1),
      /** By the text of the expression. */
      answers: z.record(z.string(), json).optional(),
      /** The children of a map, as many as it is over. */
      items: z.int().min(0).optional(),
      /** Of a map whose items have labels: those of its children, in order. */
      labels: z.array(z.string()).optional(),
      labelsRef: blobRef.optional(),
      /** Of an item that is a plan which is sent: the plan, and what it is given. */
      input: json.optional(),
      inputRef: blobRef.optional(),
      /** Of a repetition: the round of which the answer says whether it was the last. */
      round: z.int().min(0).optional(),
      /** What a wait is for, its templates resolved. */
      wait: awaited.optional(),
      /** Why there are none: the task fails by it. */
      error: z.string().optional(),
    }),
  ),
});
export type Decision = z.output<typeof decided>["decisions"][number];

/** What a task waits for has been sent. It counts once, for the first wait that takes it, and is kept until there is one. */
export const signal = z.object({
  v: versionOf("signal"),
  /** So that a request that comes twice counts once. */
  id: name,
  /** The path of the task that waits, or the name that it waits for: the oldest open wait of that name takes it. */
  to: taskId,
  /** At most one of these is its content. Default: null. */
  data: json.optional(),
  dataRef: blobRef.optional(),
  /** Who has sent it. */
  by: z.string().optional(),
});
export type SentSignal = z.output<typeof signal>;

/** What has come of a wait: a signal was looked at, a message came, another run has ended. */
export const answered = z.object({
  v: versionOf("answered"),
  task: taskId,
  attempt: z.int().min(1),
  /** The signal that was looked at: where it stands in the log. Its content is the output, unless it is refused. */
  signal: z.int().min(1).optional(),
  /** Why the signal does not count: the task waits on. */
  refused: z.string().optional(),
  output: json.optional(),
  outputRef: blobRef.optional(),
  /** What is waited for will not come. */
  error: taskError.optional(),
});
export type Answered = z.output<typeof answered>;

/** `within` is the end of what a join may take (of the task's own while it is blocked, of its plan's once it is expanded), or a wait. */
export const DUE = ["backoff", "deadline", "within"] as const;
/** A moment that the fold had computed has come. */
export const due = z.object({ v: versionOf("due"), task: taskId, attempt: z.int(), what: z.enum(DUE) });
export type DueWhat = (typeof DUE)[number];

/** A change of the plan of a task, as it was asked for when that had broken. It is checked when it is read back. */
export const replan = z.object({
  v: versionOf("replan"),
  task: taskId,
  /** Of the task that was asked: `<task>/_replan`. */
  attempt: z.int().min(1),
  /** One of these: `{"tasks"?: {key: task or null}, "output"?, "join"?}`; or why there is none. */
  change: json.optional(),
  changeRef: blobRef.optional(),
  error: z.string().optional(),
});
export type Replan = z.output<typeof replan>;

export const RUN_STATUSES = ["running", "paused", "succeeded", "failed", "cancelled"] as const;
export type RunStatus = (typeof RUN_STATUSES)[number];

/** The last event of every run; the first one counts, and after a `redrive` that counted the next. */
export const ended = z.object({
  v: versionOf("ended"),
  status: z.enum(["succeeded", "failed", "cancelled"]),
  output: json.optional(),
  outputRef: blobRef.optional(),
  error: wireError.optional(),
  totals,
});

/** An event of the log as it was: its body is read on its own, like a message of the log. */
const carriedEvent = z.object({ event: z.string(), ...place, body: z.unknown() });
export type CarriedEvent = z.output<typeof carriedEvent>;

/**
 * Stands for all events of an unfinished run before the message `upTo` (a copy of its `submitted`), which may go by age.
 * The events are here, or a JSON array in the object store.
 */
export const carried = z.object({
  v: versionOf("carried"),
  upTo: z.int().min(1),
  events: z.array(carriedEvent).optional(),
  eventsRef: blobRef.optional(),
});

/** The events of a run's log; `kind` is the last token of the subject. */
export const EVENT_SCHEMAS = {
  submitted,
  result: resultEvent,
  planned,
  deferred,
  lost,
  decided,
  replan,
  signal,
  answered,
  due,
  cancel,
  pause,
  resume,
  mark,
  redrive,
  ended,
  carried,
} as const;
export type EventKind = keyof typeof EVENT_SCHEMAS;
export type EventBody<K extends EventKind> = z.output<(typeof EVENT_SCHEMAS)[K]>;
export type Submitted = EventBody<"submitted">;
export type Due = EventBody<"due">;
export type Ended = EventBody<"ended">;
export type Carried = EventBody<"carried">;

/** `at`: log time, ms, the fold's only clock. `nanos`: what the log's time has beyond that; the fold does not look at it. */
type Placed = { readonly sequence: number; readonly at: number; readonly nanos?: number | undefined };
/** An event as the fold takes it: with its place in the log and the log's own time. */
export type RunEvent = { [K in EventKind]: { readonly kind: K; readonly body: EventBody<K> } & Placed }[EventKind];
