import type { TaskError } from "../core/error.ts";
import { backoffMs, DEFAULT_RETRY, type Policy, resolveRetry } from "../core/policy.ts";
import type { Awaited } from "../core/wait.ts";
import type { RunEffect, RunMachineEvent } from "../machines/run.ts";
import type { TaskEffect } from "../machines/task-effect.ts";
import type { TaskMachineEvent } from "../machines/task-event.ts";
import { takesFailure } from "./fallback.ts";
import { mayBeReadAgain, releaseItems, releaseNeeds } from "./held-outputs.ts";
import { startable } from "./map-node.ts";
import { isPaused } from "./pauses.ts";
import { plant, plantItems, plantRound } from "./planting.ts";
import { isToReduce, plantReduction } from "./reduction.ts";
import { replans } from "./replan-limit.ts";
import { revivals } from "./revival.ts";
import type { RunState } from "./run-state.ts";
import { findStart } from "./start.ts";
import type { StepData } from "./step-data.ts";
import { arm, runSteps, type TaskStep, type Turn, taskSteps } from "./steps.ts";
import { attemptInRound, attemptOf, isFinal, isLater, NO_TASKS, stateOf, type TaskRecord } from "./task-record.ts";
import { noteFailed, noteNothingDone, noteOpened, noteSucceeded, rootFailed } from "./undo-state.ts";
import { hasSteps, isTaken } from "./undo-steps.ts";
import { beginWait, endWait } from "./waiting.ts";

/**
 * Steps the machines of one run and carries out, within the tree, what they ask for: the end of a task goes to those that
 * need it and to its parent, a plan grows children. What concerns the world is added to the turn's effects.
 */

/** Steps a task by an event on whose data no guard depends. */
export function stepTask(task: TaskRecord, type: TaskMachineEvent["type"], turn: Turn, data: StepData = NO_DATA): void {
  take(task, type, taskSteps.stepOnce(task.snapshot, type), turn, data);
}
const NO_DATA: StepData = {};

/** Fails a task otherwise than by an attempt's failure. */
export function failTask(task: TaskRecord, type: "broken" | "expired", turn: Turn, data: StepData = NO_DATA): void {
  if (type === "broken" && replans(task, data.error)) return stepTask(task, "replan", turn, data);
  if (!recovers(task, data.error, type === "expired")) return stepTask(task, type, turn, data);
  take(task, type, taskSteps.step(task.snapshot, { type, recovers: true }), turn, data);
}

/** Ends a task otherwise than by a failure of its own. */
export function endTask(
  task: TaskRecord,
  type: "met" | "skip" | "cancel" | "abandon" | "markedSucceeded" | "markedSkipped" | "markedFailed",
  turn: Turn,
  data: StepData = NO_DATA,
): void {
  const isUnwound =
    type === "cancel" || type === "markedFailed" ? hasSteps(task, "all") && isTaken(task) : hasSteps(task, "stopped");
  if (!isUnwound) return stepTask(task, type, turn, data);
  take(task, type, taskSteps.step(task.snapshot, { type, recovers: true }), turn, data);
}

/** Ends a task whose plan, or whose items, are enough; a map whose outputs are reduced by tasks has these to wait for first. */
export function succeed(task: TaskRecord, turn: Turn): void {
  if (!isToReduce(task)) return endTask(task, "met", turn);
  const child = plantReduction(task);
  for (const item of task.children!.all) if (item !== child && !isFinal(item)) endTask(item, "abandon", turn);
  if (isPaused(child)) return;
  child.node!.hasLeft = true;
  start(child, turn);
}

/** Whether something is to be done before the task ends by this failure. */
const recovers = (task: TaskRecord, error: TaskError | undefined, isLate: boolean): boolean =>
  takesFailure(task, error, isLate) || (hasSteps(task, "all") && isTaken(task));

/** Ends the current attempt with an error; the machine decides, by policy, whether another follows. */
export function failAttempt(task: TaskRecord, error: TaskError, turn: Turn, data: StepData = NO_DATA): void {
  // The plan's own word counts first, then the policy of the type, which the failure carries.
  const { retry } = task.spec;
  const attempts = retry?.attempts ?? error.policy?.retry?.attempts ?? defaultAttempts(task);
  const on = retry && "on" in retry ? retry.on : undefined;
  noteFailed(task, error.kind);
  const event = {
    type: "attemptFailed",
    error,
    ...(attempts !== undefined && { attempts }),
    ...(on && { isRetried: on.includes(error.kind) || (error.name !== undefined && on.includes(error.name)) }),
    ...(recovers(task, error, false) && { recovers: true }),
  } as const;
  take(task, event.type, taskSteps.step(task.snapshot, event), turn, { ...data, error });
}

/** Those that its chart begins with are for what the plan stated of the task, and not for its fallback. */
const defaultAttempts = ({ node }: TaskRecord): number | undefined =>
  node?.hasFallenBack ? DEFAULT_RETRY.attempts : undefined;

