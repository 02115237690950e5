/** The line before and after code or preformatted text, as in Markdown. */
export const FENCE = "```";

/** Consecutive rows, each as its cells. */
export type Table = readonly (readonly string[])[];

/** A text divided by the kind of its lines. */
export interface TextBlocks {
  readonly prose: string;
  readonly tables: readonly Table[];
  /** Code, and other text between fences. */
  readonly code: string;
}

/** The smallest number of rows of a table. */
const LEAST_ROWS = 3;
/** The longest cell. A line with a longer one is prose, whatever its separators. */
const LONGEST_CELL = 200;
/** The smallest share of prose in a text whose sentences and sentiment can be judged. */
const LEAST_PROSE = 0.2;

/** The separators of cells, and the smallest number of cells in a row. Commas in prose are followed by a blank. */
const SEPARATORS: readonly (readonly [pattern: RegExp, least: number])[] = [
  [/\t/, 2],
  [/ ?\| ?/, 3],
  [/;(?! )/, 3],
  [/,(?! )/, 3],
];

/** The marks of tables and fences: a text without any is prose only. */
const MARKS = /[\t|;,]|```/;

/** Divides a text into prose, tables (cells separated by tabs, bars, semicolons or commas), and text between fences. */
export function blocksOf(text: string): TextBlocks {
  // Saves splitting a text of millions of short lines.
  if (!MARKS.test(text)) return { prose: text, tables: [], code: "" };
  const prose: string[] = [];
  const code: string[] = [];
  const tables: Table[] = [];
  let isCode = false;
  let rows: Row[] = [];
  const closeTable = () => {
    if (rows.length >= LEAST_ROWS) {
      tables.push(rows.map((row) => row.cells));
      prose.push("");
    } else prose.push(...rows.map((row) => row.line));
    rows = [];
  };
  for (const line of text.split("\n")) {
    const isFence = line.trimStart().startsWith(FENCE);
    if (isFence) isCode = !isCode;
    const row = isFence || isCode ? undefined : rowOf(line, rows.at(-1));
    if (!row || (rows.length > 0 && row.separator !== rows[0]!.separator)) closeTable();
    if (row) rows.push(row);
    else if (isCode && !isFence) code.push(line);
    else prose.push(isFence ? "" : line);
  }
  closeTable();
  return { prose: prose.join("\n"), tables, code: code.join("\n") };
}

interface Row {
  readonly line: string;
  readonly separator: number;
  readonly cells: readonly string[];
}

/** Reads a line as a row of a table. Unless its cells are separated by tabs, it must have as many as the row before. */
function rowOf(line: string, before: Row | undefined): Row | undefined {
  if (!/[\t|;,]/.test(line)) return undefined;
  for (const [separator, [pattern, least]] of SEPARATORS.entries()) {
    if (before && before.separator !== separator) continue;
    const cells = line
      .replace(/^\||\|$/g, "")
      .split(pattern)
      .map(bareCell);
    const fits = separator === 0 || !before || cells.length === before.cells.length;
    if (cells.length >= least && fits && cells.every((cell) => cell.length <= LONGEST_CELL))
      return { line, separator, cells };
  }
  // A table with another separator may begin here.
  return before ? rowOf(line, undefined) : undefined;
}

const bareCell = (cell: string): string =>
  cell
    .trim()
    .replace(/^"(.*)"$/, "$1")
    .trim();

/** Whether a text has enough prose to judge its sentences and sentiment. */
export function isMostlyProse({ prose, tables, code }: TextBlocks): boolean {
  const inTables = tables.reduce((sum, rows) => sum + rows.reduce((n, row) => n + row.join("").length, 0), 0);
  const inProse = prose.replace(/\s+/g, "").length;
  return inProse > 0 && inProse >= LEAST_PROSE * (inProse + inTables + code.length);
}

/** The prose of a text, or the whole text if it has hardly any. */
export function proseOf(text: string): string {
  const blocks = blocksOf(text);
  return isMostlyProse(blocks) ? blocks.prose : text;
}
