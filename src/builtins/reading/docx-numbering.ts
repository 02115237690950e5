import type { XmlElement, XmlHandler } from "./xml.ts";

/** One level of a list: its first number, the format of its numbers, and the text around them (`%1.%2)`). */
interface Level {
  start: number;
  format: string;
  text: string;
  /** The style whose paragraphs are items of this level. */
  style?: string;
}

interface List {
  abstract: string;
  readonly starts: Map<number, number>;
  readonly levels: Map<number, Level>;
}

/** The list and level of a paragraph, as the paragraph or its style states them. */
export interface NumberedItem {
  list?: string | undefined;
  level?: number | undefined;
}

/** The limit that Word has for nested lists. */
const MOST_LEVELS = 9;

/**
 * Numbers the list items of a Word file. The file contains only the format of the numbers; Word counts the items, and
 * so does this class, paragraph by paragraph.
 */
export class DocxNumbering {
  readonly #abstracts = new Map<string, Map<number, Level>>();
  readonly #lists = new Map<string, List>();
  readonly #styles = new Map<string, NumberedItem & { basedOn?: string }>();
  /** The last number by abstract list and level. Lists of the same abstract list share one sequence of numbers. */
  readonly #counts = new Map<string, (number | undefined)[]>();
  readonly #started = new Set<string>();

  /** Reads the numbering part. */
  readonly numberingHandler: XmlHandler = (() => {
    let levels: Map<number, Level> | undefined;
    let level: Level | undefined;
    let list: List | undefined;
    let overridden = 0;
    const open = (element: XmlElement) => {
      const value = element.attribute("w:val") ?? "";
      if (element.name === "w:abstractNum") {
        levels = new Map();
        this.#abstracts.set(element.attribute("w:abstractNumId") ?? "", levels);
      } else if (element.name === "w:num") {
        list = { abstract: "", starts: new Map(), levels: new Map() };
        levels = list.levels;
        this.#lists.set(element.attribute("w:numId") ?? "", list);
      } else if (element.name === "w:abstractNumId" && list) list.abstract = value;
      else if (element.name === "w:lvlOverride") overridden = numberOf(element.attribute("w:ilvl"));
      else if (element.name === "w:startOverride") list?.starts.set(overridden, numberOf(value));
      else if (element.name === "w:lvl") {
        level = { start: 1, format: "decimal", text: "" };
        levels?.set(numberOf(element.attribute("w:ilvl")), level);
      } else if (level) {
        if (element.name === "w:start") level.start = numberOf(value);
        else if (element.name === "w:numFmt") level.format = value;
        else if (element.name === "w:lvlText") level.text = value;
        else if (element.name === "w:pStyle") level.style = value;
      }
    };
    return {
      open,
      close: (name) => {
        if (name === "w:lvl") level = undefined;
      },
    };
  })();

  /** Reads the styles part: a paragraph may be an item because of its style. */
  readonly stylesHandler: XmlHandler = (() => {
    let style: NumberedItem & { basedOn?: string } = {};
    return {
      open: (element) => {
        const value = element.attribute("w:val");
        if (element.name === "w:style") {
          style = {};
          this.#styles.set(element.attribute("w:styleId") ?? "", style);
        } else if (element.name === "w:basedOn" && value !== undefined) style.basedOn = value;
        else if (element.name === "w:numId") style.list = value;
        else if (element.name === "w:ilvl") style.level = numberOf(value);
      },
    };
  })();

  /** The mark of a paragraph: `1.`, `b)`, `2.3`, `-` for a bullet; empty if it is not a list item. Counts the item. */
  markOf(style: string | undefined, item: NumberedItem): string {
    const { list: id, level: stated } = { ...this.#ofStyle(style), ...withoutUndefined(item) };
    const list = id === undefined ? undefined : this.#lists.get(id);
    const at = stated ?? (list && this.#levelOfStyle(list, style)) ?? 0;
    const level = list && this.#levelOf(list, at);
    if (!list || !level || at >= MOST_LEVELS) return "";
    if (level.format === "bullet") return "-";
    const counts = this.#counts.get(list.abstract) ?? [];
    this.#counts.set(list.abstract, counts);
    const restart = this.#started.has(`${id} ${at}`) ? undefined : list.starts.get(at);
    this.#started.add(`${id} ${at}`);
    counts[at] = restart ?? (counts[at] === undefined ? level.start : counts[at] + 1);
    counts.length = at + 1;
    if (level.format === "none") return level.text.includes("%") ? "" : level.text;
    return level.text.replace(/%(\d)/g, (_, digit: string) => {
      const of = this.#levelOf(list, Number(digit) - 1);
      return of ? formatNumber(counts[Number(digit) - 1] ?? of.start, of.format) : "";
    });
  }

  #levelOf(list: List, at: number): Level | undefined {
    return list.levels.get(at) ?? this.#abstracts.get(list.abstract)?.get(at);
  }

  #levelOfStyle(list: List, style: string | undefined): number | undefined {
    const levels = [...(this.#abstracts.get(list.abstract) ?? []), ...list.levels];
    return style === undefined ? undefined : levels.find(([, level]) => level.style === style)?.[0];
  }

  #ofStyle(id: string | undefined): NumberedItem {
    const seen = new Set<string>();
    let item: NumberedItem = {};
    for (let next = id; next !== undefined && !seen.has(next); ) {
      seen.add(next);
      const style: (NumberedItem & { basedOn?: string }) | undefined = this.#styles.get(next);
      item = { ...withoutUndefined(style ?? {}), ...item };
      next = style?.basedOn;
    }
    return item;
  }
}

const numberOf = (text: string | undefined): number => Number.parseInt(text ?? "", 10) || 0;

const withoutUndefined = ({ list, level }: NumberedItem): NumberedItem => ({
  ...(list === undefined ? {} : { list }),
  ...(level === undefined ? {} : { level }),
});

/** Writes a number in one of Word's formats; those of other scripts are written as decimals. */
function formatNumber(count: number, format: string): string {
  if (count < 1 || count > 9_999) return String(count);
  if (format === "lowerLetter" || format === "upperLetter") {
    // After z, Word continues with aa, bb, cc.
    const letter = String.fromCharCode(97 + ((count - 1) % 26)).repeat(Math.ceil(count / 26));
    return format === "upperLetter" ? letter.toUpperCase() : letter;
  }
  if (format === "lowerRoman") return roman(count);
  if (format === "upperRoman") return roman(count).toUpperCase();
  return format === "decimalZero" ? String(count).padStart(2, "0") : String(count);
}

const ROMAN = Object.entries({
  m: 1000,
  cm: 900,
  d: 500,
  cd: 400,
  c: 100,
  xc: 90,
  l: 50,
  xl: 40,
  x: 10,
  ix: 9,
  v: 5,
  iv: 4,
  i: 1,
});

function roman(count: number): string {
  let written = "";
  let left = count;
  for (const [digits, value] of ROMAN) for (; left >= value; left -= value) written += digits;
  return written;
}
