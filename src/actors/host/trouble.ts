import type { Clock } from "../../core/clock.ts";
import { messageOf } from "../../core/error.ts";
import type { Logger } from "../../core/logger.ts";

/** Time after a first failure in which the others that have the same cause come in, before the line is logged. */
const GATHER_MS = 100;
/** Time between two lines about the same kind of work. */
const AGAIN_MS = 30_000;

/** A kind of work that may have to wait, and how the log says so of one and of several. */
export interface WaitingWork {
  /** E.g. `task is not on the queue yet`. */
  readonly one: string;
  /** E.g. `tasks are not on the queue yet`. */
  readonly many: string;
}

interface Waiting {
  /** Pieces that wait. */
  count: number;
  /** Pieces that were mentioned since the last line. */
  mentioned: number;
  /** The piece that failed first, and why. */
  first: string;
  since: number;
}

/**
 * Logs that work of this process has to wait: one line with counts for all that fails by one loss, and another every 30 s
 * while it lasts. Work that goes through within 100 ms is not mentioned.
 *
 * @example
 * const done = trouble.begin({ one: "task is not on the queue yet", many: "tasks are not on the queue yet" }, "task a", error);
 * // 275 tasks are not on the queue yet (the first: task a: no answer in time)
 */
export class Trouble {
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #waiting = new Map<WaitingWork, Waiting>();
  readonly #loggedAt = new Map<WaitingWork, number>();
  #disarm: (() => void) | undefined;
  #isStopped = false;

  constructor(clock: Clock, log: Logger) {
    this.#clock = clock;
    this.#log = log;
  }

  /** A piece of work has failed for the moment. Returns a function to call once it has gone through, or is not tried any more. */
  begin(work: WaitingWork, name: string, error: unknown): () => void {
    const waiting = this.#of(work, name, error);
    waiting.count++;
    return () => {
      waiting.count--;
      if (this.#forget(work, waiting)) this.#arm();
    };
  }

  /** A piece of work has failed that is not tried again here: it counts in the next line only. */
  mention(work: WaitingWork, name: string, error: unknown): void {
    this.#of(work, name, error).mentioned++;
  }

  /** Logs nothing more. */
  stop(): void {
    this.#disarm?.();
    this.#isStopped = true;
  }

  #of(work: WaitingWork, name: string, error: unknown): Waiting {
    let waiting = this.#waiting.get(work);
    if (!waiting) {
      const first = `${name}: ${messageOf(error)}`;
      waiting = { count: 0, mentioned: 0, first, since: this.#clock.monotonic() };
      this.#waiting.set(work, waiting);
      this.#arm();
    }
    return waiting;
  }

  #forget(work: WaitingWork, { count, mentioned }: Waiting): boolean {
    return count + mentioned === 0 && this.#waiting.delete(work);
  }

  #arm(): void {
    this.#disarm?.();
    this.#disarm = undefined;
    let due = Number.POSITIVE_INFINITY;
    for (const [work, { since }] of this.#waiting)
      due = Math.min(
        due,
        Math.max(since + GATHER_MS, (this.#loggedAt.get(work) ?? Number.NEGATIVE_INFINITY) + AGAIN_MS),
      );
    if (this.#waiting.size > 0 && !this.#isStopped)
      this.#disarm = this.#clock.timer(due - this.#clock.monotonic(), () => this.#report());
  }

  #report(): void {
    const now = this.#clock.monotonic();
    const parts: string[] = [];
    for (const [work, waiting] of this.#waiting) {
      const count = waiting.count + waiting.mentioned;
      parts.push(
        count === 1 ? `1 ${work.one} (${waiting.first})` : `${count} ${work.many} (the first: ${waiting.first})`,
      );
      this.#loggedAt.set(work, now);
      waiting.mentioned = 0;
      this.#forget(work, waiting);
    }
    this.#log("warn", parts.join("; "));
    this.#arm();
  }
}
