/** Runs the work of each key one piece after another. */
export class KeyedTurns {
  readonly #last = new Map<string, Promise<unknown>>();

  /** Runs the work when earlier work of the same key has settled, whether it succeeded or failed. */
  take<T>(key: string, work: () => Promise<T>): Promise<T> {
    const before = this.#last.get(key);
    const done = before ? before.then(work, work) : work();
    this.#last.set(key, done);
    const forget = () => {
      if (this.#last.get(key) === done) this.#last.delete(key);
    };
    done.then(forget, forget);
    return done;
  }
}
