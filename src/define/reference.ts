import { z } from "zod";
import { TuttiError } from "../core/error.ts";
import { type Json, MAX_NESTING } from "../core/json.ts";
import { wordOf } from "../core/template.ts";
import { outputOf } from "./output-field.ts";
import { peekReference, References, takeReference } from "./reference-proxy.ts";
import { templateOf } from "./reference-text.ts";
import { type TakeReference, Word } from "./word.ts";

/**
 * References to outputs that do not exist yet. In TypeScript they look like the output itself
 * (`part.output.summary`); on the wire they are `{"$ref": "part#/summary"}`.
 *
 * A reference is good for one thing: to stand in another task's input. What would need the value now throws, and says
 * so: text (`${ref}`), arithmetic, iteration, spreading, `Object.keys`, `JSON.stringify`, assignment. To what the
 * language asks of any object (`await`, symbols) it answers like an object without such a thing.
 */
declare const referred: unique symbol;

/** What stands for a value of type `T` that is not there yet. */
export interface Ref<out T> {
  readonly [referred]: T;
}

/** The type of an awaited reference: nothing can be done with it. */
interface NoValueYet {
  readonly [referred]: never;
}

/**
 * For the compiler only, at run time there is no `then`: the compiler knows that a promise is no condition, and so reports
 * `if (x.output)`, `x.output && …` and `x.output ? … : …` (TS2801).
 */
interface Pending {
  then(use: (value: NoValueYet) => unknown): NoValueYet;
}

type Primitive = string | number | boolean | null;
/** What zod can describe and JSON cannot carry. */
type NoJson = Date | bigint | symbol | ((...args: never) => unknown) | ReadonlyMap<never, unknown> | ReadonlySet<never>;

/** A field of what may be absent may be absent. */
type Absent<T> = undefined extends T ? undefined : null extends T ? undefined : never;

/**
 * What referring to a `T` allows: every field, however deep; optional ones stay optional, and an input takes none of them.
 * `at` reaches those whose names mean something here: `then`, `toJSON`, `at`. Of an unknown `T` nothing can be reached.
 *
 * @example
 * ```ts
 * const summary: Out<{ text: string }> = p.task(summarize, { document }).output;
 * p.task(print, { line: summary.text });
 * ```
 */
export type Out<T> = Ref<T> &
  Pending &
  ([NonNullable<T>] extends [Primitive | NoJson]
    ? unknown
    : unknown extends T
      ? unknown
      : NonNullable<T> extends readonly (infer U)[]
        ? { readonly [index: number]: Out<U | Absent<T>> }
        : { readonly [K in keyof NonNullable<T>]-?: Out<NonNullable<T>[K] | Absent<T>> } & {
            at<K extends keyof NonNullable<T> & string>(key: K): Out<NonNullable<T>[K] | Absent<T>>;
          });

/**
 * Where a `T` is wanted: the value, a reference to one, or a value with references inside. Leaving a field out is for the
 * author of the plan: a reference to what may be absent is not accepted, since it fails the run when there is nothing.
 *
 * @example
 * ```ts
 * const input: In<{ title: string; parts: string[] }> = { title: "Strings", parts: [p.task(paragraph, {}).output] };
 * ```
 */
// `Ref` stays outside the conditional, else `boolean` would split.
export type In<T> =
  | Ref<Exclude<T, undefined>>
  | (unknown extends T
      ? unknown
      : T extends Primitive | undefined
        ? T
        : T extends NoJson
          ? never
          : { [K in keyof T]: In<T[K]> });

const ANYTHING = z.unknown();

/** A reference to the output of the sibling `key`, as the schema of its contract describes it. */
export const createReference = (
  key: string,
  output: z.ZodType = ANYTHING,
  references = new References(),
): Ref<unknown> => references.refer(`${key}#`, outputOf(output)) as Ref<unknown>;

/** Where an input is written down: it learns what that has in it, and takes the references of its own plan only. */
export interface Whole {
  isJson: boolean;
  readonly references?: References;
  /** Whether there are words that only a plan of version 2 has. */
  hasNewWords?: boolean;
  /** Data that a plan of version 2 would take for words. */
  readonly lookalikes?: Set<object>;
}

/** Takes references for a plan. */
export const referenceTaker =
  ({ references }: Whole): TakeReference =>
  (value, mayBeAbsent) =>
    takeReference(value, references, mayBeAbsent);

const tooDeep = () =>
  new TuttiError(400, `expected an input nested at most ${MAX_NESTING} levels, received a deeper or circular one`);

/**
 * The input as it travels: references as `$ref`; data that looks like one as `$literal`. Of what may be no JSON it says so
 * in `whole.isJson`, and leaves it to the check that names the place and the class. Throws a {@link TuttiError} (400) for
 * what is nested too deep, and for references inside data that looks like one.
 */
export function toWire(input: unknown, whole: Whole = { isJson: true }, level = 0): unknown {
  if (input === null || typeof input === "string" || typeof input === "boolean") return input;
  if (typeof input !== "object") {
    if (!Number.isFinite(input) && (input !== undefined || level > 0)) whole.isJson = false;
    return input;
  }
  const text = takeReference(input, whole.references);
  if (text !== undefined) return writeReference(text, whole);
  if (input instanceof Word) {
    whole.hasNewWords = true;
    return input.toWire(referenceTaker(whole), (value) => toWire(value, whole, level + 1) as Json);
  }
  if (level >= MAX_NESTING) throw tooDeep();
  if (Array.isArray(input)) {
    const items: unknown[] = [];
    // By index: a hole is no JSON either.
    for (let i = 0; i < input.length; i++) items.push(toWire(input[i], whole, level + 1));
    return items;
  }
  const prototype = Object.getPrototypeOf(input);
  if (prototype !== Object.prototype && prototype !== null) {
    whole.isJson = false;
    return input;
  }
  const from = input as Readonly<Record<string, unknown>>;
  const copy: Record<string, unknown> = {};
  let fields = 0;
  let mayBeWord = false;
  for (const field of Object.keys(from)) {
    const value = from[field];
    if (value === undefined) continue;
    fields++;
    if (field.startsWith("$")) mayBeWord = true;
    setField(copy, field, toWire(value, whole, level + 1));
  }
  if (!mayBeWord) return copy;
  if (fields !== 1 || !(Object.hasOwn(copy, "$ref") || Object.hasOwn(copy, "$literal"))) {
    if (wordOf(copy)) whole.lookalikes?.add(copy);
    return copy;
  }
  refuseReferences(input, "$ref" in copy ? "$ref" : "$literal", level);
  whole.isJson = false;
  return { $literal: input };
}

function writeReference(text: string, whole: Whole): unknown {
  const word = templateOf(text);
  if (!("$ref" in word) || text.startsWith("#")) whole.hasNewWords = true;
  return word;
}

/** Also where the name means something else in an assignment. */
function setField(object: Record<string, unknown>, field: string, value: unknown): void {
  if (field === "__proto__")
    Object.defineProperty(object, field, { value, enumerable: true, configurable: true, writable: true });
  else object[field] = value;
}

function refuseReferences(value: unknown, field: string, level: number): void {
  if (value === null || typeof value !== "object") return;
  const text = peekReference(value);
  if (text !== undefined)
    throw new TuttiError(400, `expected no reference inside data of the one field ${field}, received one to ${text}`);
  if (level >= MAX_NESTING) throw tooDeep();
  for (const item of Object.values(value)) refuseReferences(item, field, level + 1);
}