/** Takes a step of a task's machine, and carries out what it asks for. */
function take(task: TaskRecord, on: TaskMachineEvent["type"], step: TaskStep, turn: Turn, data: StepData): void {
  const before = task.snapshot;
  if (step.snapshot === before && step.effects.length === 0) return;
  task.snapshot = step.snapshot;
  if (data.error) task.error = data.error;
  // A failure from outside is the task's own, whatever had broken its plan before.
  if (data.error && (on === "cancel" || on === "expired" || on === "markedFailed")) task.failedAt = undefined;
  if (isFinal(task)) task.endedAt = turn.at;
  // Told before what follows from it: a child's end comes before its parent's.
  turn.effects.push({ kind: "changed", task, on, before, after: step.snapshot });
  for (const effect of step.effects) taskEffects[effect](task, turn, data);
}

const taskEffects: Readonly<Record<TaskEffect, (task: TaskRecord, turn: Turn, data: StepData) => void>> = {
  openAttempt(task, turn) {
    if (task.openedAt === 0) task.openedAt = turn.at;
    turn.effects.push({ kind: "open", task, attempt: attemptOf(task) });
    if (task.node) beginWithin(task, turn);
    noteOpened(task, true);
  },
  closeAttempt(task, turn, { isOrphaned }) {
    turn.effects.push({ kind: isOrphaned ? "withdraw" : "close", task, attempt: attemptOf(task) });
  },
  withdrawAttempt: (task, turn) => void turn.effects.push({ kind: "withdraw", task, attempt: attemptOf(task) }),
  armBackoff(task, turn, { error, dueAt }) {
    noteNothingDone(task);
    const policy: Policy | undefined = error?.policy;
    const delayMs = Math.max(
      backoffMs(resolveRetry(task.spec.retry, policy?.retry), task.run.run, task.id, attemptInRound(task)),
      error?.retryAfterMs ?? 0,
    );
    task.dueAt = dueAt ?? turn.at + delayMs;
    arm(task, "backoff", task.dueAt, turn);
  },
  disarmBackoff: (task, turn) => void turn.effects.push({ kind: "disarm", task, what: "backoff" }),
  armWithin(task, turn) {
    const { node, children } = task;
    const waiting = stateOf(task) === "blocked" ? node : stateOf(task) === "expanded" ? children?.plan : undefined;
    if (!waiting) return;
    const { withinMs } = waiting === node ? node.checked.joinOf(node.index) : waiting.checked.join;
    if (withinMs === undefined) return;
    waiting.withinAt = turn.at + withinMs;
    arm(task, "within", waiting.withinAt, turn);
  },
  disarmWithin(task, turn) {
    for (const waiting of [task.node, task.children?.plan]) {
      if (!waiting?.withinAt) continue;
      waiting.withinAt = 0;
      turn.effects.push({ kind: "disarm", task, what: "within" });
    }
  },
  armDeadline(task, turn) {
    const { node } = task;
    if (node?.stated.deadline === undefined) return;
    node.deadlineAt = turn.at + node.stated.deadline;
    arm(task, "deadline", node.deadlineAt, turn);
  },
  disarmDeadline(task, turn) {
    if (!task.node?.deadlineAt) return;
    task.node.deadlineAt = 0;
    turn.effects.push({ kind: "disarm", task, what: "deadline" });
  },
  decide(task, turn) {
    turn.effects.push({ kind: "decide", task, attempt: attemptOf(task) });
    beginWithin(task, turn);
  },
  askForChange: (task, turn) => void turn.pending.push(task),
  // Carried out once the queue comes to it: a failure may spread along a chain of any length.
  unwind(task, turn) {
    turn.pending.push(task);
    if (!task.parent) stepRun(task.run, { type: "unwind" }, turn);
  },
  beginWait(task, turn, { awaited }) {
    task.openedAt = turn.at;
    beginWithin(task, turn);
    beginWait(task, awaited!, turn);
  },
  endWait,
  plant(task, turn, { checked, items, round }) {
    if (task.openedAt === 0) task.openedAt = turn.at;
    if (task.node) beginWithin(task, turn);
    noteOpened(task, false);
    if (items !== undefined) {
      plantItems(task, items);
      return items === 0 ? succeed(task, turn) : startItems(task, turn);
    }
    if (round) plantRound(task, round === "first");
    else plant(task, checked!);
    const { all, plan } = task.children!;
    if (all.length === 0) return endTask(task, "met", turn);
    if (isPaused(task)) return;
    for (const child of all)
      if (stateOf(child) === "blocked" && child.missing === 0 && (!plan || child.needs.length === 0))
        start(child, turn);
  },
  cancelChildren(task, turn) {
    for (const child of task.children?.all ?? NO_TASKS) stepTask(child, "cancel", turn);
    stopReplanner(task, turn);
  },
  abandonChildren(task, turn) {
    const { children } = task;
    // A plan of version 1 succeeds when all of it has, or when it is marked.
    if (!children || (!children.plan && stateOf(task) === "succeeded" && children.remaining === 0)) return;
    for (const child of children.all) stepTask(child, "abandon", turn);
    stopReplanner(task, turn);
  },
  reportSuccess(task, turn) {
    task.run.succeeded++;
    releaseItems(task);
    task.error = undefined;
    task.failedAt = undefined;
    noteSucceeded(task);
    if (!mayBeReadAgain(task)) releaseNeeds(task);
    if (task.node || isLater(task)) return void turn.pending.push(task);
    for (const dependent of task.dependents ?? NO_TASKS)
      if (--dependent.missing === 0 && !isPaused(dependent)) start(dependent, turn);
    const { parent } = task;
    if (!parent) stepRun(task.run, { type: "rootSucceeded" }, turn);
    else if (--parent.children!.remaining === 0) stepTask(parent, "met", turn);
  },
  reportFailure(task, turn) {
    const { parent, run } = task;
    const cancelled = stateOf(task) === "cancelled";
    if (cancelled) run.cancelled++;
    else run.failed++;
    if (task.node || isLater(task)) return void turn.pending.push(task);
    if (!parent) return stepRun(run, cancelled ? { type: "rootCancelled" } : rootFailed(run), turn);
    if (!isFinal(parent)) breakBy(parent, task, turn);
  },
  reportSkip(task, turn) {
    task.run.skipped++;
    if (task.node || isLater(task)) turn.pending.push(task);
    // A plan of which nothing had to be done has nothing to return either.
    else if (!task.parent) stepRun(task.run, { type: "rootSucceeded" }, turn);
  },
  reportAbandoned(task, turn) {
    task.run.abandoned++;
    if (task.node) turn.pending.push(task);
  },
  beginUndo: (task, turn) => void turn.pending.push(task),
  reportCompensated: (task) => void task.run.compensated++,
  reportUncompensated: (task) => void task.run.uncompensated++,
};

