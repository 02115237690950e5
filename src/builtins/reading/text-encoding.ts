import { analyse } from "chardet";

/** Bytes that are looked at to guess; the whole is decoded afterwards. */
const SAMPLE_BYTES = 65_536;
/** chardet's own scale, 0 to 100. A line of Russian gets 24 and is right; of a word in Latin-1 it says Big5, with 10. */
const SURE = 20;

/**
 * Text from bytes: by byte order mark, else UTF-8 where it is that, UTF-16 by its pattern of zeros, the encoding that is
 * `declared` (by an HTML page), the one that the statistics of the bytes suggest (Shift JIS, windows-1251, …), and
 * windows-1252, which maps every byte, at last. Never throws; what cannot be decoded becomes U+FFFD.
 */
export function decodeText(bytes: Uint8Array, declared?: string): string {
  return decode(bytes, encodingOf(bytes, declared));
}

function encodingOf(bytes: Uint8Array, declared: string | undefined): string {
  const [a, b, c] = bytes;
  if (a === 0xef && b === 0xbb && c === 0xbf) return "utf-8";
  if (a === 0xff && b === 0xfe) return "utf-16le";
  if (a === 0xfe && b === 0xff) return "utf-16be";
  const sample = bytes.subarray(0, SAMPLE_BYTES);
  const wide = guessUtf16(sample);
  if (wide) return wide;
  if (isUtf8(bytes)) return "utf-8";
  if (declared && isKnown(declared)) return declared;
  const guess = analyse(sample)[0];
  return guess && guess.confidence >= SURE && isKnown(guess.name) && !guess.name.startsWith("UTF")
    ? guess.name
    : "windows-1252";
}

/** Text in a Latin script has a zero in every second byte. */
function guessUtf16(sample: Uint8Array): "utf-16le" | "utf-16be" | undefined {
  const zeros = [0, 0];
  for (let i = 0; i < sample.length; i++) if (sample[i] === 0) zeros[i % 2]!++;
  const [even, odd] = zeros as [number, number];
  const many = sample.length / 6;
  if (odd > many && even < odd / 10) return "utf-16le";
  if (even > many && odd < even / 10) return "utf-16be";
  return undefined;
}

/** A file that was cut within a character, or holds a few bad bytes among many good ones, is UTF-8 all the same. */
function isUtf8(bytes: Uint8Array): boolean {
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    return true;
  } catch {
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

const decode = (bytes: Uint8Array, encoding: string): string => new TextDecoder(encoding).decode(bytes);

/** The encoding that an HTML page names in its first kilobyte. */
export function declaredEncoding(bytes: Uint8Array): string | undefined {
  const head = new TextDecoder("latin1").decode(bytes.subarray(0, 1024));
  return /<meta[^>]+charset\s*=\s*["']?([\w-]+)/i.exec(head)?.[1];
}

const CONTROL = /[^\P{Cc}\s]|\ufffd/gu;
/** More control characters than this in a text mean that it is none. */
const CONTROL_SHARE = 0.02;

/** Whether bytes can be read as text, by their beginning. */
export function looksLikeText(bytes: Uint8Array): boolean {
  const text = decodeText(bytes.subarray(0, 8192)).slice(0, -1);
  return (text.match(CONTROL)?.length ?? 0) <= text.length * CONTROL_SHARE;
}
