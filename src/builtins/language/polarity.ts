import { basesOf } from "./inflection.ts";
import { type Lexicon, lexiconOf } from "./lexicon.ts";
import { isNegated, isNegator } from "./negation.ts";
import { countWords, sentencesOf, wordsOf } from "./segments.ts";
import { bareWord } from "./stop-words.ts";

/** What a piece of text holds of either feeling: sums of valences (AFINN's 1 to 5), and the words that were read. */
export interface Polarity {
  readonly positive: number;
  readonly negative: number;
  readonly words: number;
}

export const NO_POLARITY: Polarity = { positive: 0, negative: 0, words: 0 };

export const addPolarity = (a: Polarity, b: Polarity): Polarity => ({
  positive: a.positive + b.positive,
  negative: a.negative + b.negative,
  words: a.words + b.words,
});

/** Sums up the rated words of a text, negated ones turned round; nothing but the count of words in a language without lexicon. */
export function polarityOf(text: string, language: string): Polarity {
  const lexicon = lexiconOf(language);
  if (!lexicon) return { ...NO_POLARITY, words: countWords(text) };
  const readSentence = language === "ja" || language === "zh" ? readUnspaced : readSpaced;
  return sentencesOf(text)
    .map((sentence) => readSentence(sentence, language, lexicon))
    .reduce(addPolarity, NO_POLARITY);
}

/** A negated word says less than its opposite: "not good" is milder than "bad" (VADER's factor). */
const NEGATION = -0.74;

const CLAUSE_MARK = /[,;:()–—]/;

function readSpaced(sentence: string, language: string, lexicon: Lexicon): Polarity {
  const clauses: string[][] = [[]];
  let end = 0;
  for (const { text, at } of wordsOf(sentence)) {
    if (CLAUSE_MARK.test(sentence.slice(end, at))) clauses.push([]);
    clauses.at(-1)!.push(bareWord(text, language));
    end = at + text.length;
  }
  const valences = clauses.flatMap((words) =>
    words.map((word, i) => {
      // Lexicons rate "no" and its like too; here they only turn other words round.
      const valence = isNegator(word, language) ? 0 : lookUp(word, lexicon, language);
      return valence !== 0 && isNegated(words, i, language) ? valence * NEGATION : valence;
    }),
  );
  return { ...sumUp(valences), words: valences.length };
}

function lookUp(word: string, lexicon: Lexicon, language: string): number {
  const valence = lexicon.get(word);
  if (valence !== undefined) return valence;
  for (const base of basesOf(word, language)) {
    const found = lexicon.get(base);
    if (found !== undefined) return found;
  }
  return 0;
}

const LONGEST_ENTRY = 8;
const PARTICLE = /^\p{Script=Hiragana}+$/u;
const NEGATED_JAPANESE = /^.{0,4}?(?:ない|なかっ|なく|ません|ず、)/;
const NEGATED_CHINESE = /[不没沒别別无無非]$/;

/** Chinese and Japanese: the longest entry that begins at a place counts, wherever a segmenter would see word ends. */
function readUnspaced(sentence: string, language: string, lexicon: Lexicon): Polarity {
  const valences: number[] = [];
  for (let at = 0; at < sentence.length; ) {
    let length = Math.min(LONGEST_ENTRY, sentence.length - at);
    while (length > 1 && !lexicon.has(sentence.slice(at, at + length))) length--;
    if (length > 1) {
      const valence = lexicon.get(sentence.slice(at, at + length))!;
      const negated =
        language === "ja"
          ? NEGATED_JAPANESE.test(sentence.slice(at + length, at + length + 8))
          : NEGATED_CHINESE.test(sentence.slice(Math.max(0, at - 2), at));
      valences.push(negated ? valence * NEGATION : valence);
    }
    at += length;
  }
  // Particles and endings, which other languages have none of or write with the word, are not counted.
  const words = wordsOf(sentence).filter(({ text }) => !PARTICLE.test(text));
  return { ...sumUp(valences), words: words.toArray().length };
}

function sumUp(valences: readonly number[]): { positive: number; negative: number } {
  let positive = 0;
  let negative = 0;
  for (const valence of valences)
    if (valence > 0) positive += valence;
    else negative -= valence;
  return { positive, negative };
}

/** Scores closer to 0 are called neutral. */
export const NEUTRAL_WITHIN = 0.15;
/** What a text must hold of feeling before it counts: a base, and a part for each word, as long sober texts collect some too. */
const INERTIA = { base: 4, perWord: 0.085 };

/** From −1 to 1: the balance of the two, drawn towards 0 the less there is of them. Rounded to hundredths. */
export function scoreOf({ positive, negative, words }: Polarity): number {
  const score = (positive - negative) / (positive + negative + INERTIA.base + INERTIA.perWord * words);
  return Math.round(score * 100) / 100 || 0;
}

export type SentimentLabel = "positive" | "neutral" | "negative";

export const labelOf = (score: number): SentimentLabel =>
  score >= NEUTRAL_WITHIN ? "positive" : score <= -NEUTRAL_WITHIN ? "negative" : "neutral";
