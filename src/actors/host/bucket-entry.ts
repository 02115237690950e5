import type { z } from "zod";
import { messageOf } from "../../core/error.ts";
import { decodeJson } from "../../core/json.ts";
import type { Logger } from "../../core/logger.ts";
import { describeProblems, problemsOf } from "../../core/problem.ts";

/** Turns the bytes of a bucket's entry into a value. Throws an error that says what is wrong with them. */
export type ParseEntry<T> = (value: Uint8Array, key: string) => T;

/**
 * A {@link ParseEntry} for entries that are JSON of a schema.
 *
 * @example
 * parseBy(z.object({ hue: z.int() }))(encodeJson({ hue: "pale" }), "red"); // throws an Error: "/hue: …"
 */
export function parseBy<S extends z.ZodType>(schema: S): ParseEntry<z.output<S>> {
  return (value) => {
    const raw = decodeJson(value);
    const parsed = schema.safeParse(raw);
    if (parsed.success) return parsed.data;
    throw new Error(describeProblems(problemsOf(parsed.error, raw)));
  };
}

export interface EntryReaderOptions<T> {
  /** Name of the bucket, for warnings. */
  readonly bucket: string;
  readonly parse: ParseEntry<T>;
  /** What an entry that cannot be parsed counts as. Default: it is skipped. */
  readonly instead?: (key: string) => T | undefined;
  readonly log: Logger;
}

/**
 * Reads the entries of one bucket. Anybody on the bus may write there, so an entry that cannot be parsed is skipped; one
 * warning is logged per key, until the key can be read again.
 */
export class EntryReader<T> {
  readonly #options: EntryReaderOptions<T>;
  readonly #odd = new Set<string>();

  constructor(options: EntryReaderOptions<T>) {
    this.#options = options;
  }

  /** The value, or undefined for an entry that is skipped. */
  read(key: string, value: Uint8Array): T | undefined {
    const { bucket, parse, instead, log } = this.#options;
    try {
      const parsed = parse(value, key);
      this.#odd.delete(key);
      return parsed;
    } catch (error) {
      if (!this.#odd.has(key))
        log("warn", `the entry ${key} of the bucket ${bucket} cannot be read: ${messageOf(error)}`);
      this.#odd.add(key);
      return instead?.(key);
    }
  }

  /** The key was deleted, or has expired. */
  forget(key: string): void {
    this.#odd.delete(key);
  }
}
