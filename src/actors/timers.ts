import type { Clock } from "../core/clock.ts";

interface Entry<K> {
  readonly key: K;
  readonly at: number;
  cancelled: boolean;
}

/** Many deadlines on one timer of the clock: a binary heap, cancellation by mark. */
export class Timers<K> {
  readonly #clock: Clock;
  readonly #fire: (key: K) => void;
  readonly #entries = new Map<K, Entry<K>>();
  readonly #heap: Entry<K>[] = [];
  #disarm: (() => void) | undefined;
  #armedFor = Number.POSITIVE_INFINITY;

  constructor(clock: Clock, fire: (key: K) => void) {
    this.#clock = clock;
    this.#fire = fire;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Fires once in `delayMs`; setting a key again moves it. */
  set(key: K, delayMs: number): void {
    this.cancel(key);
    const entry = { key, at: this.#clock.monotonic() + Math.max(0, delayMs), cancelled: false };
    this.#entries.set(key, entry);
    this.#push(entry);
    this.#arm();
  }

  cancel(key: K): void {
    const entry = this.#entries.get(key);
    if (!entry) return;
    entry.cancelled = true;
    this.#entries.delete(key);
  }

  stop(): void {
    this.#disarm?.();
    this.#entries.clear();
    this.#heap.length = 0;
  }

  #arm(): void {
    while (this.#heap[0]?.cancelled) this.#pop();
    const first = this.#heap[0];
    if (first && first.at >= this.#armedFor) return;
    this.#disarm?.();
    this.#disarm = undefined;
    this.#armedFor = Number.POSITIVE_INFINITY;
    if (!first) return;
    this.#armedFor = first.at;
    this.#disarm = this.#clock.timer(first.at - this.#clock.monotonic(), () => this.#due());
  }

  #due(): void {
    this.#disarm = undefined;
    this.#armedFor = Number.POSITIVE_INFINITY;
    const now = this.#clock.monotonic();
    // setTimeout may fire up to a millisecond early.
    while (this.#heap[0] && (this.#heap[0].cancelled || this.#heap[0].at <= now + 1)) {
      const entry = this.#pop();
      if (entry.cancelled) continue;
      this.#entries.delete(entry.key);
      this.#fire(entry.key);
    }
    this.#arm();
  }

  #push(entry: Entry<K>): void {
    const heap = this.#heap;
    let i = heap.push(entry) - 1;
    while (i > 0) {
      const up = (i - 1) >> 1;
      if (heap[up]!.at <= entry.at) break;
      heap[i] = heap[up]!;
      i = up;
    }
    heap[i] = entry;
  }

  #pop(): Entry<K> {
    const heap = this.#heap;
    const top = heap[0]!;
    const last = heap.pop()!;
    if (heap.length === 0) return top;
    let i = 0;
    for (;;) {
      let down = 2 * i + 1;
      if (down >= heap.length) break;
      if (down + 1 < heap.length && heap[down + 1]!.at < heap[down]!.at) down++;
      if (heap[down]!.at >= last.at) break;
      heap[i] = heap[down]!;
      i = down;
    }
    heap[i] = last;
    return top;
  }
}
