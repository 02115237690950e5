import type { Clock } from "../../src/core/clock.ts";

/** What waits while a process is stopped, in the order in which it is looked at when it goes on. */
type Lane = "out" | "turn" | "timer" | "in";

/**
 * Whether a simulated process is running, as its kernel would have it. While it is stopped (SIGSTOP), what it was about
 * to send, its timers and what arrives for it wait; then it goes on where it was. Once it is dead, nothing happens any more.
 */
export class Pausable {
  readonly #clock: Clock;
  readonly #held: Record<Lane, (() => void)[]> = { out: [], turn: [], timer: [], in: [] };
  #state: "running" | "stopped" | "resuming" | "dead" = "running";
  #order: readonly Lane[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get isRunning(): boolean {
    return this.#state === "running";
  }

  get isDead(): boolean {
    return this.#state === "dead";
  }

  pass(lane: Lane, run: () => void): void {
    if (this.#state === "running" || (this.#state === "resuming" && lane === "out" && this.#held.out.length === 0))
      run();
    else if (this.#state !== "dead") this.#held[lane].push(run);
  }

  stop(): void {
    if (this.#state === "running") this.#state = "stopped";
  }

  /** An event loop may look at its timers first, or at its sockets. */
  resume(timersFirst: boolean): void {
    if (this.#state !== "stopped") return;
    this.#state = "resuming";
    this.#order = timersFirst ? ["out", "turn", "timer", "in"] : ["out", "turn", "in", "timer"];
    this.#next();
  }

  kill(): void {
    this.#state = "dead";
    for (const lane of Object.values(this.#held)) lane.length = 0;
  }

  /** One after another, all that follows from each done before the next. */
  #next(): void {
    this.#clock.timer(0, () => {
      if (this.#state !== "resuming") return;
      const lane = this.#order.find((one) => this.#held[one].length > 0);
      if (lane === undefined) {
        this.#state = "running";
        return;
      }
      this.#held[lane].shift()!();
      this.#next();
    });
  }
}
