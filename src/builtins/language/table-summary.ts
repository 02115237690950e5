import { countOf } from "../markdown-text.ts";
import type { Table } from "./text-blocks.ts";

const MOST_COLUMNS = 8;
const MOST_VALUES = 3;
/** The length to which a quoted value is cut. */
const LONGEST_VALUE = 60;

const NUMBER = /^[-+]?\d[\d.,]*%?$/;

/** Describes a table: `A table of 20 rows and 2 columns. Id: 1 to 20. Port: 9 values, such as Bremen, Kiel, Husum.` */
export function describeTable(table: Table): string {
  const header = headerOf(table);
  const rows = header ? table.slice(1) : table;
  const columns = Math.max(...table.map((row) => row.length));
  const described = Array.from({ length: Math.min(columns, MOST_COLUMNS) }, (_, at) => {
    const values = rows.map((row) => row[at] ?? "").filter(Boolean);
    return values.length === 0 ? "" : `${header?.[at] || `Column ${at + 1}`}: ${describeValues(values)}.`;
  });
  const rest = columns > MOST_COLUMNS ? [`And ${countOf(columns - MOST_COLUMNS, "more column")}.`] : [];
  const size = `A table of ${countOf(rows.length, "row")} and ${countOf(columns, "column")}.`;
  return [size, ...described.filter(Boolean), ...rest].join(" ");
}

function describeValues(values: readonly string[]): string {
  if (values.every((value) => NUMBER.test(value))) {
    const sorted = [...values].sort((a, b) => numberOf(a) - numberOf(b));
    return sorted[0] === sorted.at(-1) ? sorted[0]! : `${sorted[0]} to ${sorted.at(-1)}`;
  }
  const distinct = [...new Set(values)];
  const shown = distinct
    .slice(0, MOST_VALUES)
    .map((value) => (value.length > LONGEST_VALUE ? `${value.slice(0, LONGEST_VALUE)}…` : value));
  return distinct.length <= MOST_VALUES
    ? shown.join(", ")
    : `${countOf(distinct.length, "value")}, such as ${shown.join(", ")}`;
}

/** Groups of three digits are thousands; any other comma is a decimal one. */
const numberOf = (text: string): number =>
  Number.parseFloat(/\d,\d{3}(?!\d)/.test(text) ? text.replaceAll(",", "") : text.replace(",", "."));

/** The first row if it is a header: its cells are words, all different, and none of them recurs in its column. */
function headerOf(table: Table): readonly string[] | undefined {
  const [first = [], ...rows] = table;
  const isHeader =
    rows.length > 0 &&
    first.every((cell) => cell !== "" && !NUMBER.test(cell)) &&
    new Set(first).size === first.length &&
    first.every((cell, at) => rows.every((row) => row[at] !== cell)) &&
    // In a list of distinct names, the first row could be one of them.
    rows.every((row) => row.length === first.length) &&
    first.some(
      (_, at) =>
        rows.some((row) => NUMBER.test(row[at] ?? "")) || new Set(rows.map((row) => row[at])).size < rows.length,
    );
  return isHeader ? first : undefined;
}
