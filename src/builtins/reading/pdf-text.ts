import type { PDFPageProxy } from "pdfjs-dist/legacy/build/pdf.mjs";
import { annotationsOf, type FilledField } from "./pdf-annotations.ts";
import { openPdf } from "./pdf-document.ts";
import { joinLetters } from "./pdf-spacing.ts";
import { xfaText } from "./pdf-xfa.ts";

/** A run of glyphs as pdf.js reports it: its text, whether a line ends after it, and its position on the page. */
export interface TextItem {
  readonly str: string;
  readonly hasEOL: boolean;
  /** An affine matrix; its last two numbers are x and y. */
  readonly transform: readonly number[];
  readonly width: number;
  readonly height: number;
}

/** The gap between two lines, in multiples of their height, above which a new paragraph begins. */
const PARAGRAPH_GAP = 1.75;

/**
 * Reads the text of a PDF: pages in order, paragraphs separated by the space between lines, contents of form fields at
 * their positions, and the comments of each page after it. Rejects with pdf.js's own errors for a file that is broken
 * or protected by a password.
 */
export async function readPages(bytes: Uint8Array): Promise<{ text: string; pages: number }> {
  const pdf = await openPdf(bytes);
  try {
    const pages: string[] = [];
    for (let number = 1; number <= pdf.numPages; number++) {
      const page = await pdf.getPage(number);
      pages.push(pdf.isPureXfa ? xfaText(await page.getXfa()) : await readPage(page));
      page.cleanup();
    }
    return { text: joinPages(pages), pages: pages.length };
  } finally {
    await pdf.destroy().catch(() => undefined);
  }
}

async function readPage(page: PDFPageProxy): Promise<string> {
  const { items } = await page.getTextContent();
  const { fields, comments } = await annotationsOf(page);
  const runs = withoutRepetitions(items.filter((item) => "str" in item) as TextItem[]);
  const text = await joinLetters(page, textOf(withFields(runs, fields)));
  return [withoutLeaders(joinHyphenated(joinColumns(text))), ...comments].join("\n\n");
}

/** Empties items whose text is printed again at the same position, as programs do for bold letters and stamps. */
function withoutRepetitions(items: readonly TextItem[]): TextItem[] {
  const seen = new Set<string>();
  return items.map((item) => {
    const { str, transform } = item;
    const key = `${Math.round(transform[4] ?? 0)} ${Math.round(transform[5] ?? 0)} ${str}`;
    if (str.trim().length < 2 || !seen.has(key)) {
      seen.add(key);
      return item;
    }
    return { ...item, str: "" };
  });
}

/**
 * Inserts the form fields among the items of a page: each after the item to its left on the same line, else at the end.
 */
function withFields(items: readonly TextItem[], fields: readonly FilledField[]): TextItem[] {
  const atHeight = Map.groupBy(items.keys(), (i) => Math.round(items[i]!.transform[5] ?? 0));
  const after = Map.groupBy(fields, ({ left, bottom, top }) => {
    let best = -1;
    for (let y = Math.floor(bottom) - 2; y <= Math.min(top, bottom + 40) + 2; y++)
      for (const i of atHeight.get(y) ?? []) {
        if (items[i]!.str.trim() === "" || rightOf(items[i]!) > left + 2) continue;
        if (best < 0 || rightOf(items[i]!) > rightOf(items[best]!)) best = i;
      }
    return best;
  });
  const asItem = ({ text, left, bottom }: FilledField, hasEOL: boolean): TextItem => ({
    str: ` ${text}`,
    hasEOL,
    transform: [1, 0, 0, 1, left, bottom],
    width: 0,
    height: 0,
  });
  const placed = items.flatMap((item, i) => {
    const inserted = after.get(i)?.sort((a, b) => a.left - b.left) ?? [];
    const last = inserted.length - 1;
    return last < 0
      ? [item]
      : [{ ...item, hasEOL: false }, ...inserted.map((one, k) => asItem(one, k === last && item.hasEOL))];
  });
  return [
    ...placed,
    ...(after.get(-1) ?? []).flatMap((one) => [asItem({ ...one, text: "" }, true), asItem(one, true)]),
  ];
}

const rightOf = ({ transform, width }: TextItem): number => (transform[4] ?? 0) + width;

function textOf(items: readonly TextItem[]): string {
  let text = "";
  let lineY: number | undefined;
  let lineHeight = 0;
  for (const { str, hasEOL, transform, height } of items) {
    const y = transform[5] ?? 0;
    if (str.trim() !== "") {
      const gap = lineY === undefined ? 0 : Math.abs(lineY - y);
      if (text.endsWith("\n") && gap > PARAGRAPH_GAP * Math.max(lineHeight, height)) text += "\n";
      lineY = y;
      lineHeight = height || lineHeight;
    }
    text += str;
    if (hasEOL && text !== "" && !text.endsWith("\n\n")) text += "\n";
  }
  return text;
}

/** Joins hyphenated words: `exam-⏎ple` → `example`; `Post-⏎Office` stays. */
const joinHyphenated = (text: string): string => text.replace(/(\p{Ll})[-\u00ad]\n(?=\p{Ll})/gu, "$1");

const EAST_ASIAN =
  "[\\p{Script=Han}\\p{Script=Hiragana}\\p{Script=Katakana}\\u3000-\\u303f\\ufe30-\\ufe4f\\uff00-\\uff60]";
const LINE_OF_ONE = new RegExp(`(?<=^${EAST_ASIAN})\\n{1,2}(?=${EAST_ASIAN}$)`, "gmu");

/** Joins vertical writing, in which each character would be a line. */
const joinColumns = (text: string): string => text.replace(LINE_OF_ONE, "");

/** Replaces the dots of a table of contents: `2.1 Methods . . . . . . 12` → `2.1 Methods⇥12`. */
const withoutLeaders = (text: string): string =>
  text.replace(/(?:[ \t]*[.·…_‥]){4,}[ \t]*/g, (dots) => (/[.·…‥]/.test(dots) ? "\t" : dots));

/** Joins pages. A sentence may continue on the next page; otherwise a new paragraph begins. */
function joinPages(pages: readonly string[]): string {
  let text = "";
  for (const page of pages.map((one) => one.trim()).filter(Boolean)) {
    const continues = /[\p{L}\p{N},;]$/u.test(text) && /^\p{Ll}/u.test(page);
    text += `${text === "" ? "" : continues ? "\n" : "\n\n"}${page}`;
  }
  return text;
}
