import { FINALLY, UNDO } from "../core/names.ts";
import { fallBack, takesFailure } from "./fallback.ts";
import { isPaused } from "./pauses.ts";
import { createTask } from "./planting.ts";
import { type RunState, uncount } from "./run-state.ts";
import type { Turn } from "./steps.ts";
import { isFinal, isLater, stateOf, type TaskRecord, type TaskSpec } from "./task-record.ts";
import { failTask, start, stepTask } from "./tree.ts";
import { type Extent, laterOf, stepsOf, type Unwinding, type UnwindingStep } from "./undo-steps.ts";

/** Carries out what is to be done before a task ends, step by step: each is a task of its own, below the one that it is for. */

/** Goes on with it, as far as that is possible now. */
export function unwind(task: TaskRecord, turn: Turn): void {
  const { run } = task;
  if (run.isForced && task === run.root) return stop(task, turn);
  const unwinding = run.unwindings.get(task) ?? begin(task);
  const { steps } = unwinding;
  for (; unwinding.done < steps.length; unwinding.done++) {
    const step = steps[unwinding.done]!;
    const later = laterOf(step);
    if (!later) return beginStep(step, turn);
    if (!isFinal(later)) return;
    settle(step, later, turn);
  }
  finish(task, turn);
}

/** A task that no plan names has ended: what it was a step of goes on. */
export function goOn(later: TaskRecord, turn: Turn): void {
  for (let above = later.parent; above; above = above.parent)
    if (later.run.unwindings.has(above)) return unwind(above, turn);
}

/** Takes over what tasks further below had begun: their ends have come with that of this one. */
function begin(task: TaskRecord): Unwinding {
  const { unwindings } = task.run;
  const extent = extentOf(task);
  const unwinding = { steps: stepsOf(task, extent), extent, done: 0 };
  for (const other of unwindings.keys()) if (isIn(other, task)) unwindings.delete(other);
  unwindings.set(task, unwinding);
  return unwinding;
}

function extentOf({ snapshot }: TaskRecord): Extent {
  const { ending } = snapshot.context;
  return snapshot.value === "recovering" && (ending === "failed" || ending === "cancelled") ? "all" : "stopped";
}

/** Whether a task is below another one, and not in what undoes or tidies up something there. */
function isIn(task: TaskRecord, above: TaskRecord): boolean {
  let one: TaskRecord | undefined = task;
  while (one && one !== above) {
    if (isLater(one)) return false;
    one = one.parent;
  }
  return one === above && task !== above;
}

function beginStep({ what, task }: UnwindingStep, turn: Turn): void {
  if (what === "finally") {
    const { plan } = task.children!;
    plan!.cleanup = createLater(task, FINALLY, plan!.checked.plan.finally!);
    return start(plan!.cleanup, turn);
  }
  task.run.hasUndone = true;
  // One whose own end waits for that has no other state meanwhile.
  if (!isFinal(task)) return beginUndo(task, turn);
  uncount(task);
  stepTask(task, "undo", turn);
}

export function beginUndo(task: TaskRecord, turn: Turn): void {
  const { undo, stated } = task.node!;
  if (undo!.task) return;
  undo!.task = createLater(task, UNDO, stated.compensate!);
  start(undo!.task, turn);
}

/** The attempts of one that has been there before go on counting. */
function createLater(parent: TaskRecord, key: string, { type, input }: TaskSpec): TaskRecord {
  parent.run.hasReplanted = true;
  return createTask(parent.run, parent, key, { type, ...(input !== undefined && { input }) });
}

/** What has become of what was to be undone. */
function settle({ what, task }: UnwindingStep, later: TaskRecord, turn: Turn): void {
  if (what === "finally") return;
  const isUndone = stateOf(later) === "succeeded";
  if (isUndone) task.node!.undo!.hasEffects = false;
  if (stateOf(task) === "undoing") stepTask(task, isUndone ? "undone" : "undoFailed", turn);
}

function finish(task: TaskRecord, turn: Turn): void {
  const { run, node, children } = task;
  run.unwindings.delete(task);
  if (stateOf(task) === "tidying") {
    const cleanup = children!.plan?.cleanup;
    if (!cleanup || stateOf(cleanup) === "succeeded") return stepTask(task, "unwound", turn);
    task.failedAt = cleanup.failedAt ?? cleanup.id;
    return failTask(task, "broken", turn, { error: cleanup.error });
  }
  const isLate = node !== undefined && node.deadlineAt > 0 && turn.at >= node.deadlineAt;
  if (task.snapshot.context.ending !== "failed" || !takesFailure(task, task.error, isLate))
    return stepTask(task, "unwound", turn);
  fallBack(task);
  if (!isPaused(task)) start(task, turn);
}

/** Ends at once what is still to be undone: it is listed. */
function stop(root: TaskRecord, turn: Turn): void {
  const { run } = root;
  for (const step of remainingSteps(run)) {
    const later = laterOf(step);
    if (later && !isFinal(later)) stepTask(later, "cancel", turn);
    if (step.what === "finally" || !isFinal(step.task)) {
      if (stateOf(step.task) === "undoing") stepTask(step.task, "undoFailed", turn);
      continue;
    }
    uncount(step.task);
    stepTask(step.task, "undoFailed", turn);
  }
  run.unwindings.clear();
  stepTask(root, stateOf(root) === "tidying" ? "cancel" : "unwound", turn);
}

function remainingSteps({ unwindings }: RunState): UnwindingStep[] {
  return [...unwindings.values()].flatMap(({ steps, done }) => steps.slice(done));
}
