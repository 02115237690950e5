import type { Aftermath } from "../core/aftermath.ts";
import type { RunState } from "./run-state.ts";
import { isLater, stateOf, type TaskRecord } from "./task-record.ts";

/** The tasks that are named of each kind; of the others it is said how many there are. */
const MOST_NAMED = 20;

/**
 * What came of the end of a run that did not succeed: what it took with it, what was undone, and what could not be. Of a run
 * without a plan of version 2, nothing is said.
 */
export function aftermathOf(run: RunState): Aftermath {
  const took: string[] = [];
  const undone: string[] = [];
  const notUndone: { task: string; message: string }[] = [];
  const notTidied: { task: string; message: string }[] = [];
  let isV2 = false;
  const { failedAt } = run.root;
  for (const task of run.tasks.values()) {
    isV2 ||= task.node !== undefined;
    const undo = undoOf(task);
    if (undo === "done") undone.push(task.id);
    else if (undo) notUndone.push({ task: task.id, message: undo });
    else if (wasTaken(task, failedAt)) took.push(task.id);
    const cleanup = task.children?.plan?.cleanup;
    if (cleanup && stateOf(cleanup) !== "succeeded" && cleanup.id !== failedAt)
      notTidied.push({ task: task.id, message: reasonOf(cleanup) });
  }
  if (!isV2) return {};
  const unnamed = [took, undone, notUndone, notTidied].reduce(
    (count, all) => count + Math.max(0, all.length - MOST_NAMED),
    0,
  );
  return {
    ...(took.length > 0 && { took: took.slice(0, MOST_NAMED) }),
    ...(undone.length > 0 && { undone: undone.slice(0, MOST_NAMED) }),
    ...(notUndone.length > 0 && { notUndone: notUndone.slice(0, MOST_NAMED) }),
    ...(notTidied.length > 0 && { notTidied: notTidied.slice(0, MOST_NAMED) }),
    ...(unnamed > 0 && { unnamed }),
  };
}

/** Whether what the task did was undone, or why not; undefined where there was nothing to undo. */
function undoOf(task: TaskRecord): "done" | string | undefined {
  const state = stateOf(task);
  const undo = task.node?.undo?.task;
  if (state === "compensated") return "done";
  if (state === "uncompensated") return undo ? reasonOf(undo) : "its undo had not begun";
  // One that had failed when its attempt was undone has kept that state.
  if (!undo) return undefined;
  return stateOf(undo) === "succeeded" ? "done" : reasonOf(undo);
}

const reasonOf = (later: TaskRecord): string => later.error?.message ?? `it was ${stateOf(later)}`;

/** Whether it was stopped, or failed by the failure of another task: parents fail by their children. */
function wasTaken(task: TaskRecord, failedAt: string | undefined): boolean {
  if (!task.parent || isLater(task) || task.id === failedAt) return false;
  if (stateOf(task) === "cancelled") return true;
  return stateOf(task) === "failed" && !task.children && task.failedAt !== undefined && task.failedAt === failedAt;
}
