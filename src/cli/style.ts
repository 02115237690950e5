import { stripVTControlCharacters, styleText } from "node:util";

export type Style = "bold" | "dim" | "red" | "green" | "yellow" | "blue" | "cyan" | "magenta";

/** Applies a style to a text, or returns it unchanged if the output has no colours. */
export type Paint = (style: Style, text: string) => string;

export const plain: Paint = (_, text) => text;

/** Paints for a terminal only, unless `NO_COLOR` or `FORCE_COLOR` say otherwise (see `util.styleText`). */
export const paintFor =
  (stream: NodeJS.WriteStream): Paint =>
  (style, text) =>
    styleText(style, text, { stream });

const CONTROL = /[\p{Cc}\u2028\u2029]+/gu;

/** Makes a text one line that is safe to print: control characters could move the cursor. */
export const oneLine = (text: string): string => text.replace(CONTROL, " ").trim();

const UNPRINTABLE = /[^\P{Cc}\n\t]/gu;

/** Any JSON as text, since a message from the bus may have an object where a text is expected. */
export const asText = (value: unknown): string =>
  typeof value === "string" ? value : (JSON.stringify(value) ?? "nothing");

/** Makes a text of several lines safe to print: control characters other than line breaks and tabs are replaced. */
export const manyLines = (text: string): string => text.replace(UNPRINTABLE, "\uFFFD");

/** Cuts a text to at most `width` characters, with an ellipsis as the last one. */
export const shorten = (text: string, width: number): string => {
  const characters = [...text];
  return characters.length <= width ? text : `${characters.slice(0, Math.max(0, width - 1)).join("")}…`;
};

/** The number of characters of a text on a terminal, without colours. */
export const widthOf = (text: string): number => [...stripVTControlCharacters(text)].length;

/** Cuts a line that may contain colours to `width` characters. The ends of colours stay. */
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
