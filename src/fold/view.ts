import type { TaskError, WireError } from "../core/error.ts";
import type { Ended, RunStatus, Totals } from "../core/event.ts";
import { resolveRetry } from "../core/policy.ts";
import type { RunSummary, TaskView, TaskViewState, WaitView } from "../core/run-view.ts";
import { kindOfWait } from "../core/wait.ts";
import { aftermathOf } from "./aftermath.ts";
import { budgetOf } from "./budget.ts";
import type { Losses } from "./losses.ts";
import type { RunState } from "./run-state.ts";
import { attemptOf, isFinal, isOpen, stateOf, type TaskRecord } from "./task-record.ts";

const iso = (ms: number): string => new Date(ms).toISOString();

export function viewTask(task: TaskRecord): TaskView {
  return {
    task: task.id,
    type: task.spec.type,
    ...labelled(task),
    ...(task.node?.stated.tags && { tags: task.node.stated.tags }),
    state: stateOf(task) satisfies TaskViewState,
    attempt: attemptOf(task),
    ...(attemptOf(task) > 1 || task.error ? { maxAttempts: maxAttemptsOf(task) } : {}),
    ...(stateOf(task) === "backingOff" && { dueAt: iso(task.dueAt), ...viewDeferral(task) }),
    ...(task.openedAt && { openedAt: iso(task.openedAt) }),
    ...(task.startedAt && { startedAt: iso(task.startedAt) }),
    ...(task.endedAt && { endedAt: iso(task.endedAt) }),
    ...repetitionOf(task),
    ...(stateOf(task) === "awaiting" && { wait: viewWait(task)! }),
    ...(task.worker !== undefined && { worker: task.worker }),
    ...(task.losses && { lost: viewLosses(task, task.losses) }),
    ...(task.error && { error: viewError(task.error) }),
    ...(task.node?.hasFallenBack && { fallback: true as const }),
    ...spentOf(task),
    ...markOf(task),
    ...(task.failedAt !== undefined && task.failedAt !== task.id && { cause: task.failedAt }),
  };
}

/** Of a task whose last attempt was deferred. */
function viewDeferral(task: TaskRecord): Pick<TaskView, "deferred"> {
  const { deferral } = task;
  if (deferral?.attempt !== attemptOf(task)) return {};
  const { times, why } = deferral;
  return { deferred: { times, ...(why !== undefined && { why }) } };
}

function viewLosses(task: TaskRecord, { times, workers, last }: Losses): TaskView["lost"] {
  return { times, workers: [...workers], ...(!last.gone && isOpen(task, last.attempt) && { silent: true }) };
}

function labelled({ parent, node }: TaskRecord): Pick<TaskView, "label"> {
  const label = parent?.node?.labels?.[node!.index];
  return label === undefined ? {} : { label };
}

/** Of a repetition: how far it has come. */
function repetitionOf(task: TaskRecord): Pick<TaskView, "repeat" | "dueAt"> {
  const { rounds } = task.children ?? {};
  if (!rounds) return {};
  const { times } = task.node!.stated.repeat!;
  const isResting = stateOf(task) === "resting";
  return { repeat: { round: rounds.executions, times }, ...(isResting && { dueAt: iso(task.dueAt) }) };
}

/** What a task waits for; undefined where it does not. */
export function viewWait(task: TaskRecord): WaitView | undefined {
  const wait = task.run.waits?.open.get(task);
  if (!wait) return undefined;
  const { awaited, since, endsAt } = wait;
  const stated = task.node!.stated.wait;
  const kind = stated ? kindOfWait(stated) : "start";
  const called = stated?.signal ?? awaited.subject ?? awaited.run;
  return {
    for: kind,
    ...(called !== undefined && { name: called }),
    ...(awaited.ask !== undefined && { ask: awaited.ask }),
    ...(awaited.from && { from: awaited.from }),
    ...(kind === "subject" && { isStored: awaited.stream !== undefined }),
    since: iso(since),
    ...(endsAt > 0 && { until: iso(endsAt) }),
  };
}

function spentOf(task: TaskRecord): Pick<TaskView, "usage" | "budget"> {
  const usage = task.run.usage?.get(task);
  const budget = task.node?.stated.budget ? budgetOf(task) : undefined;
  return { ...(usage && { usage: { ...usage } }), ...(budget && { budget }) };
}

function markOf(task: TaskRecord): Pick<TaskView, "marked"> {
  const mark = task.run.marks?.get(task);
  if (!mark) return {};
  const { at, by, reason } = mark;
  return { marked: { at: iso(at), ...(by !== undefined && { by }), ...(reason !== undefined && { reason }) } };
}

