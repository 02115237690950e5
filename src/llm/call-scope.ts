import type { Clock } from "../core/clock.ts";

/**
 * One call as its caller sees it, with all the requests it takes: limited in time, and over when a signal says so.
 * `end()` must be called; it gives back the timer and the listeners, so that a signal that outlives many calls
 * collects none of them.
 */
export class CallScope {
  readonly timeoutMs: number;
  timedOut = false;
  readonly #controller = new AbortController();
  readonly #signals: readonly AbortSignal[];
  readonly #disarm: () => void;

  constructor(clock: Clock, timeoutMs: number, signals: readonly (AbortSignal | undefined)[]) {
    this.timeoutMs = timeoutMs;
    this.#signals = signals.filter((signal) => signal !== undefined);
    this.#disarm = clock.timer(timeoutMs, () => this.#timeOut());
    for (const signal of this.#signals) {
      if (signal.aborted) this.#controller.abort(signal.reason);
      else signal.addEventListener("abort", this.#abort, { once: true });
    }
  }

  /** Aborts when the time is over or a signal says so, whichever comes first. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  end(): void {
    this.#disarm();
    for (const signal of this.#signals) signal.removeEventListener("abort", this.#abort);
  }

  readonly #abort = (event: Event) => this.#controller.abort((event.target as AbortSignal).reason);

  readonly #timeOut = () => {
    this.timedOut = !this.signal.aborted;
    this.#controller.abort(new DOMException("the call has taken too long", "TimeoutError"));
  };
}
