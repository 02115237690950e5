import { z } from "zod";

export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

/** Any JSON value. Not looked into: what comes out of JSON.parse is JSON. */
export const json = z.custom<Json>((value) => value !== undefined, { error: "expected a JSON value" });

/** Values nested deeper are refused: JSON.parse reads any depth, but what walks or writes them exhausts the stack. */
export const MAX_NESTING = 500;

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });

/** UTF-8 bytes of a JSON text. */
export const encodeJson = (value: unknown): Uint8Array => encoder.encode(JSON.stringify(value));

/** Throws a SyntaxError (not JSON) or a TypeError (not UTF-8). */
export const decodeJson = (data: Uint8Array): unknown => JSON.parse(decoder.decode(data));

/** Says where a value is no JSON and why, or undefined if it is. Paths look like `$.items[3].when`. */
export function findNonJson(value: unknown, path = "$", ancestors: readonly object[] = []): string | undefined {
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
      const found = findNonJson(value[i], `${path}[${i}]`, within);
      if (found) return found;
    }
    return undefined;
  }
  const prototype = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null)
    return `${path} is a ${prototype.constructor?.name ?? "class instance"}; expected a plain object`;
  for (const [key, item] of Object.entries(value)) {
    // JSON.stringify leaves undefined properties out, which is what an optional field means.
    if (item === undefined) continue;
    const found = findNonJson(item, `${path}.${key}`, within);
    if (found) return found;
  }
  return undefined;
}

/** Whether containers stand inside each other more than `levels` deep; a scalar has none, `[]` one. */
export function isNestedDeeper(value: unknown, levels: number): boolean {
  if (value === null || typeof value !== "object") return false;
  return levels <= 0 || Object.values(value).some((item) => isNestedDeeper(item, levels - 1));
}

/** RFC 6901. Returns undefined where the pointer leads nowhere. The empty pointer is the whole. */
export function atPointer(value: Json, pointer: string): Json | undefined {
  if (pointer === "") return value;
  if (!pointer.startsWith("/")) return undefined;
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

/** A property's name as a token of a JSON pointer. */
export const escapeToken = (token: string): string =>
  token.includes("~") || token.includes("/") ? token.replaceAll("~", "~0").replaceAll("/", "~1") : token;

export const toPointer = (path: readonly PropertyKey[]): string =>
  path.map((token) => `/${escapeToken(String(token))}`).join("");
