import { Readable } from "node:stream";
import { parse } from "csv-parse";
import { slicesOf } from "../language/slices.ts";

const DELIMITERS = [",", ";", "\t", "|"];
/** Characters at the beginning by which the delimiter is found. */
const SAMPLE_CHARACTERS = 16_384;

/**
 * A table of separated values (RFC 4180 and what programs make of it) as lines of text: a row each, with tabs between the
 * cells. Quotes are undone, blanks within a cell are single, and a row that is quoted wrongly is read as it stands.
 */
export async function readTable(text: string, delimiter = delimiterOf(text)): Promise<string> {
  const rows: string[] = [];
  const parser = parse({
    delimiter,
    bom: true,
    relax_quotes: true,
    relax_column_count: true,
    skip_empty_lines: true,
    // A quote that is never closed must not collect the rest of a large file.
    max_record_size: 1024 * 1024,
    skip_records_with_error: true,
  });
  for await (const record of Readable.from(slicesOf(text)).pipe(parser))
    rows.push((record as string[]).map((cell) => cell.replace(/\s+/g, " ").trim()).join("\t"));
  return rows.join("\n");
}

/** The one that occurs most evenly: in most lines as often as in the first. */
function delimiterOf(text: string): string {
  const lines = text
    .slice(0, SAMPLE_CHARACTERS)
    .split(/\r?\n/)
    .filter((line) => line.trim() !== "");
  const countOf = (line: string, delimiter: string) => line.replace(/"[^"]*"/g, "").split(delimiter).length - 1;
  const scores = DELIMITERS.map((delimiter) => {
    const first = countOf(lines[0] ?? "", delimiter);
    return first === 0 ? 0 : first * lines.filter((line) => countOf(line, delimiter) === first).length;
  });
  return DELIMITERS[scores.indexOf(Math.max(...scores))] ?? ",";
}
