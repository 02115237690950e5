import { setImmediate } from "node:timers/promises";

/** The characters that are processed between two turns of the event loop: some 5 to 10 ms of segmenting. */
const SLICE_CHARACTERS = 65_536;

/** Cuts a text into pieces of at most `size` UTF-16 units, after a paragraph, line or word if possible. */
export function* slicesOf(text: string, size = SLICE_CHARACTERS): Generator<string> {
  let from = 0;
  while (text.length - from > size) {
    const to = cutBefore(text, from, from + size);
    yield text.slice(from, to);
    from = to;
  }
  if (from < text.length) yield text.slice(from);
}

/** The best position to cut at in the second half of `from`…`to`. It is never inside a surrogate pair. */
export function cutBefore(text: string, from: number, to: number): number {
  const half = from + Math.floor((to - from) / 2);
  // Only that half is searched: in a text without blanks, searching the whole would take quadratic time.
  const tail = text.slice(half, to);
  for (const boundary of ["\n\n", "\n", " "]) {
    const at = tail.lastIndexOf(boundary);
    if (at >= 0) return half + at + boundary.length;
  }
  const last = text.charCodeAt(to - 1);
  return last >= 0xd800 && last <= 0xdbff && to - 1 > from ? to - 1 : to;
}

/** Yields to timers and sockets, so that a large text does not delay heartbeats. Rejects with the signal's reason. */
export async function breathe(signal: AbortSignal): Promise<void> {
  await setImmediate();
  signal.throwIfAborted();
}
