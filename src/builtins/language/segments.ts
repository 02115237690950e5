/** Words and sentences by Unicode's rules (UAX 29), with the dictionaries of ICU for scripts without blanks. */

const words = new Intl.Segmenter("und", { granularity: "word" });
const sentences = new Intl.Segmenter("und", { granularity: "sentence" });

/** A word and where it stands, in UTF-16 units. */
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

/** By the rules a bracket after a full stop belongs to the sentence before it; an opening one of East Asia does not. */
const OPENED_AT_END = /[「『（《〈【〔]$/u;
const HAS_WORD = /[\p{L}\p{N}]/u;
/** After these a full stop ends no sentence: titles, initials, and the commonest short forms of European languages. */
const ABBREVIATED =
  /(?:^|[\s(„"“«])(?:\p{Lu}|Dr|Mr|Mrs|Ms|Mme|Mlle|Prof|St|Sr|Sra|Hr|Fr|Nr|No|Nos|vs|cf|ca|bzw|evtl|usw|Abb|Fig|Bd|Hrsg|Jan|Feb|Aug|Sept|Okt|Oct|Nov|Dez|Dec|e\.\s?g|i\.\s?e|z\.\s?B|d\.\s?h|u\.\s?a|p\. ?ex|p\. ?ej)\.\s*$/u;
/** Length above which a segment is not taken for one sentence: without an end mark a whole book would be one. */
const LONGEST_SENTENCE = 5_000;

/** Sentences in order, each on one line and trimmed. What holds no letter or digit is left out. */
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

/** Blocks that blank lines separate, and lines of their own (headings, list items); hard-wrapped lines are joined again. */
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

/** How a line begins that is an item of a list. */
export const LIST_ITEM = /^(?:[-*•–·]|\d{1,3}[.)])\s/;

/** Whether `line` goes on with the sentence of the line before it: that was full, or this one begins in lower case. */
function continues(before: string, line: string): boolean {
  if (line === "" || LIST_ITEM.test(line)) return false;
  return before.length >= 45 || /^\p{Ll}/u.test(line) || (isUnspaced(before, line) && before.length >= 20);
}

const UNSPACED = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}、。，！？」』）]/u;

/** Whether the two are joined without a blank, as in Chinese and Japanese. */
export function isUnspaced(before: string, after: string): boolean {
  return (
    UNSPACED.test(before.at(-1) ?? "") && /^[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}「『（]/u.test(after)
  );
}
