import type { Lost } from "../core/event-attempt.ts";
import type { TaskRecord } from "./task-record.ts";

/** The workers that were lost with attempts of a task. */
export interface Losses {
  /** How many there were. A redrive counts from zero again. */
  readonly times: number;
  /** Their names, the last first: a few of them. */
  readonly workers: readonly string[];
  readonly last: Pick<Lost, "attempt" | "worker" | "gone">;
}

/** How many names are kept. */
const MOST_NAMED = 5;

/** A task that has lost this many workers, in the last of which it was the only one, is poison. */
const MOST_LOSSES = 3;

/** What is to follow from a loss: nothing yet, another delivery, or the end of the attempt. */
export type LossVerdict = "noted" | "again" | "poison";

/**
 * Counts the loss of a worker that had the task's open attempt. A worker that did not answer and later turns out to be gone
 * counts once.
 *
 * That a task was there when a worker was lost says little: its neighbours were there, too. A task that has lost two workers
 * is executed alone from then on, so that the next loss is its own and nobody else's.
 */
export function noteLoss(task: TaskRecord, { attempt, worker, gone, alone, begun }: Lost): LossVerdict {
  const { losses } = task;
  if (!begun) return gone ? "again" : "noted";
  const known = losses?.last.attempt === attempt && losses.last.worker === worker ? losses : undefined;
  if (known && (known.last.gone || !gone)) return "noted";
  const times = known ? known.times : (losses?.times ?? 0) + 1;
  const workers = known ? known.workers : [worker, ...(losses?.workers ?? [])].slice(0, MOST_NAMED);
  task.losses = { times, workers, last: { attempt, worker, gone } };
  if (!gone) return "noted";
  return alone && times >= MOST_LOSSES ? "poison" : "again";
}

export const describePoison = ({ times, workers }: Losses): string =>
  `it has lost ${times} workers (${workers.join(", ")}${times > workers.length ? ", …" : ""}), ` +
  "and was the only task in the last of them: it seems to kill them";