/** Counted from the first attempt: after a redrive, those of the rounds before come on top. */
const maxAttemptsOf = ({ spec, error, snapshot: { context } }: TaskRecord): number =>
  context.spent + resolveRetry(spec.retry, error?.policy?.retry).attempts;

/** What is shown of an error: all but what only the fold acts on. */
export const viewError = ({
  policy: _policy,
  retryAfterMs: _after,
  ...error
}: TaskError): NonNullable<TaskView["error"]> => error;

export const totalsOf = (run: RunState): Totals => ({
  tasks: run.tasks.size,
  succeeded: run.succeeded,
  failed: run.failed,
  cancelled: run.cancelled,
  ...(run.skipped > 0 && { skipped: run.skipped }),
  ...(run.abandoned > 0 && { abandoned: run.abandoned }),
  ...(run.compensated > 0 && { compensated: run.compensated }),
  ...(run.uncompensated > 0 && { uncompensated: run.uncompensated }),
  executions: run.executions,
});

const ENDED: readonly RunStatus[] = ["succeeded", "failed", "cancelled"];

/** As a caller sees it: running, or paused, until `ended` has been read. */
export function statusOf({ snapshot }: RunState): RunStatus {
  if (snapshot.hasTag("paused")) return "paused";
  return ENDED.find((status) => status === snapshot.value) ?? "running";
}

function pausesIn(run: RunState): Pick<RunSummary, "paused"> {
  const paused = [...(run.pauses ?? [])].flatMap(([task, { by, reason, at, resumedAt }]) =>
    resumedAt === undefined && !isFinal(task)
      ? [{ task: task.id, since: iso(at), ...(by !== undefined && { by }), ...(reason !== undefined && { reason }) }]
      : [],
  );
  return paused.length > 0 ? { paused } : {};
}

/** A run without its tasks. `ended` is the event, once there is one; its output must have been fetched. */
export function summarize(run: RunState, trace: string, ended?: { body: Ended; at: number }): RunSummary {
  return {
    run: run.run,
    type: run.submitted.type,
    status: ended?.body.status ?? statusOf(run),
    ...(run.submitted.tags && { tags: run.submitted.tags }),
    submittedAt: iso(run.submittedAt),
    ...(ended && { endedAt: iso(ended.at) }),
    ...(ended?.body.output !== undefined && { output: ended.body.output }),
    ...(ended?.body.error && { error: ended.body.error }),
    trace,
    totals: ended?.body.totals ?? totalsOf(run),
    ...pausesIn(run),
    ...(run.usage && { usage: { ...run.usage.get(run.root) } }),
    ...(run.redriven && { redriven: { ...run.redriven, at: iso(run.redriven.at) } }),
  };
}

/** What `ended` says of a run that did not succeed. */
export const failureOf = (run: RunState): WireError => ({ ...reasonOf(run), ...aftermathOf(run) });

function reasonOf(run: RunState): WireError {
  const { root } = run;
  const where = { run: run.run };
  if (run.snapshot.context.outcome === "cancelled") {
    const { by, reason } = run.cancelledBy ?? {};
    return {
      code: 499,
      message: `the run was cancelled${by ? ` by ${by}` : ""}${reason ? `: ${reason}` : ""}`,
      ...where,
    };
  }
  if (run.expired) {
    const allowed = run.submitted.deadlineMs;
    return { code: 408, message: `the run did not end within its deadline of ${allowed} ms${underWay(run)}`, ...where };
  }
  const task = root.failedAt ?? root.id;
  const error: TaskError = root.error ?? { kind: "terminal", message: "no reason was given" };
  const { kind: _, message, ...details } = viewError(error);
  return { code: 422, message: `task ${task} failed: ${message}`, path: task, task, ...where, ...details };
}

const MOST_NAMED = 5;

/** Which tasks below the root the deadline cut off, on the queue or in a worker's hands: a parent, or who still waits for siblings, is none. */
function underWay(run: RunState): string {
  const named: string[] = [];
  let more = 0;
  for (const task of run.tasks.values()) {
    if (stateOf(task) !== "cancelled" || task.children || task.missing > 0) continue;
    if (named.length < MOST_NAMED) named.push(task.id);
    else more++;
  }
  return named.length > 0 ? `; still under way: ${named.join(", ")}${more > 0 ? ` and ${more} more` : ""}` : "";
}
