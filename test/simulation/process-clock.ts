import type { Clock } from "../../src/core/clock.ts";
import type { Pausable } from "./pausable.ts";

/** The world's clock as one process has it: stopped and dead with the process, its wall clock a little off. */
export class ProcessClock implements Clock {
  readonly #world: Clock;
  readonly #process: Pausable;
  readonly #skewMs: number;
  /** By what disarms them; who armed them, where that is asked for. */
  readonly #armed = new Map<() => void, string | undefined>();
  readonly #namesArmers: boolean;

  constructor(world: Clock, process: Pausable, skewMs: number, namesArmers: boolean) {
    this.#world = world;
    this.#process = process;
    this.#skewMs = skewMs;
    this.#namesArmers = namesArmers;
  }

  /** Timers armed and not yet fired. */
  get pending(): number {
    return this.#armed.size;
  }

  /** Who armed them. */
  get armers(): string {
    return [...this.#armed.values()].join("\n");
  }

  now = (): number => this.#world.now() + this.#skewMs;
  monotonic = (): number => this.#world.monotonic();
  random = (): number => this.#world.random();
  id = (): string => this.#world.id();

  timer(delayMs: number, run: () => void): () => void {
    if (this.#process.isDead) return () => {};
    const disarm = this.#world.timer(delayMs, () =>
      this.#process.pass("timer", () => {
        // It may have been disarmed since it fell due.
        if (this.#armed.delete(disarm)) run();
      }),
    );
    this.#armed.set(disarm, this.#namesArmers ? new Error("armed").stack : undefined);
    return () => {
      if (this.#armed.delete(disarm)) disarm();
    };
  }

  endOfTurn(run: () => void): void {
    this.#world.endOfTurn(() => this.#process.pass("turn", run));
  }

  /** The process is dead. */
  disarmAll(): void {
    for (const disarm of this.#armed.keys()) disarm();
    this.#armed.clear();
  }
}
