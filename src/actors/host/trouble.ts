import type { Clock } from "../../core/clock.ts";
import { messageOf } from "../../core/error.ts";
import type { Logger } from "../../core/logger.ts";

/** The time between a first failure and the log line, in which further failures of the same cause are counted. */
const GATHER_MS = 100;
/** The time between two lines about the same kind of work. */
const AGAIN_MS = 30_000;

/** A kind of work that may have to wait, and its description in the log, in the singular and the plural. */
export interface WaitingWork {
  /** The singular, such as `task is not on the queue yet`. */
  readonly one: string;
  /** The plural, such as `tasks are not on the queue yet`. */
  readonly many: string;
}

interface Waiting {
  /** The number of pieces that wait. */
  count: number;
  /** The number of pieces that were mentioned since the last line. */
  mentioned: number;
  /** The piece that failed first, and its error. */
  first: string;
  since: number;
}

/**
 * Logs that work of this process has to wait: one line with counts for all work that fails within 100 ms, and another
 * every 30 s while it waits. Work that succeeds within 100 ms is not mentioned.
 *
 * @example
 * const done = trouble.begin({ one: "task is not on the queue yet", many: "tasks are not on the queue yet" }, "task a",
 * error); // 275 tasks are not on the queue yet (the first: task a: no answer in time)
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

  /**
   * Notes a piece of work that failed and is retried. Returns a function to call when it has succeeded or is abandoned.
   */
  begin(work: WaitingWork, name: string, error: unknown): () => void {
    const waiting = this.#of(work, name, error);
    waiting.count++;
    return () => {
      waiting.count--;
      if (this.#forget(work, waiting)) this.#arm();
    };
  }

  /** Notes a piece of work that failed and is not retried here. It counts in the next line only. */
  mention(work: WaitingWork, name: string, error: unknown): void {
    this.#of(work, name, error).mentioned++;
  }

  /** Ends all logging. */
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
