/** Work that runs beside its owner, which awaits it when it stops. */
export class InProgress {
  readonly #work = new Set<Promise<unknown>>();

  get size(): number {
    return this.#work.size;
  }

  /** Work that never rejects: a rejection here is a fault of ours, and surfaces as an unhandled one. */
  add(work: Promise<unknown>): void {
    this.#work.add(work);
    void work.then(() => this.#work.delete(work));
  }

  /** Resolves when nothing is in progress any more, including what is added while it waits. */
  async finished(): Promise<void> {
    while (this.#work.size > 0) await Promise.allSettled(this.#work);
  }
}