function stopReplanner({ children }: TaskRecord, turn: Turn): void {
  const replanner = children?.plan?.replanner;
  if (replanner) stepTask(replanner, "cancel", turn);
}

/** A task fails because another one has, whose failure is the cause. */
export function breakBy(task: TaskRecord, culprit: TaskRecord, turn: Turn): void {
  task.failedAt = culprit.failedAt ?? culprit.id;
  failTask(task, "broken", turn, culprit.error && { error: culprit.error });
}

/** A task can start: from now on, the joins of those that need it may take so long. */
function beginWithin(task: TaskRecord, turn: Turn): void {
  for (const dependent of task.dependents ?? NO_TASKS) {
    const { checked, index, withinAt } = dependent.node!;
    if (withinAt === 0 && checked.joinOf(index).withinMs !== undefined) stepTask(dependent, "awaited", turn);
  }
}

/** Begins a task whose join is met: by an attempt, by its plan, by a wait, or by having its expressions answered. */
export function start(task: TaskRecord, turn: Turn, awaited?: Awaited): void {
  const found = findStart(task, awaited);
  if (found.event === "broken") failTask(task, "broken", turn, found);
  else stepTask(task, found.event, turn, found);
}

export function startItems(map: TaskRecord, turn: Turn): void {
  if (isPaused(map)) return;
  for (const item of startable(map)) if (!isPaused(item)) start(item, turn);
}

export function stepRun(run: RunState, event: RunMachineEvent, turn: Turn): void {
  const before = run.snapshot;
  const step = runSteps.step(before, event);
  if (step.snapshot === before && step.effects.length === 0) return;
  run.snapshot = step.snapshot;
  turn.effects.push({ kind: "runChanged", run, on: event.type, before, after: step.snapshot });
  for (const effect of step.effects) runEffects[effect](run, turn);
}

export const runEffects: Readonly<Record<RunEffect, (run: RunState, turn: Turn) => void>> = {
  armDeadline(run, turn) {
    if (run.deadline !== undefined) arm(run.root, "deadline", run.deadline, turn);
  },
  disarmDeadline(run, turn) {
    if (run.deadline !== undefined) turn.effects.push({ kind: "disarm", task: run.root, what: "deadline" });
  },
  cancelTree: (run, turn) => endTask(run.root, "cancel", turn),
  stopUnwinding(run, turn) {
    run.isForced = true;
    turn.pending.push(run.root);
  },
  expireTree(run, turn) {
    run.expired = true;
    failTask(run.root, "expired", turn);
  },
  reviveTree(run, turn) {
    if (run.submitted.deadlineMs !== undefined) run.deadline = turn.at + run.submitted.deadlineMs;
    for (const { task, event } of revivals(run.root)) {
      if (event === "start") start(task, turn);
      else stepTask(task, event, turn);
    }
  },
  appendEnded: (run, turn) => void turn.effects.push({ kind: "conclude", run }),
  close: (run, turn) => void turn.effects.push({ kind: "ended", run }),
};
