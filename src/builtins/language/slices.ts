import { setImmediate } from "node:timers/promises";

/** Characters that are worked on between two looks at the event loop: some 5 to 10 ms of segmenting. */
const SLICE_CHARACTERS = 65_536;

/** The text in pieces of at most `size` UTF-16 units, cut where a paragraph, a line or a word ends if there is such a place. */
export function* slicesOf(text: string, size = SLICE_CHARACTERS): Generator<string> {
  let from = 0;
  while (text.length - from > size) {
    const to = cutBefore(text, from, from + size);
    yield text.slice(from, to);
    from = to;
  }
  if (from < text.length) yield text.slice(from);
}

/** The best place to cut in the second half of `from`…`to`. Never between the halves of a surrogate pair. */
export function cutBefore(text: string, from: number, to: number): number {
  const half = from + Math.floor((to - from) / 2);
  // Looked for in the half alone: in a text without any blank, a search of the whole would be quadratic.
  const tail = text.slice(half, to);
  for (const boundary of ["\n\n", "\n", " "]) {
    const at = tail.lastIndexOf(boundary);
    if (at >= 0) return half + at + boundary.length;
  }
  const last = text.charCodeAt(to - 1);
  return last >= 0xd800 && last <= 0xdbff && to - 1 > from ? to - 1 : to;
}

/** Lets timers and sockets have a turn, so that a large text does not starve heartbeats. Rejects with the signal's reason. */
export async function breathe(signal: AbortSignal): Promise<void> {
  await setImmediate();
  signal.throwIfAborted();
}
