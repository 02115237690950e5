import type { Json } from "./json.ts";
import { show } from "./problem.ts";

/** Steps that a function has taken beyond its own: proportional to what it went through. */
export type Spend = (steps: number) => void;

export interface ExpressionFunction {
  /** Arguments, the one before the point included. */
  readonly least: number;
  readonly most: number;
  /** Throws an `Error` that says what was expected. */
  readonly call: (spend: Spend, ...args: Json[]) => Json;
}

/** Characters that count as one step. */
export const CHARACTERS_A_STEP = 64;

/** The functions of expressions. Each may be called on its first argument: `size(x)` is `x.size()`. */
export const FUNCTIONS: Readonly<Record<string, ExpressionFunction>> = {
  size: define(1, (spend, value) => {
    if (typeof value === "string") return countCharacters(spend, value);
    if (Array.isArray(value)) return value.length;
    const count = Object.keys(expectObject(value)).length;
    spend(count / 4);
    return count;
  }),
  contains: define(2, (spend, text, part) => search(spend, text, part).includes(part as string)),
  startsWith: define(2, (spend, text, part) => search(spend, text, part).startsWith(part as string)),
  endsWith: define(2, (spend, text, part) => search(spend, text, part).endsWith(part as string)),
  indexOf: define(2, (spend, text, part) => search(spend, text, part).indexOf(part as string)),
  substring: define([2, 3], (spend, value, from, to) => {
    const text = expectText(spend, value);
    const end = to === undefined ? text.length : expectIndex(to, text.length);
    return text.slice(expectIndex(from, end), end);
  }),
  lowerAscii: define(1, (spend, value) => expectText(spend, value).replace(/[A-Z]+/g, (part) => part.toLowerCase())),
  upperAscii: define(1, (spend, value) => expectText(spend, value).replace(/[a-z]+/g, (part) => part.toUpperCase())),
  trim: define(1, (spend, value) => expectText(spend, value).trim()),
  split: define(2, (spend, value, separator) => {
    const parts = search(spend, value, separator).split(separator as string);
    spend(parts.length);
    return parts;
  }),
  join: define([1, 2], (spend, value, separator = "") => {
    const between = expectText(spend, separator);
    const items = expectList(value).map((item) => expectText(spend, item));
    spend((items.length * (CHARACTERS_A_STEP + between.length)) / CHARACTERS_A_STEP);
    return items.join(between);
  }),
  string: define(1, (spend, value) => {
    if (typeof value === "string") return value;
    if (typeof value === "number" || typeof value === "boolean") return String(value);
    spend(0);
    throw expected("a text, a number or a boolean", value);
  }),
  double: define(1, (spend, value) => toNumber(spend, value)),
  int: define(1, (spend, value) => Math.trunc(toNumber(spend, value))),
};

function define(
  arity: number | readonly [least: number, most: number],
  call: ExpressionFunction["call"],
): ExpressionFunction {
  const [least, most] = typeof arity === "number" ? [arity, arity] : arity;
  return { least, most, call };
}

export const expected = (what: string, received: Json | undefined): Error =>
  new Error(`expected ${what}, received ${shown(received)}`);

/** In words of bounded cost: an error may be outvoted by `||`, and come again for every item of a list. */
export function shown(value: Json | undefined): string {
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (typeof value === "object" && value !== null) return "an object";
  return show(typeof value === "string" ? value.slice(0, 100) : value);
}

function expectText(spend: Spend, value: Json): string {
  if (typeof value !== "string") throw expected("a text", value);
  spend(value.length / CHARACTERS_A_STEP);
  return value;
}

function expectList(value: Json): readonly Json[] {
  if (!Array.isArray(value)) throw expected("a list", value);
  return value;
}

function expectObject(value: Json): object {
  if (value === null || typeof value !== "object") throw expected("a text, a list or an object", value);
  return value;
}

function expectIndex(value: Json, most: number): number {
  if (!Number.isInteger(value) || (value as number) < 0 || (value as number) > most)
    throw expected(`an integer from 0 to ${most}`, value);
  return value as number;
}

/** Searching costs at worst the product of both lengths. */
function search(spend: Spend, value: Json, part: Json): string {
  const text = expectText(spend, value);
  const length = expectText(spend, part).length;
  spend((text.length * length) / CHARACTERS_A_STEP ** 2);
  return text;
}

function countCharacters(spend: Spend, text: string): number {
  spend(text.length / CHARACTERS_A_STEP);
  let count = 0;
  for (const _ of text) count++;
  return count;
}

function toNumber(spend: Spend, value: Json): number {
  if (typeof value === "number") return value;
  const text = expectText(spend, value);
  const number = text.trim() === "" ? Number.NaN : Number(text);
  if (!Number.isFinite(number)) throw expected("a number, or the text of one", value);
  return number;
}
