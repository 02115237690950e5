import { TuttiError } from "../core/error.ts";
import { escapeToken, MAX_NESTING } from "../core/json.ts";

/**
 * References to outputs that do not exist yet. In TypeScript they look like the output itself
 * (`part.output.summary`); on the wire they are `{"$ref": "part#/summary"}`.
 *
 * A reference is good for one thing: to stand in another task's input. What would need the value now throws, and says
 * so: text (`${ref}`), arithmetic, iteration, spreading, `Object.keys`, `JSON.stringify`, assignment. To what the
 * language asks of any object (`await`, symbols) it answers like an object without such a thing.
 */
declare const referred: unique symbol;

export interface Ref<out T> {
  readonly [referred]: T;
}

type Primitive = string | number | boolean | null;
/** What zod can describe and JSON cannot carry. */
type NoJson = Date | bigint | symbol | ((...args: never) => unknown) | ReadonlyMap<never, unknown> | ReadonlySet<never>;

/** A field of what may be absent may be absent. */
type Absent<T> = undefined extends T ? undefined : null extends T ? undefined : never;

/**
 * What referring to a `T` allows: every field, however deep; optional ones stay optional. `at` reaches those whose names
 * mean something here: `then`, `toJSON`, `at`. Of an unknown `T` nothing can be reached.
 */
export type Out<T> = Ref<T> &
  ([NonNullable<T>] extends [Primitive | NoJson]
    ? unknown
    : unknown extends T
      ? unknown
      : NonNullable<T> extends readonly (infer U)[]
        ? { readonly [index: number]: Out<U | Absent<T>> }
        : { readonly [K in keyof NonNullable<T>]-?: Out<NonNullable<T>[K] | Absent<T>> } & {
            at<K extends keyof NonNullable<T> & string>(key: K): Out<NonNullable<T>[K] | Absent<T>>;
          });

/** Where a `T` is wanted: the value, a reference to one, or a value with references inside. `Ref` stays outside the conditional, else `boolean` would split. */
export type In<T> =
  | Ref<T>
  | (unknown extends T
      ? unknown
      : T extends Primitive | undefined
        ? T
        : T extends NoJson
          ? never
          : { [K in keyof T]: In<T[K]> });

const target = Symbol("reference");
/** Names that the language itself looks up on any object it is handed; a reference must not answer to them. */
const SILENT = new Set(["then", "toJSON"]);

/** A reference to the output of the sibling `key`. */
export const createReference = (key: string): Ref<unknown> => referTo(`${key}#`);

/** What is looked through to when a reference is printed: it is the target of its proxy. */
interface Printed {
  readonly $ref: string;
}

const referTo = ($ref: string): Ref<unknown> => new Proxy<Printed>({ $ref }, behaviour) as unknown as Ref<unknown>;

const below = ({ $ref }: Printed, field: string | number): Ref<unknown> =>
  referTo(`${$ref}/${escapeToken(String(field))}`);

function refuse({ $ref }: Printed): never {
  const key = $ref.slice(0, $ref.indexOf("#"));
  throw new TuttiError(
    400,
    `the reference ${$ref} has no value until ${key} has succeeded: expected it as a value in another task's input, received a use of its content`,
  );
}

/** One for all references: a plan of 100,000 tasks may make as many. */
const behaviour: ProxyHandler<Printed> = {
  get(printed, property) {
    if (property === target) return printed.$ref;
    if (property === Symbol.toPrimitive || property === Symbol.iterator) return () => refuse(printed);
    if (typeof property === "symbol" || SILENT.has(property)) return undefined;
    return property === "at" ? (field: string | number) => below(printed, field) : below(printed, property);
  },
  has: (_, property) => property === target,
  getPrototypeOf: () => null,
  ownKeys: refuse,
  set: refuse,
  defineProperty: refuse,
  deleteProperty: refuse,
};

const referenceText = (value: object): string | undefined =>
  target in value ? (value as { [target]: string })[target] : undefined;

const tooDeep = () =>
  new TuttiError(400, `expected an input nested at most ${MAX_NESTING} levels, received a deeper or circular one`);

/**
 * The input as it travels: references as `$ref`; data that looks like one as `$literal`. Of what may be no JSON it says so
 * in `whole.isJson`, and leaves it to the check that names the place and the class. Throws a {@link TuttiError} (400) for
 * what is nested too deep, and for references inside data that looks like one.
 */
export function toWire(input: unknown, whole = { isJson: true }, level = 0): unknown {
  if (input === null || typeof input === "string" || typeof input === "boolean") return input;
  if (typeof input !== "object") {
    if (!Number.isFinite(input) && (input !== undefined || level > 0)) whole.isJson = false;
    return input;
  }
  const text = referenceText(input);
  if (text !== undefined) return { $ref: text };
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
  for (const field of Object.keys(from)) {
    const value = from[field];
    if (value === undefined) continue;
    fields++;
    setField(copy, field, toWire(value, whole, level + 1));
  }
  if (fields !== 1 || !(Object.hasOwn(copy, "$ref") || Object.hasOwn(copy, "$literal"))) return copy;
  refuseReferences(input, "$ref" in copy ? "$ref" : "$literal", level);
  whole.isJson = false;
  return { $literal: input };
}

/** Also where the name means something else in an assignment. */
function setField(object: Record<string, unknown>, field: string, value: unknown): void {
  if (field === "__proto__")
    Object.defineProperty(object, field, { value, enumerable: true, configurable: true, writable: true });
  else object[field] = value;
}

function refuseReferences(value: unknown, field: string, level: number): void {
  if (value === null || typeof value !== "object") return;
  const text = referenceText(value);
  if (text !== undefined)
    throw new TuttiError(400, `expected no reference inside data of the one field ${field}, received one to ${text}`);
  if (level >= MAX_NESTING) throw tooDeep();
  for (const item of Object.values(value)) refuseReferences(item, field, level + 1);
}
