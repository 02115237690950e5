import { formatDuration } from "../core/duration.ts";
import { formatCount } from "./task-line.ts";

/** The time over which the pace is measured. */
const WINDOW_MS = 5000;
/** The number of tasks below which no pace is shown. */
const LEAST_TASKS = 50;

/** The rate at which tasks of a run have ended in the last seconds. */
export class Pace {
  /** Times and the numbers of tasks that had ended by then, oldest first. */
  readonly #seen: { readonly at: number; readonly ended: number }[] = [];

  /** Describes the pace as `310/s, ~28s left`; undefined for a small run, and while no task ends. */
  describe({ tasks, ended }: { readonly tasks: number; readonly ended: number }, now: number): string | undefined {
    this.#seen.push({ at: now, ended });
    while (this.#seen.length > 2 && now - this.#seen[1]!.at >= WINDOW_MS) this.#seen.shift();
    const first = this.#seen[0]!;
    const seconds = (now - first.at) / 1000;
    const perSecond = seconds > 0 ? (ended - first.ended) / seconds : 0;
    if (tasks < LEAST_TASKS || perSecond <= 0) return undefined;
    const rate = perSecond >= 10 ? formatCount(Math.round(perSecond)) : perSecond.toFixed(1);
    return `${rate}/s, ~${formatDuration(Math.ceil((tasks - ended) / perSecond) * 1000)} left`;
  }
}
