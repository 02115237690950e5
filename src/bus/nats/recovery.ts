import { sleep } from "../../core/clock.ts";
import type { Link } from "./link.ts";

const SHORTEST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 2000;
/**
 * The time to wait after a deletion. A stream or consumer that is created again before the server has finished deleting
 * it loses its files and delivers nothing (seen on 2.9.10). Its users are notified while the deletion is in progress.
 */
export const DELETION_MS = 1000;
/** The time after an attempt within which the next attempt is delayed. */
const SETTLED_MS = 5000;

/**
 * Repeats an attempt to restore something on the server until it succeeds: a follower's consumer, a puller's requests.
 * One attempt runs at a time, with growing pauses. A `run` during an attempt causes one more afterwards.
 */
export class Recovery {
  readonly #link: Link;
  readonly #attempt: () => Promise<void>;
  #wanted = false;
  #running: Promise<void> | undefined;
  #stopped = false;
  #pauseMs = 0;
  #lastAttempt = Number.NEGATIVE_INFINITY;

  /** `attempt` is repeated when it rejects. */
  constructor(link: Link, attempt: () => Promise<void>) {
    this.#link = link;
    this.#attempt = attempt;
  }

  run(): void {
    this.#wanted = true;
    this.#running ??= this.#loop().finally(() => {
      this.#running = undefined;
    });
  }

  /** Resolves when no attempt is due: the last one succeeded, or the recovery was stopped. */
  async settled(): Promise<void> {
    await this.#running;
  }

  stop(): void {
    this.#stopped = true;
  }

  async #loop(): Promise<void> {
    const { clock } = this.#link;
    if (clock.monotonic() - this.#lastAttempt > SETTLED_MS) this.#pauseMs = 0;
    while (this.#wanted) {
      if (this.#pauseMs > 0) await sleep(clock, this.#pauseMs);
      if (this.#stopped || this.#link.closed) break;
      this.#wanted = false;
      this.#pauseMs = Math.min(Math.max(2 * this.#pauseMs, SHORTEST_PAUSE_MS), LONGEST_PAUSE_MS);
      try {
        await this.#attempt();
      } catch {
        this.#wanted = true;
      }
      this.#lastAttempt = clock.monotonic();
    }
  }
}
