import { createRequire } from "node:module";

const require = createRequire(import.meta.url);

/** The bytes from which an encoding is guessed. */
const SAMPLE_BYTES = 65_536;
/**
 * The lowest confidence that is trusted, on chardet's scale of 0 to 100. It rightly recognizes a line of Russian with
 * 24, and mistakes a word in Latin-1 for Big5 with 10.
 */
const SURE = 20;
/**
 * The sequences with which ISO-2022-JP switches to Japanese characters. All its bytes are ASCII, hence valid UTF-8,
 * too.
 */
const JAPANESE_SHIFTS = ["\u001b$B", "\u001b$@"];

/**
 * Decodes bytes as text. The encoding is, in this order: that of the byte order mark; UTF-32 or UTF-16 by their pattern
 * of zeros; ISO-2022-JP by its escape sequences; UTF-8 if the bytes are valid; the `declared` one (of an HTML page);
 * the one that the statistics of the bytes suggest (Shift JIS, windows-1251, …); windows-1252, which maps every byte.
 * Never throws; bytes that cannot be decoded become U+FFFD.
 */
export function decodeText(bytes: Uint8Array, declared?: string): string {
  return decode(bytes, encodingOf(bytes, declared));
}

type Encoding = string;

function encodingOf(bytes: Uint8Array, declared: string | undefined): Encoding {
  const marked = markedEncoding(bytes);
  if (marked) return marked;
  const sample = bytes.subarray(0, SAMPLE_BYTES);
  const wide = guessUtf32(sample) ?? guessUtf16(sample);
  if (wide) return wide;
  const ascii = new TextDecoder("latin1").decode(sample);
  if (JAPANESE_SHIFTS.some((shift) => ascii.includes(shift))) return "iso-2022-jp";
  if (isUtf8(bytes, declared === undefined)) return "utf-8";
  if (declared) return declared;
  // Loaded for the first text whose encoding has to be guessed.
  const { analyse } = require("chardet") as typeof import("chardet");
  const guess = analyse(sample)[0];
  return guess && guess.confidence >= SURE && isKnown(guess.name) && !guess.name.startsWith("UTF")
    ? guess.name
    : "windows-1252";
}

/** The encoding of the byte order mark, if there is one. */
function markedEncoding([a, b, c, d]: Uint8Array): Encoding | undefined {
  if (a === 0xef && b === 0xbb && c === 0xbf) return "utf-8";
  // Before the mark of UTF-16, which begins equally; a UTF-16 text does not begin with the character zero.
  if (a === 0xff && b === 0xfe && c === 0 && d === 0) return "utf-32le";
  if (a === 0 && b === 0 && c === 0xfe && d === 0xff) return "utf-32be";
  if (a === 0xff && b === 0xfe) return "utf-16le";
  if (a === 0xfe && b === 0xff) return "utf-16be";
  return undefined;
}

/**
 * Guesses UTF-32. No code point is above 0x10ffff, so the highest of four bytes is always zero and the next at most
 * 0x10.
 */
function guessUtf32(sample: Uint8Array): Encoding | undefined {
  const units = Math.floor(sample.length / 4);
  if (units < 2) return undefined;
  let little = 0;
  let big = 0;
  for (let i = 0; i + 3 < sample.length; i += 4) {
    if (sample[i + 3] === 0 && sample[i + 2]! <= 0x10 && sample[i]! + sample[i + 1]! > 0) little++;
    if (sample[i] === 0 && sample[i + 1]! <= 0x10 && sample[i + 2]! + sample[i + 3]! > 0) big++;
  }
  if (little === units && big < units) return "utf-32le";
  if (big === units && little < units) return "utf-32be";
  return undefined;
}

/** Guesses UTF-16: text in Latin script has a zero in every second byte. */
function guessUtf16(sample: Uint8Array): Encoding | undefined {
  const zeros = [0, 0];
  for (let i = 0; i < sample.length; i++) if (sample[i] === 0) zeros[i % 2]!++;
  const [even, odd] = zeros as [number, number];
  const many = sample.length / 6;
  if (odd > many && even < odd / 10) return "utf-16le";
  if (even > many && odd < even / 10) return "utf-16be";
  return undefined;
}

/**
 * Whether the bytes are UTF-8. With `tolerated`, a few invalid bytes among many valid characters are accepted, as in a
 * file that was cut within a character.
 */
function isUtf8(bytes: Uint8Array, tolerated: boolean): boolean {
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    return true;
  } catch {
    if (!tolerated) return false;
    const text = new TextDecoder("utf-8").decode(bytes);
    const bad = text.match(/\ufffd/g)?.length ?? 0;
    const good = (text.match(/\P{ASCII}/gu)?.length ?? 0) - bad;
    return bad * 10 < good;
  }
}

function isKnown(encoding: string): boolean {
  try {
    new TextDecoder(encoding);
    return true;
  } catch {
    return false;
  }
}

const decode = (bytes: Uint8Array, encoding: Encoding): string =>
  encoding === "utf-32le" || encoding === "utf-32be"
    ? decodeUtf32(bytes, encoding === "utf-32le")
    : new TextDecoder(encoding).decode(bytes);

/** Decodes UTF-32, which TextDecoder does not support. */
function decodeUtf32(bytes: Uint8Array, littleEndian: boolean): string {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const parts: string[] = [];
  for (let at = 0; at + 4 <= bytes.length; at += 4) {
    const point = view.getUint32(at, littleEndian);
    if (at > 0 || point !== 0xfeff) parts.push(point <= 0x10ffff ? String.fromCodePoint(point) : "\ufffd");
  }
  return parts.join("");
}

const CONTROL = /[^\P{Cc}\s]|\ufffd/gu;
/** The share of control characters above which bytes are not text. */
const CONTROL_SHARE = 0.02;

/** Whether the beginning of the bytes can be read as text. */
export function looksLikeText(bytes: Uint8Array): boolean {
  const text = decodeText(bytes.subarray(0, 8192)).slice(0, -1);
  return (text.match(CONTROL)?.length ?? 0) <= text.length * CONTROL_SHARE;
}
