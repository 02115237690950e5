import { widthOf } from "./style.ts";

/**
 * A text as lines of at most `width` characters, broken at spaces; the lines after the first begin with `indent`. A word
 * that is longer than a line stays whole: paths and ids must be copied. Colours do not count. Line breaks stay.
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

/** For a terminal, the lines folded to its width; for a file or a pipe they stay as they are, to be searched. */
export const foldFor = (stream: NodeJS.WriteStream, lines: readonly string[], indent = "  "): string[] =>
  stream.isTTY ? lines.flatMap((line) => foldText(line, stream.columns || 80, indent)) : [...lines];
