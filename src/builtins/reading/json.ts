import { breathe } from "../language/slices.ts";

/** A value that is still to be written, and its name. */
type Step = readonly [name: string, value: unknown];

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const isFlat = (value: unknown): boolean => !Array.isArray(value) && !isObject(value);
/** The longest value of a table's cell. Longer ones are text of the document. */
const LONGEST_CELL = 200;
/** The number of values that are written between two turns of the event loop. */
const SLICE_VALUES = 10_000;

/**
 * Writes JSON or JSON lines as text: a list of similar objects as a table with tabs between the cells, other values as
 * lines of `name: value`, and long strings as paragraphs. A text that is not JSON is returned unchanged.
 */
export async function readJson(source: string, signal: AbortSignal): Promise<string> {
  const parsed = parse(source);
  if (!parsed) return source;
  const lines: string[] = [];
  // A stack instead of recursion, since JSON may be nested more deeply than calls.
  const open: Step[] = [["", parsed.value]];
  for (let steps = 1; open.length > 0; steps++) {
    if (steps % SLICE_VALUES === 0) await breathe(signal);
    const [name, value] = open.pop()!;
    if (isFlat(value)) lines.push(...entry(name, String(value)));
    else if (Array.isArray(value)) {
      const table = tableOf(value);
      if (table) lines.push(...(name ? [`${name}:`] : []), ...table, "");
      else for (let i = value.length - 1; i >= 0; i--) open.push([name, value[i]]);
    } else {
      const entries = Object.entries(value as object);
      for (let i = entries.length - 1; i >= 0; i--) open.push(entries[i]!);
    }
  }
  return lines.join("\n");
}

function parse(source: string): { value: unknown } | undefined {
  const text = source.replace(/^\ufeff/, "");
  try {
    return { value: JSON.parse(text) };
  } catch {
    try {
      const lines = text.split("\n").filter((line) => line.trim() !== "");
      return { value: lines.map((line) => JSON.parse(line) as unknown) };
    } catch {
      return undefined;
    }
  }
}

function entry(name: string, value: string): string[] {
  if (value.length > LONGEST_CELL || value.includes("\n")) return ["", value, ""];
  return [name === "" ? value : `${name}: ${value}`];
}

/** A header and rows for objects that have the same fields, without long texts and nested values; else undefined. */
function tableOf(list: readonly unknown[]): string[] | undefined {
  const [first] = list;
  if (list.length < 2 || !isObject(first)) return undefined;
  const names = Object.keys(first);
  const rows: string[] = [names.join("\t")];
  for (const one of list) {
    if (!isObject(one) || Object.keys(one).length !== names.length) return undefined;
    const cells = names.map((name) => (name in one ? one[name] : []));
    if (!cells.every((cell) => isFlat(cell) && String(cell).length <= LONGEST_CELL)) return undefined;
    rows.push(cells.map((cell) => String(cell).replace(/\s+/g, " ")).join("\t"));
  }
  return rows;
}
