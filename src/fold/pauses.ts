import { isOfTheEnd, type TaskRecord } from "./task-record.ts";

/**
 * A pause is a gate before the starts of a task and of all that is below it: no attempt opens, no plan is expanded, no
 * moment counts. It is not a state of the task's chart, for what has started goes on: results and signals count at once.
 */
export interface Pause {
  readonly by: string | undefined;
  readonly reason: string | undefined;
  /** Log time, ms. */
  readonly at: number;
  /** Log time, ms, from which on it holds no longer; undefined: it holds. */
  readonly resumedAt: number | undefined;
}

/** Whether a task's own pause holds. */
export const hasPause = (task: TaskRecord): boolean => holdingPauseOf(task) !== undefined;

export function holdingPauseOf(task: TaskRecord): Pause | undefined {
  const pause = task.run.pauses?.get(task);
  return pause && pause.resumedAt === undefined ? pause : undefined;
}

/** The task at or above this one whose pause holds it back: the nearest. Pauses nest, and all of them have to be over. */
export function pausedBy(task: TaskRecord): TaskRecord | undefined {
  if (task.run.pauses === undefined) return undefined;
  for (let above: TaskRecord | undefined = task; above; above = above.parent) {
    if (hasPause(above)) return above;
    // What undoes a task, or tidies up after it, is of its end, which no pause holds back.
    if (isOfTheEnd(above)) return undefined;
  }
  return undefined;
}

export const isPaused = (task: TaskRecord): boolean => pausedBy(task) !== undefined;

/** A task and all that is below it, parents before their children, with what is asked to change a plan there. */
export function* subtreeOf(task: TaskRecord): Generator<TaskRecord> {
  yield task;
  for (const child of task.children?.all ?? []) yield* subtreeOf(child);
  const replanner = task.children?.plan?.replanner;
  if (replanner) yield* subtreeOf(replanner);
}
