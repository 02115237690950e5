import type { Bucket, Stoppable } from "../../bus/port.ts";
import { EntryReader, type EntryReaderOptions } from "./bucket-entry.ts";

/** `value` is undefined when the key was deleted, `before` when the mirror did not have it. */
export type EntryListener<T> = (key: string, value: T | undefined, before: T | undefined) => void;

/**
 * The entries of a bucket in memory, kept current by a watch. An entry that cannot be parsed is ignored as if it had
 * not been written: the mirror keeps the previous value of the key.
 *
 * The bus does not report expiry. Of a bucket whose entries expire, a mirror also holds those that have expired.
 *
 * @example
 * const claims = await BucketMirror.open(bucket, { bucket: "TUTTI_shards", parse: parseBy(claim), log });
 * claims.get("3")?.owner;
 */
export class BucketMirror<T> {
  readonly #entries = new Map<string, T>();
  readonly #listeners = new Set<EntryListener<T>>();
  readonly #reader: EntryReader<T>;
  #watch: Stoppable | undefined;

  private constructor(options: EntryReaderOptions<T>) {
    this.#reader = new EntryReader(options);
  }

  /** Resolves when all present entries are known. Rejects with a BusError. */
  static async open<T>(bucket: Bucket, options: EntryReaderOptions<T>): Promise<BucketMirror<T>> {
    const mirror = new BucketMirror(options);
    const ready = Promise.withResolvers<void>();
    mirror.#watch = await bucket.watch((key, value) => mirror.take(key, value), ready.resolve);
    await ready.promise;
    return mirror;
  }

  get entries(): ReadonlyMap<string, T> {
    return this.#entries;
  }

  /** Calls `listener` for every put and delete from now on. Returns a function that removes it. */
  onChange(listener: EntryListener<T>): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Takes an entry that this process has just read or written, before the watch reports it. */
  take(key: string, value: Uint8Array | undefined): void {
    const before = this.#entries.get(key);
    const parsed = value && this.#reader.read(key, value);
    if (parsed !== undefined) this.#entries.set(key, parsed);
    else if (value) return;
    else {
      this.#reader.forget(key);
      this.#entries.delete(key);
    }
    for (const listener of this.#listeners) listener(key, parsed, before);
  }

  async stop(): Promise<void> {
    await this.#watch?.stop();
  }
}
