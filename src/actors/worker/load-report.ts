import type { Clock } from "../../core/clock.ts";

const EVERY_MS = 100;

/** Reports the load of a moment at intervals: an event for every task would cost more than the task. */
export class LoadReport {
  readonly #clock: Clock;
  readonly #send: () => void;
  readonly #isUrgent: () => boolean;
  #cancel: (() => void) | undefined;

  /** `isUrgent`: the next one does not wait for the others. */
  constructor(clock: Clock, { send, isUrgent }: { send: () => void; isUrgent: () => boolean }) {
    this.#clock = clock;
    this.#send = send;
    this.#isUrgent = isUrgent;
  }

  /** The load has changed. */
  isDue(): void {
    this.#cancel ??= this.#clock.timer(this.#isUrgent() ? 0 : EVERY_MS, () => {
      this.#cancel = undefined;
      this.#send();
    });
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }
}
