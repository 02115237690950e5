import type { Redrive } from "../core/control-event.ts";
import { cutMessage, cutTaskError, taskError } from "../core/error.ts";
import {
  type Ended,
  isPlainResult,
  type Planned,
  type Result,
  type RunEvent,
  readableResult,
  result,
  type Submitted,
} from "../core/event.ts";
import type { Deferred, Lost } from "../core/event-attempt.ts";
import { isNestedDeeper, MAX_NESTING } from "../core/json.ts";
import { depthOf, ROOT } from "../core/names.ts";
import { checkPlan } from "../core/plan-check.ts";
import { checkAnyPlan } from "../core/plan-v2-check.ts";
import { describeProblems, problemsOf } from "../core/problem.ts";
import { UnreducibleOutput } from "../core/reducer.ts";
import { applyAnswered, applySignal } from "./answers.ts";
import { findRefusal, noteUsage } from "./budget.ts";
import { applyReplan } from "./changed-plan.ts";
import { applyCancel, applyPause, applyResume } from "./control.ts";
import { applyDecision } from "./decisions.ts";
import { noteDeferral } from "./deferral.ts";
import { applyDue } from "./due.ts";
import type { Effect } from "./effects.ts";
import { describePoison, noteLoss } from "./losses.ts";
import { reduceOutput } from "./map-node.ts";
import { applyMark } from "./marking.ts";
import { toMs } from "./moment.ts";
import { passOn } from "./pass-on.ts";
import { createTask } from "./planting.ts";
import { failedTaskOf, isOver, type RunAddress, type RunState } from "./run-state.ts";
import { FIRST_RUN_STEP, type Turn } from "./steps.ts";
import { attemptOf, isOpen, type TaskRecord } from "./task-record.ts";
import { failAttempt, runEffects, start, stepRun, stepTask } from "./tree.ts";

/** Raised whenever the same log would fold to another state; a run records the one it began with. */
export const FOLD_VERSION = 2;

/** The first event of a run makes its state. What it asks for is added to `effects`. */
export function beginRun(address: RunAddress, submitted: Submitted, at: number, effects: Effect[] = []): RunState {
  const run: RunState = {
    ...address,
    submitted,
    priority: submitted.priority,
    submittedAt: at,
    updatedAt: at,
    deadline: submitted.deadlineMs === undefined ? undefined : at + submitted.deadlineMs,
    snapshot: FIRST_RUN_STEP.snapshot,
    root: undefined as unknown as TaskRecord,
    tasks: new Map(),
    executions: 0,
    succeeded: 0,
    failed: 0,
    cancelled: 0,
    skipped: 0,
    abandoned: 0,
    compensated: 0,
    uncompensated: 0,
    opened: 0,
    isUndoable: false,
    hasUndone: false,
    unwindings: new Map(),
    isForced: false,
    hasReplanted: false,
    waits: undefined,
    expired: false,
    cancelledBy: undefined,
    end: undefined,
    endSequence: 0,
    redriven: undefined,
    pauses: undefined,
    marks: undefined,
    usage: undefined,
    planted: undefined,
    heldDecisions: undefined,
  };
  const { type, input, policy } = submitted;
  const root = createTask(run, undefined, ROOT, { type, ...(input !== undefined && { input }), ...policy });
  root.holders = 1;
  (run as { root: TaskRecord }).root = root;
  const turn = { effects, at, pending: [] };
  effects.push({ kind: "begun", run });
  for (const effect of FIRST_RUN_STEP.effects) runEffects[effect](run, turn);
  start(root, turn);
  passOn(turn);
  return run;
}

/**
 * Folds one later event. Events that no longer mean anything change nothing; after `ended` none does but `redrive`.
 * Returns `effects`, with what the event asks for added: a caller that folds many events reuses its array.
 */
export function applyEvent(
  run: RunState,
  event: Exclude<RunEvent, { kind: "submitted" }>,
  effects: Effect[] = [],
): Effect[] {
  fold(run, event, { effects, at: event.at, pending: [] });
  return effects;
}

