import { atPointer, isNestedDeeper, type Json, MAX_NESTING, toPointer } from "./json.ts";

/**
 * `{"$ref": "<key>#/json/pointer"}` in a task's input stands for (a part of) a sibling's output, and makes the
 * dependency. `{"$literal": …}` stands for the JSON inside it, untouched, so that data which itself holds `$ref` can
 * be passed.
 */
export interface Reference {
  readonly key: string;
  /** RFC 6901; empty for the whole output. */
  readonly pointer: string;
}

export function parseReference(text: string): Reference {
  const hash = text.indexOf("#");
  return hash < 0 ? { key: text, pointer: "" } : { key: text.slice(0, hash), pointer: text.slice(hash + 1) };
}

/** RFC 6901: empty, or tokens that each begin with `/`, with `~` only as `~0` or `~1`. */
export const isPointer = (text: string): boolean => (text === "" || text.startsWith("/")) && !/~(?![01])/.test(text);

const onlyKey = (value: object): string | undefined => {
  let only: string | undefined;
  for (const key in value) {
    if (only !== undefined) return undefined;
    only = key;
  }
  return only;
};

/** The text of a reference, when the value is one. */
export function referenceIn(value: object): string | undefined {
  if (onlyKey(value) !== "$ref") return undefined;
  const text = (value as { $ref: unknown }).$ref;
  return typeof text === "string" ? text : undefined;
}

const isLiteral = (value: object): value is { $literal: Json } => onlyKey(value) === "$literal";

/** Called with the references of an input. `path()` is the JSON pointer into the input, good for the time of the call. */
export interface ReferenceVisitor {
  found(text: string, path: () => string): void;
  /** A `$ref` that is not a text. */
  malformed?(value: unknown, path: () => string): void;
  /** What is nested deeper than {@link MAX_NESTING} is not looked into. */
  tooDeep?(path: () => string): void;
}

export function visitReferences(input: Json, visitor: ReferenceVisitor): void {
  if (input === null || typeof input !== "object" || isFlat(input)) return;
  const trail: (string | number)[] = [];
  visit(input, visitor, trail, () => toPointer(trail));
}

/** Whether it has scalars only, under names that are no words: so are the inputs of most tasks. */
function isFlat(value: object): boolean {
  // Of an array this would make a text of each index.
  if (Array.isArray(value)) return false;
  for (const key in value) {
    const item: unknown = (value as { readonly [key: string]: unknown })[key];
    if ((typeof item === "object" && item !== null) || key === "$ref" || key === "$literal") return false;
  }
  return true;
}

function visit(
  value: Exclude<Json, string | number | boolean | null>,
  visitor: ReferenceVisitor,
  trail: (string | number)[],
  path: () => string,
): void {
  if (trail.length >= MAX_NESTING) return visitor.tooDeep?.(path);
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) enter(i, value[i], visitor, trail, path);
    return;
  }
  const only = onlyKey(value);
  if (only === "$ref") {
    const text = (value as { $ref: unknown }).$ref;
    return typeof text === "string" ? visitor.found(text, path) : visitor.malformed?.(text, path);
  }
  if (only === "$literal") {
    if (!visitor.tooDeep || !isNestedDeeper(value, MAX_NESTING - trail.length)) return;
    trail.push("$literal");
    visitor.tooDeep(path);
    trail.pop();
    return;
  }
  for (const key in value) enter(key, (value as { readonly [key: string]: Json })[key]!, visitor, trail, path);
}

function enter(
  key: string | number,
  item: Json,
  visitor: ReferenceVisitor,
  trail: (string | number)[],
  path: () => string,
): void {
  if (item === null || typeof item !== "object") return;
  trail.push(key);
  visit(item, visitor, trail, path);
  trail.pop();
}

/** Calls `found` for every reference in an input, with the JSON pointer to where it stands. */
export const eachReference = (input: Json, found: ReferenceVisitor["found"]): void => visitReferences(input, { found });

export class BrokenReference extends Error {
  override readonly name = "BrokenReference";
}

/** The input with every reference replaced. Parts without references are shared, not copied. Throws {@link BrokenReference}. */
export function resolveInput(input: Json, outputOf: (key: string) => Json | undefined): Json {
  if (input === null || typeof input !== "object") return input;
  if (Array.isArray(input)) return mapChanged(input as readonly Json[], outputOf);
  const text = referenceIn(input);
  if (text !== undefined) {
    const { key, pointer } = parseReference(text);
    const output = outputOf(key);
    const value = output === undefined ? undefined : atPointer(output, pointer);
    if (value === undefined) throw new BrokenReference(`the reference ${text} leads nowhere in the output of ${key}`);
    return value;
  }
  if (isLiteral(input)) return input.$literal;
  let copy: Record<string, Json> | undefined;
  for (const [key, item] of Object.entries(input)) {
    const resolved = resolveInput(item, outputOf);
    if (resolved === item) continue;
    copy ??= { ...(input as Record<string, Json>) };
    copy[key] = resolved;
  }
  return copy ?? input;
}

function mapChanged(items: readonly Json[], outputOf: (key: string) => Json | undefined): readonly Json[] {
  let copy: Json[] | undefined;
  for (let i = 0; i < items.length; i++) {
    const resolved = resolveInput(items[i]!, outputOf);
    if (resolved === items[i]) continue;
    copy ??= [...items];
    copy[i] = resolved;
  }
  return copy ?? items;
}
