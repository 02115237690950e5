import { stripVTControlCharacters, styleText } from "node:util";

export type Style = "bold" | "dim" | "red" | "green" | "yellow" | "blue" | "cyan" | "magenta";

/** Puts a style around a text, or leaves it alone where the output takes no colours. */
export type Paint = (style: Style, text: string) => string;

export const plain: Paint = (_, text) => text;

/** Colours for a terminal only; `NO_COLOR` and `FORCE_COLOR` decide otherwise (see `util.styleText`). */
export const paintFor =
  (stream: NodeJS.WriteStream): Paint =>
  (style, text) =>
    styleText(style, text, { stream });

const CONTROL = /[\p{Cc}\u2028\u2029]+/gu;

/** One line that is safe to print: whatever control characters a message brings could move the cursor. */
export const oneLine = (text: string): string => text.replace(CONTROL, " ").trim();

const UNPRINTABLE = /[^\P{Cc}\n\t]/gu;

/** Any JSON as text: what came over the bus may be an object where a text is expected. */
export const asText = (value: unknown): string =>
  typeof value === "string" ? value : (JSON.stringify(value) ?? "nothing");

/** The same for a text that may have several lines: each character that a terminal could obey is replaced. */
export const manyLines = (text: string): string => text.replace(UNPRINTABLE, "\uFFFD");

/** Cut to at most `width` characters, the last one an ellipsis if something is missing. */
export const shorten = (text: string, width: number): string => {
  const characters = [...text];
  return characters.length <= width ? text : `${characters.slice(0, Math.max(0, width - 1)).join("")}…`;
};

/** Characters that a text takes on a terminal, colours not counted. */
export const widthOf = (text: string): number => [...stripVTControlCharacters(text)].length;

/** Cuts a line that may carry colours to `width` characters; the colours' ends stay. */
export function cutTo(line: string, width: number): string {
  let left = width;
  return line
    .split(/(\p{Cc}\[[0-9;]*m)/u)
    .map((part, i) => {
      if (i % 2 === 1) return part;
      const cut = left > 0 ? shorten(part, left) : "";
      left -= [...part].length;
      return cut;
    })
    .join("");
}
