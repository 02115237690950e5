import { excerptOf } from "./excerpt.ts";
import { isUnspaced, LIST_ITEM, sentencesOf, wordsOf } from "./segments.ts";
import { centralityOf, rankVectors, similarityOf, vectorsOf } from "./sentence-rank.ts";

export interface SummaryLimits {
  readonly sentences: number;
  /** The length in UTF-16 units. A single sentence that is longer is cut at a word, with an ellipsis. */
  readonly characters: number;
}

export const SUMMARY_LIMITS: SummaryLimits = { sentences: 5, characters: 800 };
/** The length above which only excerpts of a text are read, which limits the time. */
const READ_CHARACTERS = 100_000;
/**
 * The number of sentences that are ranked, which takes quadratic time. If there are more, the most central are ranked.
 */
const RANKED_SENTENCES = 300;
const SHORT_TEXT = { sentences: 3, characters: 400 };
const LONGEST_CANDIDATE = 500;
/** The similarity (cosine) to a chosen sentence above which another one is left out as a repetition. */
const REPETITION = 0.6;

/**
 * Summarizes a text by its most representative sentences, in the text's order. A short text is returned whole.
 * `coverage` is the fraction of the text that was read: 1 for all of it.
 */
export function extractSummary(
  text: string,
  language: string,
  limits = SUMMARY_LIMITS,
): { summary: string; coverage: number } {
  const excerpt = excerptOf(text, READ_CHARACTERS);
  const sentences = sentencesOf(excerpt.text);
  if (sentences.length === 0)
    return { summary: clip(excerpt.text.replace(/\s+/g, " ").trim(), limits.characters), coverage: excerpt.coverage };
  const whole = joinSentences(sentences);
  if (
    sentences.length <= Math.min(SHORT_TEXT.sentences, limits.sentences) &&
    whole.length <= Math.min(SHORT_TEXT.characters, limits.characters)
  )
    return { summary: whole, coverage: excerpt.coverage };
  const candidates = candidatesOf(sentences);
  const chosen = choose(candidates, language, {
    ...limits,
    sentences: Math.min(limits.sentences, Math.max(2, Math.ceil(sentences.length / 5))),
  });
  return { summary: clip(joinSentences(chosen), limits.characters), coverage: excerpt.coverage };
}

const ENDS = /[.!?…。！？؟।][)\]"'”’»」』]*$/u;

/**
 * The full sentences of a text. Headings, list items, table rows and fragments count only in a text that has nothing
 * else.
 */
function candidatesOf(sentences: readonly string[]): string[] {
  const full = sentences.filter(
    (one) =>
      one.length <= LONGEST_CANDIDATE &&
      ENDS.test(one) &&
      !LIST_ITEM.test(one) &&
      (one.length >= 60 || wordsOf(one).take(5).toArray().length === 5),
  );
  return full.length > 0 ? full : sentences.slice(0, RANKED_SENTENCES);
}

/** Chooses the best-ranked sentences that fit within the limits and do not repeat each other, in the text's order. */
function choose(sentences: readonly string[], language: string, limits: SummaryLimits): string[] {
  const all = vectorsOf(sentences, language);
  const kept = topOf(centralityOf(all), RANKED_SENTENCES);
  const ranks = rankVectors(kept.map((i) => all[i]!));
  const chosen: number[] = [];
  let length = 0;
  for (const k of topOf(ranks, ranks.length).sort((a, b) => ranks[b]! - ranks[a]!)) {
    const i = kept[k]!;
    if (chosen.length === limits.sentences) break;
    if (chosen.length > 0 && length + sentences[i]!.length > limits.characters) continue;
    if (chosen.some((other) => similarityOf(all[i]!, all[other]!) > REPETITION)) continue;
    chosen.push(i);
    length += sentences[i]!.length + 1;
  }
  return chosen.sort((a, b) => a - b).map((i) => sentences[i]!);
}

/** The indices of the `count` highest scores, ascending. */
function topOf(scores: readonly number[], count: number): number[] {
  const order = scores.map((_, i) => i);
  if (order.length <= count) return order;
  return order
    .sort((a, b) => scores[b]! - scores[a]!)
    .slice(0, count)
    .sort((a, b) => a - b);
}

function joinSentences(sentences: readonly string[]): string {
  let joined = "";
  for (const sentence of sentences) joined += joined === "" || isUnspaced(joined, sentence) ? sentence : ` ${sentence}`;
  return joined;
}

/** Cuts a text to at most `length` UTF-16 units, at a blank if possible, with an ellipsis. */
export function clip(text: string, length: number): string {
  if (text.length <= length) return text;
  const cut = text.slice(0, length - 1);
  const blank = cut.lastIndexOf(" ");
  return `${(blank > length / 2 ? cut.slice(0, blank) : cut)
    .toWellFormed()
    .replace(/\ufffd$/, "")
    .trimEnd()}…`;
}
