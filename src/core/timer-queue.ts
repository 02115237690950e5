export interface Timer {
  readonly dueMs: number;
  readonly run: () => void;
}

interface Armed extends Timer {
  /** Breaks ties: armed first, fired first. */
  readonly order: number;
  disarmed: boolean;
}

/** Timers by due time, then by order of arming: a binary heap, from which the disarmed are dropped when they surface. */
export class TimerQueue {
  readonly #heap: Armed[] = [];
  #armed = 0;
  #size = 0;

  /** How many are armed. */
  get size(): number {
    return this.#size;
  }

  /** Returns a function that disarms it. */
  arm(dueMs: number, run: () => void): () => void {
    const timer: Armed = { dueMs, run, order: this.#armed++, disarmed: false };
    this.#heap.push(timer);
    this.#raise(this.#heap.length - 1);
    this.#size++;
    return () => {
      if (timer.disarmed) return;
      timer.disarmed = true;
      this.#size--;
      this.#compact();
    };
  }

  /** When the first one is due; undefined when none is armed. */
  get firstDueMs(): number | undefined {
    while (this.#heap[0]?.disarmed) this.#dropFirst();
    return this.#heap[0]?.dueMs;
  }

  /** Takes the first timer if it is due by `untilMs`. Disarming it has no effect any more. */
  takeDue(untilMs: number): Timer | undefined {
    for (let first = this.#heap[0]; first; first = this.#heap[0]) {
      if (!first.disarmed && first.dueMs > untilMs) return undefined;
      this.#dropFirst();
      if (first.disarmed) continue;
      first.disarmed = true;
      this.#size--;
      return first;
    }
    return undefined;
  }

  /** What is disarmed must not be kept by an older timer above it: it may hold on to a whole run. */
  #compact(): void {
    if (this.#heap.length < 2 * this.#size + 64) return;
    const armed = this.#heap.filter((timer) => !timer.disarmed);
    armed.sort((one, other) => (isBefore(one, other) ? -1 : 1));
    this.#heap.length = 0;
    for (const timer of armed) this.#heap.push(timer);
  }

  #raise(index: number): void {
    const heap = this.#heap;
    const timer = heap[index] as Armed;
    while (index > 0) {
      const above = (index - 1) >> 1;
      const parent = heap[above] as Armed;
      if (isBefore(parent, timer)) break;
      heap[index] = parent;
      index = above;
    }
    heap[index] = timer;
  }

  #dropFirst(): void {
    const heap = this.#heap;
    const timer = heap.pop() as Armed;
    if (heap.length === 0) return;
    let index = 0;
    for (;;) {
      let below = 2 * index + 1;
      if (below >= heap.length) break;
      if (below + 1 < heap.length && isBefore(heap[below + 1] as Armed, heap[below] as Armed)) below++;
      const child = heap[below] as Armed;
      if (isBefore(timer, child)) break;
      heap[index] = child;
      index = below;
    }
    heap[index] = timer;
  }
}

function isBefore(one: Armed, other: Armed): boolean {
  return one.dueMs < other.dueMs || (one.dueMs === other.dueMs && one.order < other.order);
}
