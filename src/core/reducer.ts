import { atPointer, type Json } from "./json.ts";
import type { REDUCERS } from "./plan-options.ts";
import { show } from "./problem.ts";

/** What a map makes of its outputs, as an author states it. */
export type ReduceStated =
  | Way
  | ({ readonly [W in Way]?: string | undefined } & {
      readonly type?: string | undefined;
      readonly width?: number | undefined;
    });
type Way = (typeof REDUCERS)[number];

/** What a map makes of its outputs. `pointer` says which part of each. */
export type Reducer =
  | { readonly way: Way; readonly pointer: string }
  /** A task of this type for at most `width` of them, in a tree: see `reduction-tree.ts`. */
  | { readonly way: "type"; readonly type: string; readonly width: number };

export const DEFAULT_WIDTH = 20;

/** The reducer that an author means: by default, all outputs are collected. */
export function readReducer(stated: ReduceStated | undefined): Reducer {
  if (stated === undefined) return { way: "collect", pointer: "" };
  if (typeof stated === "string") return { way: stated, pointer: "" };
  const { type, width = DEFAULT_WIDTH, ...pointers } = stated;
  if (type !== undefined) return { way: "type", type, width };
  const [way, pointer] = Object.entries(pointers).find(([, value]) => value !== undefined) as [Way, string];
  return { way, pointer };
}

/** What cannot be reduced, and why. */
export class UnreducibleOutput extends Error {
  override readonly name = "UnreducibleOutput";
}

/** The ways that need no output once it was added: folded as results arrive, in constant memory. */
export const FOLDED_WAYS = ["count", "sum", "stats"] as const;
export type FoldedWay = (typeof FOLDED_WAYS)[number];
export const isFolded = (reducer: Reducer): reducer is Reducer & { way: FoldedWay; pointer: string } =>
  FOLDED_WAYS.some((one) => one === reducer.way);

/**
 * `count`, `sum` or `stats` of numbers that come one by one. The sum is compensated (Neumaier) and the deviation updated
 * (Welford), so that the last digits do not get lost among many numbers or large ones.
 */
export class Tally {
  count = 0;
  #sum = 0;
  #lost = 0;
  #mean = 0;
  #squares = 0;
  #min = Number.POSITIVE_INFINITY;
  #max = Number.NEGATIVE_INFINITY;
  readonly #way: FoldedWay;
  readonly #pointer: string;

  constructor({ way, pointer }: { readonly way: FoldedWay; readonly pointer: string }) {
    this.#way = way;
    this.#pointer = pointer;
  }

  /** The same, to be added to without a change to this one. */
  copy(): Tally {
    const copy = new Tally({ way: this.#way, pointer: this.#pointer });
    copy.count = this.count;
    copy.#sum = this.#sum;
    copy.#lost = this.#lost;
    copy.#mean = this.#mean;
    copy.#squares = this.#squares;
    copy.#min = this.#min;
    copy.#max = this.#max;
    return copy;
  }

  /** Throws an {@link UnreducibleOutput} where a number is missing. */
  add(output: Json): void {
    const value = atPointer(output, this.#pointer);
    if (this.#way === "count") {
      if (value !== undefined && value !== null && value !== false) this.count++;
      return;
    }
    if (typeof value !== "number") throw unreducible(this.#way, this.#pointer, "a number", value);
    this.#addNumber(value);
  }

  #addNumber(value: number): void {
    this.count++;
    const sum = this.#sum + value;
    this.#lost += Math.abs(this.#sum) >= Math.abs(value) ? this.#sum - sum + value : value - sum + this.#sum;
    this.#sum = sum;
    const before = value - this.#mean;
    this.#mean += before / this.count;
    this.#squares += before * (value - this.#mean);
    this.#min = Math.min(this.#min, value);
    this.#max = Math.max(this.#max, value);
  }

  /** What there is of no numbers is null; a count and a sum are 0. Throws an {@link UnreducibleOutput} beyond what a number can hold. */
  result(): Json {
    if (this.#way === "count") return this.count;
    const sum = this.#sum + this.#lost;
    if (this.#way === "sum") return finite(sum, "the sum");
    if (this.count === 0) return { count: 0, sum: 0, mean: null, std: null, min: null, max: null };
    return {
      count: this.count,
      sum: finite(sum, "the sum"),
      mean: sum / this.count,
      std: finite(Math.sqrt(this.#squares / this.count), "the standard deviation"),
      min: this.#min,
      max: this.#max,
    };
  }
}

function finite(value: number, what: string): number {
  if (Number.isFinite(value)) return value;
  throw new UnreducibleOutput(`${what} is more than a number can hold`);
}

/** Puts together what was kept by reference: `collect`, `concat`, `merge`. Throws an {@link UnreducibleOutput}. */
export function assemble(
  { way, pointer }: { readonly way: Exclude<Way, FoldedWay>; readonly pointer: string },
  outputs: readonly Json[],
): Json {
  const parts = outputs.map((output) => {
    const part = atPointer(output, pointer);
    if (part === undefined) throw unreducible(way, pointer, "a value", part);
    return part;
  });
  switch (way) {
    case "collect":
      return parts;
    case "concat":
      return concatenate(parts, pointer);
    case "merge":
      return merge(parts, pointer);
  }
}

/** Lists, or texts. */
function concatenate(parts: readonly Json[], pointer: string): Json {
  if (parts.length > 0 && parts.every((part) => typeof part === "string")) return parts.join("");
  return parts.flatMap((part) => {
    if (!Array.isArray(part)) throw unreducible("concat", pointer, "a list, or a text as all others are", part);
    return part as readonly Json[];
  });
}

/** Field by field; of a field that several have, the last one counts. */
function merge(parts: readonly Json[], pointer: string): Json {
  return Object.fromEntries(
    parts.flatMap((part) => {
      if (part === null || typeof part !== "object" || Array.isArray(part))
        throw unreducible("merge", pointer, "an object", part);
      return Object.entries(part as { readonly [key: string]: Json });
    }),
  );
}

const unreducible = (way: Way, pointer: string, expected: string, received: Json | undefined): UnreducibleOutput =>
  new UnreducibleOutput(
    `${way}: expected ${expected}${pointer && ` at ${pointer}`} in every output, received ${show(received)}`,
  );
