import type { Clock } from "../core/clock.ts";
import { TuttiError } from "../core/error.ts";

/** The share of the newest use in the moving average of the time that uses take. */
const NEWEST = 0.2;

/** A number of uses at once, of one resource or of several together. */
export class Slots {
  readonly #limit: number;
  #used = 0;
  readonly #listeners = new Set<() => void>();

  /** Throws a {@link TuttiError} (400) for a limit below 1. */
  constructor(limit = Number.POSITIVE_INFINITY) {
    if (!(limit >= 1)) throw new TuttiError(400, `concurrency: expected 1 or more, received ${limit}`);
    this.#limit = limit;
  }

  get isFree(): boolean {
    return this.#used < this.#limit;
  }

  take(): void {
    this.#used++;
  }

  give(): void {
    this.#used--;
    for (const listener of this.#listeners) listener();
  }

  /** Calls `listener` whenever a slot has become free. */
  onFree(listener: () => void): void {
    this.#listeners.add(listener);
  }
}

/** The figures of a resource, over all pools that it is in. */
export class Resource {
  readonly slots: Slots;
  load = 0;
  /** Moving average of the time that a use takes, milliseconds. Undefined before the first has ended. */
  latencyMs: number | undefined;
  completed = 0;
  failed = 0;
  /** Uses that were spared, since what they would have given was kept. */
  hits = 0;

  constructor(slots: Slots) {
    this.slots = slots;
  }

  get figures(): { load: number; completed: number; failed: number; latencyMs?: number; hits?: number } {
    const { load, completed, failed, hits, latencyMs } = this;
    return {
      load,
      completed,
      failed,
      ...(hits > 0 && { hits }),
      ...(latencyMs !== undefined && { latencyMs: Math.round(latencyMs) }),
    };
  }

  /** Begins a use. Returns the function that ends it; a second call does nothing. */
  begin(clock: Clock): (outcome?: "completed" | "failed" | "unused") => void {
    const began = clock.monotonic();
    let isOver = false;
    this.load++;
    this.slots.take();
    return (outcome = "completed") => {
      if (isOver) return;
      isOver = true;
      this.load--;
      if (outcome === "failed") this.failed++;
      if (outcome === "completed") {
        this.completed++;
        const tookMs = clock.monotonic() - began;
        this.latencyMs = this.latencyMs === undefined ? tookMs : this.latencyMs + NEWEST * (tookMs - this.latencyMs);
      }
      this.slots.give();
    };
  }
}
