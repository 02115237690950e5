/** Attempts at finding JSON in a text that is mostly something else. */
const MAX_STARTS = 200;

/**
 * The JSON documents that a text holds, likeliest first: the text itself, what stands in code fences, then every object
 * or array in the prose. Models wrap JSON in all of these however they are asked.
 */
export function* jsonIn(text: string): Generator<unknown> {
  const whole = parse(text.trim());
  if (whole) return yield whole.value;
  for (const [, fenced] of text.matchAll(/```[a-zA-Z0-9]*\s*([\s\S]*?)```/g)) {
    const found = parse(fenced!.trim());
    if (found) yield found.value;
  }
  for (let at = nextStart(text, 0), starts = 0; at >= 0 && starts < MAX_STARTS; starts++) {
    const end = endOfValue(text, at);
    const found = end < 0 ? undefined : parse(text.slice(at, end));
    if (found) yield found.value;
    at = nextStart(text, found ? end : at + 1);
  }
}

function nextStart(text: string, from: number): number {
  for (let i = from; i < text.length; i++) if (text[i] === "{" || text[i] === "[") return i;
  return -1;
}

/** Just after the bracket that closes the one at `start`, or -1. */
function endOfValue(text: string, start: number): number {
  let depth = 0;
  let quoted = false;
  for (let i = start; i < text.length; i++) {
    const character = text[i];
    if (quoted) {
      if (character === "\\") i++;
      else if (character === '"') quoted = false;
    } else if (character === '"') quoted = true;
    else if (character === "{" || character === "[") depth++;
    else if ((character === "}" || character === "]") && --depth === 0) return i + 1;
  }
  return -1;
}

function parse(text: string): { value: unknown } | undefined {
  try {
    return { value: JSON.parse(text) };
  } catch {
    return undefined;
  }
}
