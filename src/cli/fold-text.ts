import { widthOf } from "./style.ts";

/**
 * Folds a text into lines of at most `width` characters at spaces; the lines after the first begin with `indent`. A
 * word that is longer than a line stays whole, so that paths and ids can be copied. Colours do not count. Line breaks
 * stay.
 */
export function foldText(text: string, width: number, indent = ""): string[] {
  const lines: string[] = [];
  for (const paragraph of text.split("\n")) {
    const begin = lines.length === 0 ? "" : indent;
    const lead = /^ */.exec(paragraph)![0];
    let line = begin + lead;
    let isEmpty = true;
    for (const word of paragraph.slice(lead.length).split(" ")) {
      if (!isEmpty && widthOf(line) + 1 + widthOf(word) > width) {
        lines.push(line.trimEnd());
        line = indent + lead;
        isEmpty = true;
      }
      line += isEmpty ? word : ` ${word}`;
      isEmpty = false;
    }
    lines.push(line);
  }
  return lines;
}

/** Folds lines to the width of a terminal. For a file or pipe they stay whole, so that they can be searched. */
export const foldFor = (stream: NodeJS.WriteStream, lines: readonly string[], indent = "  "): string[] =>
  stream.isTTY ? lines.flatMap((line) => foldText(line, stream.columns || 80, indent)) : [...lines];
