import { foldText } from "./fold-text.ts";
import { type Paint, widthOf } from "./style.ts";

export interface TableOptions {
  readonly paint: Paint;
  /** The titles of columns that are aligned to the right. Default: none. */
  readonly right?: readonly string[];
  /** The width of the window. Default: that of standard output, or no limit if it is not a terminal. */
  readonly width?: number;
}

/** The width below which the last column is not folded. */
const NARROWEST = 16;

/**
 * Renders lines with aligned columns, the heading first. Cells may contain colours. If the window is too narrow, the
 * last column is folded; if it is much too narrow, each cell becomes a line of its own. Nothing is cut, so that ids can
 * be copied.
 */
export function renderTable(
  heading: readonly string[],
  rows: readonly (readonly string[])[],
  { paint, right = [], width = windowWidth() }: TableOptions,
): string[] {
  const widths = heading.map((title, i) => Math.max(widthOf(title), ...rows.map((row) => widthOf(row[i] ?? ""))));
  const last = heading.length - 1;
  const left = widths.slice(0, last).reduce((sum, one) => sum + one + 2, 0);
  if (left + widths[last]! > width && width - left < NARROWEST)
    return rows.flatMap((row) => [...renderRecord(heading, row, paint, width), ""]).slice(0, -1);
  const line = (cells: readonly string[]): string =>
    heading
      .map((title, i) => {
        const cell = cells[i] ?? "";
        const space = " ".repeat(widths[i]! - widthOf(cell));
        return right.includes(title) ? space + cell : cell + space;
      })
      .join("  ")
      .trimEnd();
  const folded = rows.flatMap((row) => {
    const [first = "", ...rest] = foldText(row[last] ?? "", width - left);
    return [line([...row.slice(0, last), first]), ...rest.map((one) => " ".repeat(left) + one)];
  });
  return [paint("dim", line(heading)), ...folded];
}

const windowWidth = (): number => (process.stdout.isTTY ? process.stdout.columns || 80 : Number.POSITIVE_INFINITY);

function renderRecord(heading: readonly string[], row: readonly string[], paint: Paint, width: number): string[] {
  const labels = Math.max(...heading.map(widthOf));
  return heading.flatMap((title, i) => {
    const cell = row[i];
    if (!cell) return [];
    const [first = "", ...rest] = foldText(cell, width - labels - 2);
    return [`${paint("dim", title.padEnd(labels))}  ${first}`, ...rest.map((one) => " ".repeat(labels + 2) + one)];
  });
}
