import { sleep } from "../../core/clock.ts";
import type { Link } from "./link.ts";

const SHORTEST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 2000;
/**
 * What is made again before the server has finished deleting it loses its files, and delivers nothing (seen on 2.9.10).
 * Whoever uses it hears of the deletion while that goes on.
 */
export const DELETION_MS = 1000;
/** A failure within this time after it was made: then it is not made again at once. */
const SETTLED_MS = 5000;

/**
 * Something that must be made again on the server until it works: a follower's consumer, a puller's requests.
 * One attempt at a time, with growing pauses; asked meanwhile, once more afterwards.
 */
export class Recovery {
  readonly #link: Link;
  readonly #attempt: () => Promise<void>;
  #wanted = false;
  #running: Promise<void> | undefined;
  #stopped = false;
  #pauseMs = 0;
  #lastAttempt = Number.NEGATIVE_INFINITY;

  /** `attempt` is made again when it rejects. */
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

  /** Resolves when nothing has to be made again, or nothing ever will. */
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
