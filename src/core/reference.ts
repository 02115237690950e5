import { atPointer, escapeToken, isNestedDeeper, type Json, MAX_NESTING } from "./json.ts";

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

/** What is told of an input's references. Paths are JSON pointers into the input. */
export interface ReferenceVisitor {
  found(text: string, path: string): void;
  /** A `$ref` that is no text. */
  malformed?(value: unknown, path: string): void;
  /** What is nested deeper than {@link MAX_NESTING} is not looked into. */
  tooDeep?(path: string): void;
}

export function visitReferences(input: Json, visitor: ReferenceVisitor, path = "", level = 0): void {
  if (input === null || typeof input !== "object") return;
  if (level >= MAX_NESTING) {
    visitor.tooDeep?.(path);
    return;
  }
  if (Array.isArray(input)) {
    for (let i = 0; i < input.length; i++) visitReferences(input[i], visitor, `${path}/${i}`, level + 1);
    return;
  }
  const only = onlyKey(input);
  if (only === "$ref") {
    const text = (input as { $ref: unknown }).$ref;
    if (typeof text === "string") visitor.found(text, path);
    else visitor.malformed?.(text, path);
    return;
  }
  if (only === "$literal") {
    if (visitor.tooDeep && isNestedDeeper(input, MAX_NESTING - level)) visitor.tooDeep(`${path}/$literal`);
    return;
  }
  for (const key of Object.keys(input)) {
    const item = (input as { readonly [key: string]: Json })[key]!;
    if (item !== null && typeof item === "object")
      visitReferences(item, visitor, `${path}/${escapeToken(key)}`, level + 1);
  }
}

/** Calls `found` for every reference in an input, with the JSON pointer to where it stands. */
export function eachReference(input: Json, found: (text: string, path: string) => void, path = ""): void {
  visitReferences(input, { found }, path);
}

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
