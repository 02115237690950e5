import { decodeText, toPointer } from "./json.ts";

/** A number of a JSON text that would be another one once it is read. */
export interface Inexact {
  /** A JSON pointer. */
  readonly path: string;
  /** As it is written. */
  readonly literal: string;
  readonly message: string;
}

/** JSON with a number that cannot be held exactly. */
export class InexactNumber extends SyntaxError {
  override readonly name = "InexactNumber";
  readonly path: string;
  readonly literal: string;

  constructor({ path, literal, message }: Inexact) {
    super(`${path || "the whole"}: ${message}`);
    this.path = path;
    this.literal = literal;
  }
}

/** Shorter integers are held exactly: 2^53 has 16 digits. */
const LONG = 16;

/**
 * Whether bytes of JSON may hold an integer that is too long to be held, or a number that is too large. Asked for every
 * message that comes in, so it looks at one byte of 16 for the first: a longer row of digits has a digit there.
 */
export function mayBeInexact(data: Uint8Array): boolean {
  for (let i = LONG - 1; i < data.length; i += LONG) {
    if (!isDigit(data[i]!)) continue;
    let from = i;
    let to = i + 1;
    while (from > 0 && isDigit(data[from - 1]!)) from--;
    while (to < data.length && isDigit(data[to]!)) to++;
    if (to - from >= LONG) return true;
  }
  return hasLargeExponent(data);
}

const isDigit = (byte: number): boolean => byte >= 0x30 && byte <= 0x39;
const isExponent = (byte: number): boolean => byte === 0x65 || byte === 0x45;

/** `…5e308`, `…0E+0400`: an exponent of three digits or more. */
function hasLargeExponent(data: Uint8Array): boolean {
  // Three digits in a row have one at every third place.
  for (let i = 4; i < data.length; i += 3) {
    if (!isDigit(data[i]!)) continue;
    let from = i;
    while (from > 0 && isDigit(data[from - 1]!)) from--;
    if (data[from - 1] === 0x2b) from--;
    if (from > 1 && isExponent(data[from - 1]!) && isDigit(data[from - 2]!)) return true;
  }
  return false;
}

/** The JSON of a text. Throws a SyntaxError; an {@link InexactNumber} where a number cannot be held. */
export function parseExact(text: string): unknown {
  return parseChecked(text, /\d{16}|\d[eE]\+?\d{3}/.test(text));
}

/** The JSON of UTF-8 bytes. Throws as {@link parseExact} does, and a TypeError for what is not UTF-8. */
export function decodeExact(data: Uint8Array): unknown {
  return parseChecked(decodeText(data), mayBeInexact(data));
}

function parseChecked(text: string, isDoubtful: boolean): unknown {
  if (!isDoubtful) return JSON.parse(text);
  const [first] = findInexact(text);
  if (first) throw new InexactNumber(first);
  return JSON.parse(text);
}

type Reviver = (this: object, key: string, value: unknown, context: { readonly source?: string }) => unknown;

/** The numbers of a JSON text that cannot be held, at most `most` of them. Throws a SyntaxError. */
export function findInexact(text: string, most = 1): Inexact[] {
  const found = new Map<object, Map<string, string>>();
  const look: Reviver = function (key, value, { source }) {
    if (typeof value !== "number" || source === undefined || isExact(value, source)) return value;
    const literals = found.get(this) ?? new Map<string, string>();
    found.set(this, literals.set(key, source));
    return value;
  };
  const whole = JSON.parse(text, look as (key: string, value: unknown) => unknown) as unknown;
  if (found.size === 0) return [];
  const places: Inexact[] = [];
  // The reviver knows what holds a number, and not where that is.
  const walk = (value: unknown, path: readonly string[]): void => {
    if (value === null || typeof value !== "object") return;
    for (const [key, literal] of found.get(value) ?? [])
      if (places.length < most) places.push(describe([...path, key], literal));
    for (const key in value) if (places.length < most) walk((value as Record<string, unknown>)[key], [...path, key]);
  };
  if (typeof whole === "number") return [describe([], text.trim())];
  walk(whole, []);
  return places;
}

function describe(path: readonly string[], literal: string): Inexact {
  const shown = literal.length > 40 ? `${literal.slice(0, 40)}…` : literal;
  const becomes = Number(literal);
  const message = Number.isFinite(becomes)
    ? `the integer ${shown} cannot be held exactly, it would become ${becomes}: send it as a text`
    : `the number ${shown} is too large to be held: send it as a text`;
  return { path: toPointer(path), literal: shown, message };
}

/** Whether what is read from `literal` would be written as the same integer again. Fractions are approximate by nature. */
function isExact(value: number, literal: string): boolean {
  if (!Number.isFinite(value)) return false;
  if (Number.isSafeInteger(value) || /[.eE]/.test(literal)) return true;
  return digitsOf(String(value)) === literal;
}

/** `1e+21` in full. */
function digitsOf(written: string): string {
  const [mantissa = "", exponent] = written.split("e+");
  if (exponent === undefined) return written;
  const [whole = "", fraction = ""] = mantissa.split(".");
  return `${whole}${fraction.padEnd(Number(exponent), "0")}`;
}
