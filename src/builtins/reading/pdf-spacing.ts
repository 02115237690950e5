import { OPS, type PDFPageProxy } from "pdfjs-dist/legacy/build/pdf.mjs";

/** A glyph of pdf.js's list of operators, or a number that moves the next one back, in thousandths of the font's size. */
type Shown = { readonly unicode: string; readonly isSpace?: boolean } | number;

/** pdf.js and others take a wider gap than this (of the font's size) for a blank. */
const BLANK = 0.102;
/** In a font that has blanks of its own, a gap up to this one only spaces letters. */
const LARGEST_TRACKING = 0.25;
/** A font in which at least one glyph in so many is a blank has blanks of its own. */
const GLYPHS_PER_BLANK = 20;

/** `P ro p e rty`: three fragments of a word, at least. Of two letters at most, they are seldom words in any language. */
const FRAGMENTS = /(?<![\p{L}'’])(?:\p{L}{1,2} ){2,}\p{L}+/u;

/**
 * The text of a page with the blanks taken out that only spaced letters have (`P ro p e rty`). Where letters are set wide,
 * pdf.js sees a blank in every gap; the list of operators has the gaps themselves. It is looked at for pages only
 * whose text shows such fragments, as to make it takes time.
 */
export async function joinLetters(page: PDFPageProxy, text: string): Promise<string> {
  if (!FRAGMENTS.test(text)) return text;
  const { fnArray, argsArray } = await page.getOperatorList();
  const runs: { font: string; size: number; spacing: number; shown: readonly Shown[] }[] = [];
  let [font, size, spacing] = ["", 1, 0];
  const saved: [string, number, number][] = [];
  for (const [i, operator] of fnArray.entries()) {
    const args = argsArray[i] ?? [];
    if (operator === OPS.save) saved.push([font, size, spacing]);
    else if (operator === OPS.restore) [font, size, spacing] = saved.pop() ?? [font, size, spacing];
    else if (operator === OPS.setFont) [font, size] = [String(args[0]), Math.abs(Number(args[1])) || 1];
    else if (operator === OPS.setCharSpacing) spacing = Number(args[0]);
    else if (operator === OPS.showText && Array.isArray(args[0])) runs.push({ font, size, spacing, shown: args[0] });
  }
  const spaced = fontsWithBlanks(runs);
  let joined = text;
  for (const { font, size, spacing, shown } of runs) {
    const glyphs = glyphsOf(shown, spacing / size);
    const split = write(glyphs, BLANK);
    const whole = writeJoined(glyphs, spaced.has(font) ? LARGEST_TRACKING : trackingOf(glyphs));
    if (split !== whole && FRAGMENTS.test(split)) joined = joined.replaceAll(split, whole);
  }
  return joined;
}

interface Glyph {
  readonly unicode: string;
  readonly isBlank: boolean;
  /** Between it and the glyph before, in parts of the font's size. */
  readonly gap: number;
}

function glyphsOf(shown: readonly Shown[], spacing: number): Glyph[] {
  const glyphs: Glyph[] = [];
  let gap = 0;
  for (const one of shown) {
    if (typeof one === "number") gap -= one / 1000;
    else if (one) {
      glyphs.push({ unicode: one.unicode, isBlank: one.isSpace === true || one.unicode === " ", gap });
      gap = spacing;
    }
  }
  return glyphs;
}

/** The glyphs as text, a blank for each of them that is one and for each gap above the limit. */
function write(glyphs: readonly Glyph[], limit: number): string {
  let text = "";
  for (const { unicode, isBlank, gap } of glyphs) {
    const isApart = isBlank || (gap > limit && text !== "");
    if (isApart && !text.endsWith(" ")) text += " ";
    if (!isBlank) text += unicode;
  }
  return text.trim();
}

/** The same with the fragments of words joined. Two of them alone may be two words that are set close. */
function writeJoined(glyphs: readonly Glyph[], tracking: number): string {
  const words: Glyph[][] = [];
  for (const glyph of glyphs) {
    if (glyph.isBlank || glyph.gap > tracking || words.length === 0) words.push([]);
    if (!glyph.isBlank) words.at(-1)!.push(glyph);
  }
  const written = words.map((word) => {
    const split = write(word, BLANK);
    return FRAGMENTS.test(split) ? write(word, Number.POSITIVE_INFINITY) : split;
  });
  return written.filter(Boolean).join(" ");
}

/** Where a font has no blanks, words are further apart than most letters are. */
function trackingOf(glyphs: readonly Glyph[]): number {
  const gaps = glyphs
    .slice(1)
    .map(({ gap }) => gap)
    .sort((a, b) => a - b);
  return Math.max(BLANK, (gaps[Math.floor(gaps.length / 2)] ?? 0) * 1.5);
}

function fontsWithBlanks(runs: readonly { font: string; shown: readonly Shown[] }[]): ReadonlySet<string> {
  const counts = new Map<string, { glyphs: number; blanks: number }>();
  for (const { font, shown } of runs) {
    const count = counts.get(font) ?? { glyphs: 0, blanks: 0 };
    counts.set(font, count);
    for (const one of shown) {
      if (typeof one === "number" || !one) continue;
      count.glyphs++;
      if (one.isSpace || one.unicode === " ") count.blanks++;
    }
  }
  return new Set(
    [...counts].filter(([, { glyphs, blanks }]) => blanks * GLYPHS_PER_BLANK >= glyphs).map(([font]) => font),
  );
}
