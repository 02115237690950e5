import { z } from "zod";

export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

/** Any JSON value. Not looked into: what comes out of JSON.parse is JSON. */
export const json = z.custom<Json>((value) => value !== undefined, { error: "expected a JSON value" });

/** Values nested deeper are refused: JSON.parse reads any depth, but what walks or writes them exhausts the stack. */
export const MAX_NESTING = 500;

const decoder = new TextDecoder("utf-8", { fatal: true });

/** UTF-8. Short texts share memory with each other, and take a sixth of a TextEncoder's time. */
export const encodeText = (text: string): Uint8Array => Buffer.from(text);

/** UTF-8 bytes of a JSON text. */
export const encodeJson = (value: unknown): Uint8Array => encodeText(JSON.stringify(value));

/** Throws a TypeError for what is not UTF-8. */
export const decodeText = (data: Uint8Array): string => decoder.decode(data);

/** Throws a SyntaxError (not JSON) or a TypeError (not UTF-8). */
export const decodeJson = (data: Uint8Array): unknown => JSON.parse(decoder.decode(data));

/**
 * Says where a value is not JSON and why, or undefined if it is. Paths look like `$.items[3].when`. Never throws: a getter
 * or a proxy of the value's may.
 */
export function findNonJson(value: unknown): string | undefined {
  try {
    if (isJson(value, [])) return undefined;
  } catch {
    // The words for it are found below.
  }
  return describeNonJson(value, "$", []) ?? "$ is a value that changes while it is read";
}

/** The same question without the words for an answer: nearly all that is asked about is JSON. */
function isJson(value: unknown, ancestors: object[]): boolean {
  if (typeof value !== "object") {
    return typeof value === "string" || typeof value === "boolean" || Number.isFinite(value);
  }
  if (value === null) return true;
  if (ancestors.length >= MAX_NESTING || ancestors.includes(value)) return false;
  ancestors.push(value);
  const all = Array.isArray(value) ? areJson(value, ancestors) : isPlain(value) && fieldsAreJson(value, ancestors);
  ancestors.pop();
  return all;
}

function areJson(items: readonly unknown[], ancestors: object[]): boolean {
  for (let i = 0; i < items.length; i++) if (!isJson(items[i], ancestors)) return false;
  return true;
}

function fieldsAreJson(value: object, ancestors: object[]): boolean {
  for (const key in value) {
    const item = (value as Record<string, unknown>)[key];
    // JSON.stringify leaves undefined properties out, which is what an optional field means.
    if (item !== undefined && !isJson(item, ancestors)) return false;
  }
  return true;
}

function isPlain(value: object): boolean {
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function describeNonJson(value: unknown, path: string, ancestors: readonly object[]): string | undefined {
  try {
    return describeValue(value, path, ancestors);
  } catch {
    return `${path} throws when it is read; expected JSON`;
  }
}

function describeValue(value: unknown, path: string, ancestors: readonly object[]): string | undefined {
  switch (typeof value) {
    case "string":
    case "boolean":
      return undefined;
    case "number":
      return Number.isFinite(value) ? undefined : `${path} is ${value}; JSON has only finite numbers`;
    case "object":
      break;
    default:
      return `${path} is ${typeof value === "undefined" ? "undefined" : `a ${typeof value}`}; expected JSON`;
  }
  if (value === null) return undefined;
  if (ancestors.includes(value)) return `${path} refers back to a value that contains it; JSON has no cycles`;
  if (ancestors.length >= MAX_NESTING) return `${path} is nested deeper than ${MAX_NESTING} levels`;
  const within = [...ancestors, value];
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) {
      const found = describeNonJson(value[i], `${path}[${i}]`, within);
      if (found) return found;
    }
    return undefined;
  }
  if (!isPlain(value))
    return `${path} is a ${Object.getPrototypeOf(value).constructor?.name ?? "class instance"}; expected a plain object`;
  for (const key of Object.keys(value)) {
    const found = describeField(value as Record<string, unknown>, key, `${path}.${key}`, within);
    if (found) return found;
  }
  return undefined;
}

function describeField(
  value: Record<string, unknown>,
  key: string,
  path: string,
  ancestors: readonly object[],
): string | undefined {
  let item: unknown;
  try {
    item = value[key];
  } catch {
    return `${path} throws when it is read; expected JSON`;
  }
  return item === undefined ? undefined : describeNonJson(item, path, ancestors);
}

/** Whether containers stand inside each other more than `levels` deep; a scalar has none, `[]` one. */
export function isNestedDeeper(value: unknown, levels: number): boolean {
  if (value === null || typeof value !== "object") return false;
  if (levels <= 0) return true;
  for (const key in value) {
    const item = (value as Record<string, unknown>)[key];
    if (item !== null && typeof item === "object" && isNestedDeeper(item, levels - 1)) return true;
  }
  return false;
}

/** RFC 6901. Returns undefined where the pointer leads nowhere. The empty pointer is the whole. */
export function atPointer(value: Json, pointer: string): Json | undefined {
  if (pointer === "") return value;
  if (!pointer.startsWith("/")) return undefined;
  // Most lead to a field of an object.
  if (isPlainField(pointer) && value !== null && typeof value === "object" && !Array.isArray(value)) {
    const field = pointer.slice(1);
    return Object.hasOwn(value, field) ? (value as { readonly [key: string]: Json })[field] : undefined;
  }
  let at: Json | undefined = value;
  for (const token of pointer.slice(1).split("/")) {
    if (at === null || typeof at !== "object") return undefined;
    const key = token.replaceAll("~1", "/").replaceAll("~0", "~");
    if (Array.isArray(at)) at = /^(0|[1-9]\d*)$/.test(key) ? (at as readonly Json[])[Number(key)] : undefined;
    else at = Object.hasOwn(at, key) ? (at as { readonly [key: string]: Json })[key] : undefined;
    if (at === undefined) return undefined;
  }
  return at;
}

const isPlainField = (pointer: string): boolean => pointer.indexOf("/", 1) < 0 && !pointer.includes("~");

/** A property's name as a token of a JSON pointer. */
export const escapeToken = (token: string): string =>
  token.includes("~") || token.includes("/") ? token.replaceAll("~", "~0").replaceAll("/", "~1") : token;

export const toPointer = (path: readonly PropertyKey[]): string =>
  path.map((token) => `/${escapeToken(String(token))}`).join("");

/** The tokens of a JSON pointer. */
export const fromPointer = (pointer: string): readonly string[] =>
  pointer
    .split("/")
    .slice(1)
    .map((token) => token.replaceAll("~1", "/").replaceAll("~0", "~"));
