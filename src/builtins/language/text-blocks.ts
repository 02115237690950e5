/** The mark before and after text that is code or laid out by hand, on a line of its own, as in Markdown. */
export const FENCE = "```";

/** Rows that stand under each other, as their cells. */
export type Table = readonly (readonly string[])[];

/** A text taken apart by what its lines are. */
export interface TextBlocks {
  readonly prose: string;
  readonly tables: readonly Table[];
  /** Code, and what else stands between fences. */
  readonly code: string;
}

/** Fewer rows than this are no table. */
const LEAST_ROWS = 3;
/** A line with a longer cell than this is prose, whatever stands between its parts. */
const LONGEST_CELL = 200;
/** Less prose than this share of a text does not make it one that can be judged. */
const LEAST_PROSE = 0.2;

/**
 * What separates cells, and how many of them a row must have. Prose has commas too, but with a blank after them.
 */
const SEPARATORS: readonly (readonly [pattern: RegExp, least: number])[] = [
  [/\t/, 2],
  [/ ?\| ?/, 3],
  [/;(?! )/, 3],
  [/,(?! )/, 3],
];

/** What a text without tables and fences has none of. */
const MARKS = /[\t|;,]|```/;

/** Takes a text apart: prose, tables (rows separated by tabs, bars, semicolons or commas), and what stands between fences. */
export function blocksOf(text: string): TextBlocks {
  // Millions of short lines are taken apart for nothing otherwise.
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

/** A line as a row. Rows that are not separated by tabs have as many cells as the row before. */
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
  // Another kind of table may begin here.
  return before ? rowOf(line, undefined) : undefined;
}

const bareCell = (cell: string): string =>
  cell
    .trim()
    .replace(/^"(.*)"$/, "$1")
    .trim();

/** Whether enough of a text is prose for its feeling and its sentences to mean something. */
export function isMostlyProse({ prose, tables, code }: TextBlocks): boolean {
  const inTables = tables.reduce((sum, rows) => sum + rows.reduce((n, row) => n + row.join("").length, 0), 0);
  const inProse = prose.replace(/\s+/g, "").length;
  return inProse > 0 && inProse >= LEAST_PROSE * (inProse + inTables + code.length);
}

/** The prose of a text; the whole text where it has hardly any. */
export function proseOf(text: string): string {
  const blocks = blocksOf(text);
  return isMostlyProse(blocks) ? blocks.prose : text;
}
