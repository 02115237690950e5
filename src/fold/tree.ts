import type { TaskError } from "../core/error.ts";
import type { DueWhat } from "../core/event.ts";
import { childOf, ROOT } from "../core/names.ts";
import type { PlannedTask } from "../core/plan.ts";
import type { CheckedPlan } from "../core/plan-check.ts";
import { backoffMs, DEFAULT_RETRY, type Policy, resolveRetry } from "../core/policy.ts";
import { type RunEffect, type RunMachineEvent, runMachine, runStepKey } from "../machines/run.ts";
import { createStepper, type Step } from "../machines/step.ts";
import { type TaskEffect, type TaskMachineEvent, taskMachine, taskStepKey } from "../machines/task.ts";
import type { Effect } from "./effects.ts";
import { makesParentsOutput, releaseNeeds } from "./outputs.ts";
import type { RunState } from "./run-state.ts";
import { attemptInRound, attemptOf, isFinal, NO_TASKS, type TaskRecord } from "./task-record.ts";

/**
 * Steps the machines of one run and carries out, within the tree, what they ask for: a task's success is told to those
 * that need it, a failure to its parent, a plan grows children. What concerns the world is added to the turn's effects.
 */

const taskSteps = createStepper<typeof taskMachine, TaskEffect>(taskMachine, taskStepKey);
const runSteps = createStepper<typeof runMachine, RunEffect>(runMachine, runStepKey);

/** Where in the log the tree is being changed, and what that asks of the world. */
export interface Turn {
  readonly effects: Effect[];
  /** Log time of the event, ms. */
  readonly at: number;
}

/** Asks for a `due` at a moment of the log's time, ms. */
export function arm(task: TaskRecord, what: DueWhat, at: number, { effects }: Turn): void {
  effects.push({ kind: "arm", task, what, at });
}

/** Tasks with the same number of attempts share their first snapshot. */
const firstSnapshots = new Map<number, TaskRecord["snapshot"]>();
function firstSnapshot(attempts: number): TaskRecord["snapshot"] {
  const found = firstSnapshots.get(attempts);
  if (found) return found;
  const { snapshot } = taskSteps.initial({ attempts });
  firstSnapshots.set(attempts, snapshot);
  return snapshot;
}

export function createTask(run: RunState, parent: TaskRecord | undefined, key: string, spec: PlannedTask): TaskRecord {
  const task: TaskRecord = {
    run,
    id: parent ? childOf(parent.id, key) : ROOT,
    key,
    parent,
    spec,
    snapshot: firstSnapshot(spec.retry?.attempts ?? DEFAULT_RETRY.attempts),
    needs: NO_TASKS,
    missing: 0,
    dependents: undefined,
    children: undefined,
    output: undefined,
    holders: 0,
    error: undefined,
    failedAt: undefined,
    openedAt: 0,
    endedAt: 0,
    startedAt: 0,
    worker: undefined,
    dueAt: 0,
  };
  run.tasks.set(task.id, task);
  return task;
}

/** What an event brings that its effects need, beside its type. */
export interface StepData {
  readonly checked?: CheckedPlan;
  readonly error?: TaskError;
}

/** Steps a task by an event on whose data no guard depends. */
export function stepTask(task: TaskRecord, type: TaskMachineEvent["type"], turn: Turn, data: StepData = NO_DATA): void {
  take(task, taskSteps.stepOnce(task.snapshot, type), turn, data);
}
const NO_DATA: StepData = {};

/** Ends the current attempt with an error; the machine decides, by policy, whether another follows. */
export function failAttempt(task: TaskRecord, error: TaskError, turn: Turn): void {
  // The plan's own word counts first, then the policy of the type, which the failure carries.
  const attempts = task.spec.retry?.attempts ?? error.policy?.retry?.attempts;
  const event = { type: "attemptFailed", error, ...(attempts !== undefined && { attempts }) } as const;
  take(task, taskSteps.step(task.snapshot, event), turn, { error });
}

/** Takes a step of a task's machine, and carries out what it asks for. */
function take(task: TaskRecord, step: Step<typeof taskMachine, TaskEffect>, turn: Turn, data: StepData): void {
  if (step.snapshot === task.snapshot) return;
  task.snapshot = step.snapshot;
  if (data.error) task.error = data.error;
  if (isFinal(task)) task.endedAt = turn.at;
  // Told before what follows from it: a child's end comes before its parent's.
  turn.effects.push({ kind: "changed", task });
  for (const effect of step.effects) taskEffects[effect](task, turn, data);
}

