import { cutBefore } from "./slices.ts";

/** A part of a text that represents the whole. */
export interface Excerpt {
  readonly text: string;
  /** The fraction of the whole text: 1 for all of it. */
  readonly coverage: number;
}

const GAP = "\n\n[…]\n\n";
const WINDOWS = 8;

/** The whole text, or, if it is longer than `limit` characters, eight evenly spaced windows of it, joined by `[…]`. */
export function excerptOf(text: string, limit: number): Excerpt {
  if (text.length <= limit) return { text, coverage: 1 };
  const windows = windowsOf(text, WINDOWS, Math.max(1, Math.floor(limit / WINDOWS)));
  const taken = windows.reduce((sum, one) => sum + one.length, 0);
  return { text: windows.join(GAP), coverage: taken / text.length };
}

/**
 * Takes `count` pieces of at most `size` characters, the first from the beginning, the last from the end; fewer of a
 * short text.
 */
export function windowsOf(text: string, count: number, size: number): string[] {
  if (text.length <= count * size) return text.length === 0 ? [] : [...eachPiece(text, size)];
  const stride = (text.length - size) / Math.max(1, count - 1);
  return Array.from({ length: count }, (_, i) => {
    const from = startOfWord(text, Math.floor(i * stride));
    return text.slice(from, cutBefore(text, from, Math.min(text.length, from + size)));
  });
}

function* eachPiece(text: string, size: number): Generator<string> {
  for (let from = 0; from < text.length; ) {
    const to = text.length - from <= size ? text.length : cutBefore(text, from, from + size);
    yield text.slice(from, to);
    from = to;
  }
}

/** The next start of a word within 40 characters, else the position itself (but not inside a surrogate pair). */
function startOfWord(text: string, at: number): number {
  if (at === 0) return 0;
  const blank = text.slice(at, at + 40).search(/\s/);
  if (blank >= 0) return at + blank + 1;
  const unit = text.charCodeAt(at);
  return unit >= 0xdc00 && unit <= 0xdfff ? at + 1 : at;
}
