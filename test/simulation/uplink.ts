import type { Clock } from "../../src/core/clock.ts";

/** The way from a process to the broker: what is sent leaves in order, now and then late. */
export class Uplink {
  readonly #clock: Clock;
  readonly #delayMs: () => number;
  #held: (() => void)[] | undefined;

  /** `delayMs` is asked before each message; most often it says 0. */
  constructor(clock: Clock, delayMs: () => number) {
    this.#clock = clock;
    this.#delayMs = delayMs;
  }

  send(run: () => void): void {
    if (this.#held) {
      this.#held.push(run);
      return;
    }
    const delayMs = this.#delayMs();
    if (delayMs === 0) return run();
    this.#held = [run];
    this.#clock.timer(delayMs, () => {
      const held = this.#held!;
      this.#held = undefined;
      for (const one of held) one();
    });
  }
}