const taskEffects: Readonly<Record<TaskEffect, (task: TaskRecord, turn: Turn, data: StepData) => void>> = {
  openAttempt(task, turn) {
    if (task.openedAt === 0) task.openedAt = turn.at;
    turn.effects.push({ kind: "open", task, attempt: attemptOf(task) });
  },
  closeAttempt: (task, turn) => void turn.effects.push({ kind: "close", task, attempt: attemptOf(task) }),
  withdrawAttempt: (task, turn) => void turn.effects.push({ kind: "withdraw", task, attempt: attemptOf(task) }),
  armBackoff(task, turn, { error }) {
    const policy: Policy | undefined = error?.policy;
    const delayMs = Math.max(
      backoffMs(resolveRetry(task.spec.retry, policy?.retry), task.run.run, task.id, attemptInRound(task)),
      error?.retryAfterMs ?? 0,
    );
    task.dueAt = turn.at + delayMs;
    arm(task, "backoff", task.dueAt, turn);
  },
  disarmBackoff: (task, turn) => void turn.effects.push({ kind: "disarm", task, what: "backoff" }),
  plant: (task, turn, { checked }) => plant(task, checked!, turn),
  cancelChildren(task, turn) {
    if (!task.children) return;
    for (const child of task.children.all) stepTask(child, "cancel", turn);
  },
  reportSuccess(task, turn) {
    task.run.succeeded++;
    task.error = undefined;
    releaseNeeds(task);
    for (const dependent of task.dependents ?? NO_TASKS)
      if (--dependent.missing === 0) stepTask(dependent, "ready", turn);
    const { parent } = task;
    if (!parent) stepRun(task.run, { type: "rootSucceeded" }, turn);
    else if (--parent.children!.remaining === 0) stepTask(parent, "childrenSucceeded", turn);
  },
  reportFailure(task, turn) {
    const { parent, run } = task;
    const cancelled = task.snapshot.value === "cancelled";
    if (cancelled) run.cancelled++;
    else run.failed++;
    if (!parent) return stepRun(run, { type: cancelled ? "rootCancelled" : "rootFailed" }, turn);
    if (isFinal(parent)) return;
    parent.error = task.error;
    parent.failedAt = task.failedAt ?? task.id;
    stepTask(parent, "childFailed", turn);
  },
};

/**
 * Of a run that one task has failed, everything goes on but what has succeeded: nothing else was to end there. Parents
 * come before their children, so that none of them takes an old failure for a new one.
 */
function revive(task: TaskRecord, turn: Turn): void {
  if (task.snapshot.value === "cancelled") task.run.cancelled--;
  else task.run.failed--;
  task.error = undefined;
  task.failedAt = undefined;
  task.endedAt = 0;
  if (!task.children) return stepTask(task, task.missing > 0 ? "needsRedriven" : "redriven", turn);
  stepTask(task, "childrenRedriven", turn);
  for (const child of task.children.all) if (child.snapshot.value !== "succeeded") revive(child, turn);
}

function plant(task: TaskRecord, { plan, keys, needsOf }: CheckedPlan, turn: Turn): void {
  const all = keys.map((key) => createTask(task.run, task, key, plan.tasks[key]!));
  const output = plan.output === undefined ? undefined : task.run.tasks.get(childOf(task.id, plan.output));
  task.children = { all, remaining: all.length, output };
  releaseNeeds(task);
  for (let i = 0; i < all.length; i++) {
    const child = all[i]!;
    const needed = needsOf(i);
    // An output that nobody needs is not kept in parts either.
    if (task.holders > 0 && makesParentsOutput(child)) child.holders++;
    if (needed.length === 0) continue;
    child.needs = needed.map((index) => all[index]!);
    child.missing = needed.length;
    for (const need of child.needs) {
      need.holders++;
      // Most have one alone, and an array that was pushed to has room for many.
      if (need.dependents) need.dependents.push(child);
      else need.dependents = [child];
    }
  }
  if (all.length === 0) return stepTask(task, "childrenSucceeded", turn);
  for (const child of all) if (child.missing === 0) stepTask(child, "ready", turn);
}

export function stepRun(run: RunState, event: RunMachineEvent, turn: Turn): void {
  const step = runSteps.step(run.snapshot, event);
  if (step.snapshot === run.snapshot) return;
  run.snapshot = step.snapshot;
  for (const effect of step.effects) runEffects[effect](run, turn);
}

/** How every run begins. */
export const FIRST_RUN_STEP: Step<typeof runMachine, RunEffect> = runSteps.initial(undefined);

export const runEffects: Readonly<Record<RunEffect, (run: RunState, turn: Turn) => void>> = {
  armDeadline(run, turn) {
    if (run.deadline !== undefined) arm(run.root, "deadline", run.deadline, turn);
  },
  disarmDeadline(run, turn) {
    if (run.deadline !== undefined) turn.effects.push({ kind: "disarm", task: run.root, what: "deadline" });
  },
  cancelTree: (run, turn) => stepTask(run.root, "cancel", turn),
  expireTree(run, turn) {
    run.expired = true;
    stepTask(run.root, "expired", turn);
  },
  reviveTree(run, turn) {
    if (run.submitted.deadlineMs !== undefined) run.deadline = turn.at + run.submitted.deadlineMs;
    revive(run.root, turn);
  },
  appendEnded: (run, turn) => void turn.effects.push({ kind: "conclude", run }),
  close: (run, turn) => void turn.effects.push({ kind: "ended", run }),
};