function fold(run: RunState, event: Exclude<RunEvent, { kind: "submitted" }>, turn: Turn): void {
  // It says again what this state is made of.
  if (event.kind === "carried") return;
  if (isOver(run) && event.kind !== "redrive") return;
  if (event.kind === "redrive") return applyRedrive(run, event.body, turn);
  run.updatedAt = event.at;
  switch (event.kind) {
    case "result":
      for (const one of event.body.results) {
        applyResult(run, one, turn);
        passOn(turn);
      }
      return;
    case "replan":
      applyReplan(run, event.body, turn);
      return passOn(turn);
    case "planned":
      applyPlanned(run, event.body, turn);
      return passOn(turn);
    case "deferred":
      return applyDeferred(run, event.body, turn);
    case "signal":
      return applySignal(run, event.body, event, turn);
    case "lost":
      applyLost(run, event.body, turn);
      return passOn(turn);
    case "answered":
      applyAnswered(run, event.body, turn);
      return passOn(turn);
    case "decided":
      for (const one of event.body.decisions) {
        applyDecision(run, one, turn);
        passOn(turn);
      }
      return;
    case "due":
      return applyDue(run, event.body, turn);
    case "cancel":
      return applyCancel(run, event.body, turn);
    case "pause":
      return applyPause(run, event.body, turn);
    case "resume":
      return applyResume(run, event.body, turn);
    case "mark":
      return applyMark(run, event.body, turn);
    case "ended":
      return applyEnded(run, event.body, event.sequence, turn);
  }
}

function applyEnded(run: RunState, body: Ended, sequence: number, turn: Turn): void {
  run.end = { body, at: turn.at };
  run.endSequence = sequence;
  run.pauses = undefined;
  run.heldDecisions = undefined;
  stepRun(run, { type: "ended", status: body.status }, turn);
}

/** Counts once the run has ended, for the task that failed it, and once for each of its attempts. */
function applyRedrive(run: RunState, { task: id, attempt }: Redrive, turn: Turn): void {
  const task = failedTaskOf(run);
  if (run.snapshot.value !== "failed" || task?.id !== id) return;
  if (attempt !== undefined && attempt !== attemptOf(task)) return;
  run.updatedAt = turn.at;
  run.end = undefined;
  const times = (run.redriven?.times ?? 0) + 1;
  run.redriven = { task: id, attempt: attemptOf(task), at: turn.at, times };
  turn.effects.push({ kind: "reopened", run });
  stepRun(run, { type: "redrive" }, turn);
  passOn(turn);
}

function applyResult(run: RunState, raw: unknown, turn: Turn): void {
  const read = readResult(raw);
  const task = read && run.tasks.get(read.task);
  if (!task) return;
  run.executions++;
  // Only the current, open attempt counts: whatever is late, repeated or was given up changes nothing.
  if (!isOpen(task, read.attempt)) return;
  task.worker = shared(read.worker);
  task.startedAt = toMs(read.startedAt) ?? task.startedAt;
  noteUsage(task, read.usage);
  if (read.error) return failAttempt(task, read.error, turn);
  // Runs that began with an earlier fold took whatever came.
  if (read.refused !== undefined && run.submitted.fold >= 2)
    return failAttempt(task, { kind: "terminal", message: cutMessage(`the result is refused: ${read.refused}`) }, turn);
  if (read.plan !== undefined) return expand(task, checkPlan(read.plan, { depth: depthOf(task.id) }), turn);
  if (read.planRef !== undefined) return failLost(task, read.planRef, turn);
  try {
    if (reduceOutput(task, read)) return stepTask(task, "returned", turn);
  } catch (error) {
    if (!(error instanceof UnreducibleOutput)) throw error;
    return failAttempt(task, { kind: "terminal", message: cutMessage(`each.reduce: ${error.message}`) }, turn);
  }
  if (read.outputRef !== undefined) task.output = { ref: read.outputRef };
  else if (read.output !== undefined) task.output = { value: read.output };
  if (task.holders === 0) task.output = undefined;
  stepTask(task, "returned", turn);
}

