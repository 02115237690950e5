/** Work that is done one piece after the other for each key. */
export class KeyedTurns {
  readonly #last = new Map<string, Promise<unknown>>();

  /** Does the work when that of the same key which came before is done, whatever has become of it. */
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
