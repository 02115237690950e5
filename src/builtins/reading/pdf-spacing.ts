import { OPS, type PDFPageProxy } from "pdfjs-dist/legacy/build/pdf.mjs";

/** A glyph in pdf.js's operator list, or a number that moves the next glyph back, in thousandths of the font size. */
type Shown = { readonly unicode: string; readonly isSpace?: boolean } | number;

/** The gap, as a fraction of the font size, above which pdf.js and other readers see a blank. */
const BLANK = 0.102;
/** The largest gap between letters of a word in a font that has blank glyphs. */
const LARGEST_TRACKING = 0.25;
/** The number of glyphs per blank up to which a font counts as having blank glyphs. */
const GLYPHS_PER_BLANK = 20;

/**
 * At least three fragments of a word, as in `P ro p e rty`. All but the last have one or two letters, so they are
 * rarely words.
 */
const FRAGMENTS = /(?<![\p{L}'’])(?:\p{L}{1,2} ){2,}\p{L}+/u;

/**
 * Removes blanks from a page's text that come from letter spacing (`P ro p e rty`). Where letters are widely spaced,
 * pdf.js sees a blank in every gap; its operator list has the gaps themselves. Creating that list takes time, so it is
 * used only for pages whose text contains such fragments.
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
  /** The gap to the glyph before, as a fraction of the font size. */
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

/** Writes glyphs as text, with a blank for each blank glyph and for each gap above the limit. */
function write(glyphs: readonly Glyph[], limit: number): string {
  let text = "";
  for (const { unicode, isBlank, gap } of glyphs) {
    const isApart = isBlank || (gap > limit && text !== "");
    if (isApart && !text.endsWith(" ")) text += " ";
    if (!isBlank) text += unicode;
  }
  return text.trim();
}

/** Writes glyphs as text with fragments joined. Two fragments alone stay apart: they may be two words set closely. */
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

/** The gap above which glyphs are apart in a font without blank glyphs: 1.5 times the median gap. */
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