function applyPlanned(
  run: RunState,
  { task: id, attempt, worker, startedAt, plan, planRef, usage }: Planned,
  turn: Turn,
): void {
  const task = run.tasks.get(id);
  if (!task) return;
  run.executions++;
  if (!isOpen(task, attempt)) return;
  task.worker = shared(worker);
  task.startedAt = toMs(startedAt) ?? task.startedAt;
  noteUsage(task, usage);
  if (planRef !== undefined) return failLost(task, planRef, turn);
  expand(task, checkAnyPlan(plan, { depth: depthOf(id) }), turn);
}

/** It counts as no execution either: nothing was done. */
function applyDeferred(run: RunState, body: Deferred, turn: Turn): void {
  const task = run.tasks.get(body.task);
  if (!task || !isOpen(task, body.attempt)) return;
  task.worker = shared(body.worker);
  stepTask(task, "deferred", turn, { dueAt: noteDeferral(task, body, turn.at) });
}

function applyLost(run: RunState, body: Lost, turn: Turn): void {
  const task = run.tasks.get(body.task);
  if (!task || !isOpen(task, body.attempt)) return;
  const verdict = noteLoss(task, body);
  const { snapshot } = task;
  if (verdict === "noted")
    return void turn.effects.push({ kind: "changed", task, on: "lost", before: snapshot, after: snapshot });
  if (verdict === "again") return stepTask(task, "lost", turn, { dueAt: turn.at });
  const error = { kind: "poison", message: cutMessage(describePoison(task.losses!)) } as const;
  failAttempt(task, error, turn, { isOrphaned: true });
}

function expand(task: TaskRecord, checked: ReturnType<typeof checkAnyPlan>, turn: Turn): void {
  if (!("problems" in checked)) {
    const refusal = findRefusal(task, checked.keys.length);
    return refusal ? failAttempt(task, refusal, turn) : stepTask(task, "planned", turn, { checked });
  }
  const message = `the plan is refused: ${describeProblems(checked.problems)}`;
  failAttempt(task, { kind: "terminal", message }, turn);
}

/** Hosts replace the reference by the plan before they fold; one that is still there has lost its blob. */
const failLost = (task: TaskRecord, ref: string, turn: Turn): void =>
  failAttempt(task, { kind: "terminal", message: `the plan's blob ${ref} is gone` }, turn);

/**
 * A result that names its task and attempt but is otherwise malformed ends that attempt for good, saying why: its
 * message has left the queue, so nobody would try again. One that names nothing is passed over (undefined).
 */
export function readResult(raw: unknown): Result | undefined {
  if (isPlainResult(raw) && !isNestedDeeper(raw.output, MAX_NESTING)) return raw;
  const parsed = readableResult.safeParse(raw);
  const problems = parsed.success ? contentProblem(parsed.data) : describeProblems(problemsOf(parsed.error, raw));
  if (parsed.success && !problems) return withShortError(parsed.data);
  const named = result.pick({ task: true, attempt: true }).safeParse(raw);
  if (!named.success) return undefined;
  const message = `malformed result: ${problems}`;
  return { ...named.data, error: taskError.parse({ kind: "terminal", message }) };
}

const withShortError = (read: Result): Result => (read.error ? { ...read, error: cutTaskError(read.error) } : read);

function contentProblem(read: Result): string | undefined {
  const present = CONTENTS.filter((field) => read[field] !== undefined);
  if (present.length === 1)
    return isNestedDeeper(read.output, MAX_NESTING)
      ? `the output is nested deeper than ${MAX_NESTING} levels`
      : undefined;
  return `expected exactly one of ${CONTENTS.join(", ")}; received ${present.join(" and ") || "none of them"}`;
}
const CONTENTS = ["output", "outputRef", "plan", "planRef", "error"] as const;

/** Results come in rows from one worker: its name is kept once, and not as often as it was read. */
function shared(worker: string | undefined): string | undefined {
  if (worker !== lastWorker) lastWorker = worker;
  return lastWorker;
}
let lastWorker: string | undefined;
