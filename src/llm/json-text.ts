/** Attempts at finding JSON in a text that is mostly something else. */
const MAX_STARTS = 200;

/**
 * The whole JSON documents that a text holds, in its order: the text itself, what stands in code fences, every object or
 * array in the prose. Models wrap JSON in all of these however they are asked.
 *
 * Only outermost documents: of one that is cut or malformed, no part is taken for the whole.
 */
export function* jsonIn(text: string): Generator<unknown> {
  const whole = parse(text.trim());
  if (whole) return yield whole.value;
  const fences = Array.from(text.matchAll(/```[a-zA-Z0-9]*\s*([\s\S]*?)```/g), (match) => {
    const content = match[1]!.trim();
    return {
      from: match.index,
      to: match.index + match[0].length,
      found: /^[[{]/.test(content) ? undefined : parse(content),
    };
  }).filter(({ found }) => found !== undefined);

  let at = 0;
  for (let starts = 0; starts < MAX_STARTS; starts++) {
    const start = nextStart(text, at);
    for (const fence of fences.splice(0))
      if (start >= 0 && fence.from > start) fences.push(fence);
      else yield fence.found!.value;
    if (start < 0) return;
    const end = endOfValue(text, start);
    const isDocument = beginsDocument(text, start);
    if (end < 0 && isDocument) return;
    const found = end < 0 ? undefined : parse(text.slice(start, end));
    if (found) yield found.value;
    at = found || (isDocument && end > 0) ? end : start + 1;
  }
}

function nextStart(text: string, from: number): number {
  for (let i = from; i < text.length; i++) if (text[i] === "{" || text[i] === "[") return i;
  return -1;
}

/** Whether a bracket opens JSON, and is not one of prose, as in `{x}`, `[sic]` or `{name: …}`. */
const beginsDocument = (text: string, start: number): boolean =>
  (text[start] === "{" ? /^\{\s*("|\}|$)/ : /^\[\s*(["{[\]\d-]|true|false|null|$)/).test(
    text.slice(start, start + 200),
  );

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
