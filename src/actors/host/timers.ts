import type { Clock } from "../../core/clock.ts";
import { TimerQueue } from "../../core/timer-queue.ts";

/** The time by which setTimeout may fire early. */
const EARLY_MS = 1;

/** Any number of deadlines, one per key, on one timer of the clock. */
export class Timers<K> {
  readonly #clock: Clock;
  readonly #fire: (key: K) => void;
  readonly #queue = new TimerQueue();
  readonly #disarms = new Map<K, () => void>();
  #disarm: (() => void) | undefined;
  #armedFor = Number.POSITIVE_INFINITY;

  constructor(clock: Clock, fire: (key: K) => void) {
    this.#clock = clock;
    this.#fire = fire;
  }

  /** Fires once after `delayMs`. Setting a key again moves its deadline. */
  set(key: K, delayMs: number): void {
    this.cancel(key);
    const fire = () => {
      this.#disarms.delete(key);
      this.#fire(key);
    };
    this.#disarms.set(key, this.#queue.arm(this.#clock.monotonic() + Math.max(0, delayMs), fire));
    this.#arm();
  }

  has(key: K): boolean {
    return this.#disarms.has(key);
  }

  cancel(key: K): void {
    this.#disarms.get(key)?.();
    this.#disarms.delete(key);
  }

  stop(): void {
    this.#disarm?.();
    for (const disarm of this.#disarms.values()) disarm();
    this.#disarms.clear();
  }

  #arm(): void {
    const first = this.#queue.firstDueMs;
    if (first !== undefined && first >= this.#armedFor) return;
    this.#disarm?.();
    this.#disarm = undefined;
    this.#armedFor = first ?? Number.POSITIVE_INFINITY;
    if (first !== undefined) this.#disarm = this.#clock.timer(first - this.#clock.monotonic(), () => this.#due());
  }

  #due(): void {
    this.#disarm = undefined;
    this.#armedFor = Number.POSITIVE_INFINITY;
    const until = this.#clock.monotonic() + EARLY_MS;
    for (let timer = this.#queue.takeDue(until); timer; timer = this.#queue.takeDue(until)) timer.run();
    this.#arm();
  }
}
