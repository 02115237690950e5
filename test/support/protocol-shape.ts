import type { z } from "zod";

/** The fields of an object, and whether each has to be there. */
export type Shape = Readonly<Record<string, "required" | "optional">>;

/** What a schema takes. `v` is left out: what stands for it differs by who reads. */
export function shapeOf(schema: z.ZodObject): Shape {
  return withoutVersion(
    Object.entries(schema.shape).map(([field, type]) => [
      field,
      (type as z.ZodType).safeParse(undefined).success ? "optional" : "required",
    ]),
  );
}

/**
 * The shape that a text begins with, as the page writes it: `{"v":1, "run", "input"|"inputRef", "deadline"?}`. A `?` means
 * that the field may be left out, and `|` that one of several is there.
 */
export function readShape(text: string): Shape {
  const fields: [string, "required" | "optional"][] = [];
  for (const part of partsOf(text)) {
    const names = alternativesOf(part);
    const mayBeAbsent = names.length > 1 || /^"[^"]+"\?/.test(part) || part.trimEnd().endsWith("?");
    for (const name of names) fields.push([name, mayBeAbsent ? "optional" : "required"]);
  }
  return withoutVersion(fields);
}

const withoutVersion = (fields: [string, "required" | "optional"][]): Shape =>
  Object.fromEntries(fields.filter(([field]) => field !== "v").toSorted(([a], [b]) => (a < b ? -1 : 1)));

/** What stands between the commas of the outermost braces. */
function partsOf(text: string): string[] {
  const parts: string[] = [];
  let part = "";
  eachCharacter(text.slice(text.indexOf("{")), (character, depth) => {
    if (depth === 0) return false;
    if (character === "," && depth === 1) {
      parts.push(part.trim());
      part = "";
    } else if (part !== "" || character !== "{") part += character;
    return true;
  });
  return [...parts, part.trim()].filter((one) => one !== "");
}

/** `"a"?|"b":{…}|"c"` names three; a `|` within a value's text names none. */
function alternativesOf(part: string): string[] {
  const names: string[] = [];
  let rest = "";
  const take = () => {
    const name = rest.trim().match(/^"([^"]+)"/)?.[1];
    if (name !== undefined) names.push(name);
    rest = "";
  };
  eachCharacter(part, (character, depth, inText) => {
    if (character === "|" && depth === 0 && !inText) take();
    else rest += character;
    return true;
  });
  take();
  return names;
}

/** Calls `visit` with every character, the depth of braces and brackets behind it, and whether it stands within quotes. */
function eachCharacter(text: string, visit: (character: string, depth: number, inText: boolean) => boolean): void {
  let depth = 0;
  let inText = false;
  for (const character of text) {
    if (character === '"') inText = !inText;
    if (!inText && "{[".includes(character)) depth++;
    if (!inText && "}]".includes(character)) depth--;
    if (!visit(character, depth, inText)) return;
  }
}
