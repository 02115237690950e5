import { Readable } from "node:stream";
import { CsvError, type Options, parse } from "csv-parse";
import { slicesOf } from "../language/slices.ts";

const DELIMITERS = [",", ";", "\t", "|"];
/** The characters at the beginning from which the delimiter is determined. */
const SAMPLE_CHARACTERS = 16_384;
/** A quote that is never closed must not collect the rest of a large file. */
const LONGEST_QUOTED_BYTES = 1024 * 1024;

/**
 * Reads a table of separated values (RFC 4180 and its common variants) as lines of text: one row per line, with tabs
 * between the cells. Quotes are removed, and blanks within a cell are reduced to one. A stray quote is kept as text. Where a
 * quote is never closed, all quotes are read as text, since nothing shows which of them enclose a cell.
 */
export async function readTable(text: string, delimiter = delimiterOf(text)): Promise<string> {
  try {
    return await readRows(text, { delimiter, relax_quotes: true, max_record_size: LONGEST_QUOTED_BYTES });
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    return readRows(text, { delimiter, quote: false });
  }
}

async function readRows(text: string, quoting: Options): Promise<string> {
  const rows: string[] = [];
  const parser = parse({
    ...quoting,
    bom: true,
    relax_column_count: true,
    skip_empty_lines: true,
  });
  for await (const record of Readable.from(slicesOf(text)).pipe(parser))
    rows.push((record as string[]).map((cell) => cell.replace(/\s+/g, " ").trim()).join("\t"));
  return rows.join("\n");
}

/** The delimiter that occurs most evenly: equally often in the first line and in most others. */
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
