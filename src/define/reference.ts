/**
 * References to outputs that do not exist yet. In TypeScript they look like the output itself
 * (`part.output.summary`); on the wire they are `{"$ref": "part#/summary"}`.
 */
declare const referred: unique symbol;

export interface Ref<out T> {
  readonly [referred]: T;
  /** A field that cannot be reached with a dot, because its name means something to JavaScript: `then`, `toJSON`, `at`. */
  at<K extends keyof NonNullable<T> & string>(key: K): Out<NonNullable<T>[K]>;
}

type Primitive = string | number | boolean | null;

/** What referring to a `T` allows: every field, however deep; optional ones stay optional. */
export type Out<T> = Ref<T> &
  ([NonNullable<T>] extends [Primitive]
    ? unknown
    : unknown extends T
      ? unknown
      : NonNullable<T> extends readonly (infer U)[]
        ? { readonly [index: number]: Out<U> }
        : { readonly [K in keyof NonNullable<T>]-?: Out<NonNullable<T>[K] | (undefined extends T ? undefined : never)> });

/** Where a `T` is wanted: the value, a reference to one, or a value with references inside. `Ref` stays outside the conditional, else `boolean` would split. */
export type In<T> = Ref<T> | (unknown extends T ? unknown : T extends Primitive | undefined ? T : { [K in keyof T]: In<T[K]> });

const target = Symbol("reference");
/** Names that the language itself looks up on any object it is handed; a reference must not answer to them. */
const SILENT = new Set(["then", "toJSON"]);

const escapeToken = (token: string) => token.replaceAll("~", "~0").replaceAll("/", "~1");

/** A reference to the output of the sibling `key`. */
export function createReference(key: string, pointer = ""): Ref<unknown> {
  const below = (field: string) => createReference(key, `${pointer}/${escapeToken(field)}`);
  return new Proxy(Object.create(null), {
    get(_, property) {
      if (property === target) return `${key}#${pointer}`;
      if (typeof property === "symbol" || SILENT.has(property)) return undefined;
      if (property === "at") return below;
      return below(property);
    },
    has: (_, property) => property === target,
  }) as Ref<unknown>;
}

const referenceText = (value: object): string | undefined =>
  target in value ? (value as { [target]: string })[target] : undefined;

/** The input as it travels: references as `$ref`; data that looks like one as `$literal`. */
export function toWire(input: unknown): unknown {
  if (input === null || typeof input !== "object") return input;
  const text = referenceText(input);
  if (text !== undefined) return { $ref: text };
  if (Array.isArray(input)) return input.map(toWire);
  const prototype = Object.getPrototypeOf(input);
  // Left for the check of JSON-ness, which names the place and the class.
  if (prototype !== Object.prototype && prototype !== null) return input;
  const entries = Object.entries(input).filter(([, value]) => value !== undefined);
  if (entries.length === 1 && (entries[0]![0] === "$ref" || entries[0]![0] === "$literal")) return { $literal: input };
  return Object.fromEntries(entries.map(([key, value]) => [key, toWire(value)]));
}
