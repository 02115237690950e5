import type { Bucket } from "../../bus/port.ts";
import { EntryReader, type EntryReaderOptions } from "./bucket-entry.ts";

/** Reads the current entries of a bucket, sorted by key. Entries that cannot be parsed are skipped. */
export class EntryList<T> {
  readonly #bucket: Bucket;
  readonly #reader: EntryReader<T>;

  constructor(bucket: Bucket, options: EntryReaderOptions<T>) {
    this.#bucket = bucket;
    this.#reader = new EntryReader(options);
  }

  /** Rejects with a BusError. */
  async read(): Promise<T[]> {
    const entries = await this.#bucket.entries();
    entries.sort((a, b) => (a.key < b.key ? -1 : 1));
    return entries.flatMap(({ key, value }) => this.#reader.read(key, value) ?? []);
  }
}
