import type { Bucket } from "../../bus/port.ts";
import { EntryReader, type EntryReaderOptions } from "./bucket-entry.ts";

/** The entries of a bucket at the moment that it is asked, by key. Those that cannot be read are skipped. */
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
