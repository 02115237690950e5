import { stripVTControlCharacters } from "node:util";
import type { Paint } from "./style.ts";

const widthOf = (text: string) => [...stripVTControlCharacters(text)].length;

/** Lines with aligned columns, the heading first. Cells may carry colours. Columns named in `right` are aligned to the right. */
export function renderTable(
  heading: readonly string[],
  rows: readonly (readonly string[])[],
  paint: Paint,
  right: readonly string[] = [],
): string[] {
  const widths = heading.map((title, i) => Math.max(widthOf(title), ...rows.map((row) => widthOf(row[i] ?? ""))));
  const line = (cells: readonly string[]) =>
    heading
      .map((title, i) => {
        const cell = cells[i] ?? "";
        const space = " ".repeat(widths[i]! - widthOf(cell));
        return right.includes(title) ? space + cell : cell + space;
      })
      .join("  ")
      .trimEnd();
  return [paint("dim", line(heading)), ...rows.map(line)];
}
