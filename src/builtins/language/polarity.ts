import { basesOf } from "./inflection.ts";
import { type Lexicon, lexiconOf } from "./lexicon.ts";
import { isNegated, isNegator } from "./negation.ts";
import { countWords, sentencesOf, wordsOf } from "./segments.ts";
import { bareWord } from "./stop-words.ts";

/** The polarity of a piece of text: sums of its valences (1 to 5 in AFINN), and the number of its words. */
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

/**
 * Sums up the rated words of a text, negated ones reversed. For a language without a lexicon it only counts the words.
 */
export function polarityOf(text: string, language: string): Polarity {
  const lexicon = lexiconOf(language);
  if (!lexicon) return { ...NO_POLARITY, words: countWords(text) };
  const readSentence = language === "ja" || language === "zh" ? readUnspaced : readSpaced;
  return sentencesOf(text)
    .map((sentence) => readSentence(sentence, language, lexicon))
    .reduce(addPolarity, NO_POLARITY);
}

/** The factor of a negated word (VADER's). It is above −1, since "not good" is milder than "bad". */
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
      // Lexicons also rate words like "no"; here they only negate other words.
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

/** Reads Chinese or Japanese: at each position the longest entry counts, whatever the word boundaries are. */
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
  // Particles and endings do not count: other languages lack them, or write them as part of the word.
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

/** The absolute score below which a text is neutral. */
export const NEUTRAL_WITHIN = 0.15;
/**
 * The weight that draws a score towards 0: a base, and a part per word, since long neutral texts contain some rated
 * words, too.
 */
const INERTIA = { base: 4, perWord: 0.085 };

/**
 * The score from −1 to 1: the balance of positive and negative, closer to 0 the fewer rated words there are. Rounded to
 * hundredths.
 */
export function scoreOf({ positive, negative, words }: Polarity): number {
  const score = (positive - negative) / (positive + negative + INERTIA.base + INERTIA.perWord * words);
  return Math.round(score * 100) / 100 || 0;
}

export type SentimentLabel = "positive" | "neutral" | "negative";

export const labelOf = (score: number): SentimentLabel =>
  score >= NEUTRAL_WITHIN ? "positive" : score <= -NEUTRAL_WITHIN ? "negative" : "neutral";
