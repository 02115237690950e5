import { Fifo } from "../../bus/fifo.ts";

export interface TurnLimits {
  /** The number of pieces of work in progress at once. */
  readonly atOnce: number;
  /** The number of pieces of work that may wait. */
  readonly waiting: number;
  /** The total size of waiting work, in bytes. */
  readonly waitingBytes: number;
}

/** Limits the work in progress. Further work waits in order, up to limits of its own. */
export class Semaphore {
  readonly #limits: TurnLimits;
  readonly #waiting = new Fifo<{ readonly bytes: number; readonly begin: () => void }>();
  #inProgress = 0;
  #waitingBytes = 0;

  constructor(limits: TurnLimits) {
    this.#limits = limits;
  }

  get inProgress(): number {
    return this.#inProgress;
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  /**
   * Runs the work when its turn comes. `bytes` is its size while it waits. Returns undefined if no more work may wait.
   */
  take<T>(bytes: number, work: () => Promise<T>): Promise<T> | undefined {
    const { atOnce, waiting, waitingBytes } = this.#limits;
    if (this.#inProgress < atOnce) return this.#begin(work);
    if (this.#waiting.length >= waiting || this.#waitingBytes + bytes > waitingBytes) return undefined;
    this.#waitingBytes += bytes;
    return new Promise((resolve) => {
      this.#waiting.push({ bytes, begin: () => resolve(this.#begin(work)) });
    });
  }

  async #begin<T>(work: () => Promise<T>): Promise<T> {
    this.#inProgress++;
    try {
      return await work();
    } finally {
      this.#inProgress--;
      const next = this.#waiting.shift();
      if (next) {
        this.#waitingBytes -= next.bytes;
        next.begin();
      }
    }
  }
}
