import { CHARACTERS_A_STEP, expected, type Spend, shown } from "./expression-functions.ts";
import type { BinaryOperator } from "./expression-syntax.ts";
import type { Json } from "./json.ts";
import { nearest } from "./nearest.ts";

/** Characters of a result, as JSON, and of any text on the way there. Larger data is work for a task. */
export const MOST_CHARACTERS = 65_536;

type Fields = { readonly [key: string]: Json };

/** What the operators of expressions do. They throw an `Error` that says what was expected, and spend what they go through. */
export const OPERATORS: Readonly<Record<BinaryOperator, (spend: Spend, left: Json, right: Json) => Json>> = {
  "==": equals,
  "!=": (spend, left, right) => !equals(spend, left, right),
  in: (spend, part, whole) => {
    if (Array.isArray(whole)) return whole.some((item) => equals(spend, item, part));
    if (isFields(whole)) return typeof part === "string" && Object.hasOwn(whole, part);
    throw expected("a list or an object after in", whole);
  },
  "+": add,
  "-": (_, left, right) => finite(toNumber(left) - toNumber(right)),
  "*": (_, left, right) => finite(toNumber(left) * toNumber(right)),
  "/": (_, left, right) => finite(toNumber(left) / toNumber(right)),
  "%": (_, left, right) => finite(toNumber(left) % toNumber(right)),
  "<": (spend, left, right) => compare(spend, left, right) < 0,
  "<=": (spend, left, right) => compare(spend, left, right) <= 0,
  ">": (spend, left, right) => compare(spend, left, right) > 0,
  ">=": (spend, left, right) => compare(spend, left, right) >= 0,
};

export function toNumber(value: Json): number {
  if (typeof value === "number") return value;
  throw expected("a number", value);
}

const isFields = (value: Json): value is Fields => value !== null && typeof value === "object" && !Array.isArray(value);

function equals(spend: Spend, left: Json, right: Json): boolean {
  spend(1);
  if (typeof left === "string" && typeof right === "string") {
    spend(Math.min(left.length, right.length) / CHARACTERS_A_STEP);
    return left === right;
  }
  if (left === null || right === null || typeof left !== "object" || typeof right !== "object") return left === right;
  if (Array.isArray(left) !== Array.isArray(right)) return false;
  const [one, other] = [left as Fields, right as Fields];
  const keys = keysOf(spend, one);
  if (keysOf(spend, other).length !== keys.length) return false;
  return keys.every((key) => Object.hasOwn(other, key) && equals(spend, one[key]!, other[key]!));
}

export function keysOf(spend: Spend, value: object): readonly string[] {
  const keys = Object.keys(value);
  spend(keys.length / 4);
  return keys;
}

function add(spend: Spend, left: Json, right: Json): Json {
  if (typeof left === "number" && typeof right === "number") return finite(left + right);
  if (typeof left === "string" && typeof right === "string") {
    spend((left.length + right.length) / CHARACTERS_A_STEP);
    return limitText(left + right);
  }
  if (!Array.isArray(left) || !Array.isArray(right)) throw unlike("two numbers, two texts or two lists", left, right);
  spend(left.length + right.length);
  return [...left, ...right];
}

/** Below 0, 0 or above 0. */
function compare(spend: Spend, left: Json, right: Json): number {
  if (typeof left === "number" && typeof right === "number") return left - right;
  if (typeof left !== "string" || typeof right !== "string") throw unlike("two numbers or two texts", left, right);
  spend(Math.min(left.length, right.length) / CHARACTERS_A_STEP);
  return left < right ? -1 : left === right ? 0 : 1;
}

const unlike = (what: string, left: Json, right: Json): Error =>
  new Error(`expected ${what}, received ${shown(left)} and ${shown(right)}`);

/** JSON has no other numbers. */
function finite(value: number): number {
  if (Number.isFinite(value)) return value;
  throw new Error("expected a number, received a division by zero or more than a number can hold");
}

export function limitText<T extends Json>(value: T): T {
  if (typeof value !== "string" || value.length <= MOST_CHARACTERS) return value;
  throw tooLarge();
}

const tooLarge = (): Error =>
  new Error(`expected at most ${MOST_CHARACTERS} characters, received more; a task can make larger data`);

/** A field of an object; one that is not there is an error. */
export function fieldOf(of: Json, field: string): Json {
  if (!isFields(of)) throw expected(`an object with the field ${field}`, of);
  if (Object.hasOwn(of, field)) return of[field]!;
  const fields = Object.keys(of).slice(0, MOST_COMPARED);
  const near = nearest(
    field,
    fields.filter((one) => one.length <= 2 * field.length),
  );
  const suggestion = near ? `; did you mean ${near}?` : "";
  throw new Error(`expected the field ${field}, received an object without it${suggestion}`);
}
const MOST_COMPARED = 20;

export function hasField(of: Json, field: string): boolean {
  if (isFields(of)) return Object.hasOwn(of, field);
  throw expected(`an object that may have the field ${field}`, of);
}

/** `list[0]` or `object["field"]`. */
export function elementOf(of: Json, index: Json): Json {
  if (!Array.isArray(of)) {
    if (typeof index === "string") return fieldOf(of, index);
    throw expected("a list before [ ], or a text between them", of);
  }
  const item = typeof index === "number" ? (of as readonly Json[])[index] : undefined;
  if (item === undefined) throw expected(`an index from 0 to ${of.length - 1}`, index);
  return item;
}

/**
 * Refuses a result whose JSON is too large. The same value may stand in it many times over, so that it is larger than all
 * that was gone through.
 */
export function limitResult(value: Json, budget = { left: MOST_CHARACTERS }): void {
  budget.left -= typeof value === "string" ? value.length + 2 : 4;
  if (budget.left < 0) throw tooLarge();
  if (value === null || typeof value !== "object") return;
  if (Array.isArray(value)) for (const item of value) limitResult(item, budget);
  else
    for (const [key, item] of Object.entries(value as Fields)) {
      budget.left -= key.length;
      limitResult(item, budget);
    }
}
