/**
 * Splits text into words and sentences by the rules of Unicode (UAX 29), with ICU's dictionaries for scripts without
 * blanks.
 */

const words = new Intl.Segmenter("und", { granularity: "word" });
const sentences = new Intl.Segmenter("und", { granularity: "sentence" });

/** A word and its position in UTF-16 units. */
export interface Word {
  readonly text: string;
  readonly at: number;
}

export function* wordsOf(text: string): Generator<Word> {
  for (const { segment, index, isWordLike } of words.segment(text)) if (isWordLike) yield { text: segment, at: index };
}

export function countWords(text: string): number {
  let count = 0;
  for (const { isWordLike } of words.segment(text)) if (isWordLike) count++;
  return count;
}

/**
 * An opening East Asian bracket after a full stop. UAX 29 puts it at the end of a sentence, but it begins the next one.
 */
const OPENED_AT_END = /[「『（《〈【〔]$/u;
const HAS_WORD = /[\p{L}\p{N}]/u;
/**
 * Words whose full stop does not end a sentence: titles, initials, and the commonest abbreviations of European
 * languages.
 */
const ABBREVIATED =
  /(?:^|[\s(„"“«])(?:\p{Lu}|Dr|Mr|Mrs|Ms|Mme|Mlle|Prof|St|Sr|Sra|Hr|Fr|Nr|No|Nos|vs|cf|ca|bzw|evtl|usw|Abb|Fig|Bd|Hrsg|Jan|Feb|Aug|Sept|Okt|Oct|Nov|Dez|Dec|e\.\s?g|i\.\s?e|z\.\s?B|d\.\s?h|u\.\s?a|p\. ?ex|p\. ?ej)\.\s*$/u;
/** The length at which a sentence ends in any case: without end marks, a whole book would be one sentence. */
const LONGEST_SENTENCE = 5_000;

/** The sentences in order, each on one line and trimmed. Segments without a letter or digit are left out. */
export function sentencesOf(text: string): string[] {
  const found: string[] = [];
  for (const paragraph of paragraphsOf(text)) {
    let open = "";
    for (const { segment } of sentences.segment(paragraph)) {
      open += segment;
      if (open.length < LONGEST_SENTENCE && ABBREVIATED.test(open.slice(-24))) continue;
      const next = OPENED_AT_END.exec(open)?.[0] ?? "";
      const sentence = open.slice(0, open.length - next.length);
      if (HAS_WORD.test(sentence)) found.push(sentence.trim());
      open = next;
    }
    if (HAS_WORD.test(open)) found.push(open.trim());
  }
  return found;
}

/**
 * The paragraphs: blocks between blank lines, and single lines such as headings and list items. Wrapped lines are
 * joined.
 */
export function paragraphsOf(text: string): string[] {
  const paragraphs: string[] = [];
  let open: string[] = [];
  let last = "";
  const close = () => {
    if (open.length > 0) paragraphs.push(open.join(""));
    open = [];
  };
  for (const untrimmed of text.split(/\r\n|[\n\r\u2028\u2029\f\v]/)) {
    const line = untrimmed.trim();
    if (open.length > 0 && !continues(last, line)) close();
    if (line !== "") {
      if (open.length > 0 && !isUnspaced(last, line)) open.push(" ");
      open.push(line);
    }
    last = line;
  }
  close();
  return paragraphs;
}

/** The start of a line that is a list item. */
export const LIST_ITEM = /^(?:[-*•–·]|\d{1,3}[.)])\s/;

/** Whether `line` continues the line before: that line is long, or this one begins in lower case. */
function continues(before: string, line: string): boolean {
  if (line === "" || LIST_ITEM.test(line)) return false;
  return before.length >= 45 || /^\p{Ll}/u.test(line) || (isUnspaced(before, line) && before.length >= 20);
}

const UNSPACED = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}、。，！？」』）]/u;

/** Whether two texts are joined without a blank, as in Chinese and Japanese. */
export function isUnspaced(before: string, after: string): boolean {
  return (
    UNSPACED.test(before.at(-1) ?? "") && /^[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}「『（]/u.test(after)
  );
}
