/** The background work of an owner, which awaits it when it stops. */
export class InProgress {
  readonly #work = new Set<Promise<unknown>>();

  get size(): number {
    return this.#work.size;
  }

  /** Adds work that never rejects. A rejection is a bug, and surfaces as an unhandled one. */
  add(work: Promise<unknown>): void {
    this.#work.add(work);
    void work.then(() => this.#work.delete(work));
  }

  /** Resolves when no work is in progress, including work that is added meanwhile. */
  async finished(): Promise<void> {
    while (this.#work.size > 0) await Promise.allSettled(this.#work);
  }
}
