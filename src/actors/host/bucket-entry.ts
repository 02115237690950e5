import type { z } from "zod";
import { messageOf } from "../../core/error.ts";
import { decodeJson } from "../../core/json.ts";
import type { Logger } from "../../core/logger.ts";
import { describeProblems, problemsOf } from "../../core/problem.ts";

/** Parses the bytes of a bucket's entry. Throws an error that describes the problem. */
export type ParseEntry<T> = (value: Uint8Array, key: string) => T;

/**
 * Creates a {@link ParseEntry} for JSON entries with a schema.
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

/** Reads JSON of a schema. Undefined for bytes that are not: any client of the bus may have written them. */
export function readAs<S extends z.ZodType>(schema: S, data: Uint8Array): z.output<S> | undefined {
  try {
    return schema.safeParse(decodeJson(data)).data;
  } catch {
    return undefined;
  }
}

export interface EntryReaderOptions<T> {
  /** The name of the bucket, for warnings. */
  readonly bucket: string;
  readonly parse: ParseEntry<T>;
  /** The value to use for an entry that cannot be parsed. Default: the entry is skipped. */
  readonly instead?: (key: string) => T | undefined;
  readonly log: Logger;
}

/**
 * Reads the entries of one bucket. Any client of the bus may write there, so an entry that cannot be parsed is skipped.
 * One warning is logged per key, until the key can be read again.
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

  /** Notes that the key was deleted or has expired. */
  forget(key: string): void {
    this.#odd.delete(key);
  }
}
