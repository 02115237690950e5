import { isUnspaced, wordsOf } from "./segments.ts";
import { bareWord, stopWordsOf } from "./stop-words.ts";

const LONGEST_PHRASE = 3;
/** The separators that may stand between two words of one phrase. */
const WITHIN_PHRASE = /^(?:[ \u00a0]|-)?$/;
/** Web and mail addresses, which are not words of any language. */
const ADDRESS = /(?:https?:\/\/|www\.)\S+|(?<![\w.+-])[\w.+-]{1,64}@\S+/gi;
const LETTER = /\p{L}/u;
/** The shortest word of a topic, except in dense scripts. */
const SHORTEST_WORD = 3;
const KANA_ONLY = /^[\p{Script=Hiragana}ー]+$/u;
const DENSE_SCRIPT = /[\p{Script=Han}\p{Script=Katakana}\p{Script=Hangul}\p{Script=Thai}]/u;

/** A word that may be part of a topic. */
interface Term {
  readonly surface: string;
  readonly key: string;
  /** The index of the word in the text. */
  readonly place: number;
}

interface Phrase {
  readonly keys: readonly string[];
  count: number;
  readonly first: number;
  capitals: number;
  readonly surfaces: Map<string, number>;
}

/**
 * Finds the key words and phrases of a text, the heaviest first, in the manner of RAKE and YAKE. Repetition, an early
 * position, capitals, and being a phrase rather than a word add weight. Stop words of `languages` (the main one first)
 * never count.
 */
export function extractKeyPhrases(text: string, languages: readonly [string, ...string[]], most = 8): string[] {
  const runs = runsOf(text.replace(ADDRESS, " . "), languages);
  const phrases = countPhrases(runs);
  const total = runs.reduce((sum, run) => sum + run.length, 0);
  mergeInflections(phrases);
  const ranked = [...phrases.values()]
    .filter((one) => one.keys.length === 1 || one.count > 1)
    .map((one) => ({ ...one, weight: weigh(one, total) }))
    .sort((a, b) => b.weight - a.weight || a.first - b.first);
  const chosen: Phrase[] = [];
  for (const one of ranked) {
    if (chosen.length === most) break;
    if (!chosen.some((other) => overlaps(one, other))) chosen.push(one);
  }
  return chosen.map((one) => commonestOf(one.surfaces));
}

/**
 * A common form with the fewest capitals, since the first word of a sentence and whole titles have them without a
 * reason.
 */
function commonestOf(surfaces: ReadonlyMap<string, number>): string {
  const capitals = (text: string) => text.match(/\p{Lu}/gu)?.length ?? 0;
  const most = Math.max(...surfaces.values());
  const common = [...surfaces].filter(([, count]) => count * 3 >= most);
  return common.sort(([a, n], [b, m]) => capitals(a) - capitals(b) || m - n)[0]![0];
}

/** Uninterrupted sequences of terms: a stop word, a number or a punctuation mark ends one. */
function runsOf(text: string, languages: readonly [string, ...string[]]): Term[][] {
  const [language] = languages;
  const stopWords = languages.map(stopWordsOf);
  const runs: Term[][] = [];
  let run: Term[] = [];
  let end = 0;
  let place = 0;
  const close = () => {
    if (run.length > 0) runs.push(run);
    run = [];
  };
  for (const { text: word, at } of wordsOf(text)) {
    if (!WITHIN_PHRASE.test(text.slice(end, at))) close();
    end = at + word.length;
    const key = bareWord(word, language);
    const surface = word
      .slice(word.length - key.length > 0 && !/['’]s$/.test(word) ? word.length - key.length : 0)
      .replace(/['’]s$/, "");
    if (isMeaningful(key) && !stopWords.some((words) => words.has(key))) run.push({ surface, key, place });
    else close();
    place++;
  }
  close();
  return runs;
}

function isMeaningful(key: string): boolean {
  if (!LETTER.test(key) || KANA_ONLY.test(key)) return false;
  return DENSE_SCRIPT.test(key) || key.length >= SHORTEST_WORD;
}

function countPhrases(runs: readonly (readonly Term[])[]): Map<string, Phrase> {
  const phrases = new Map<string, Phrase>();
  for (const run of runs)
    for (let from = 0; from < run.length; from++)
      for (let to = from + 1; to <= Math.min(run.length, from + LONGEST_PHRASE); to++) {
        const terms = run.slice(from, to);
        const key = terms.map((one) => one.key).join(" ");
        let phrase = phrases.get(key);
        if (!phrase) {
          phrase = {
            keys: terms.map((one) => one.key),
            count: 0,
            first: terms[0]!.place,
            capitals: 0,
            surfaces: new Map(),
          };
          phrases.set(key, phrase);
        }
        const surface = terms.map((one) => one.surface).reduce((a, b) => (isUnspaced(a, b) ? a + b : `${a} ${b}`));
        phrase.count++;
        if (terms.every((one) => /^\p{Lu}/u.test(one.surface))) phrase.capitals++;
        phrase.surfaces.set(surface, (phrase.surfaces.get(surface) ?? 0) + 1);
      }
  return phrases;
}

const ENDINGS = ["s", "es", "n", "en", "e", "er", "а", "ы", "и"];

/**
 * Merges the counts of `harvests` and `harvest`, or `Brücken` and `Brücke`, if both occur; the commoner form is kept.
 */
function mergeInflections(phrases: Map<string, Phrase>): void {
  for (const [key, phrase] of phrases) {
    if (phrase.keys.length > 1 || key.length < 5) continue;
    const stem = ENDINGS.filter((ending) => key.endsWith(ending) && key.length - ending.length >= 4)
      .map((ending) => key.slice(0, -ending.length))
      .find((one) => phrases.has(one));
    if (stem === undefined) continue;
    const [less, more] = phrases.get(stem)!.count < phrase.count ? [stem, key] : [key, stem];
    const gone = phrases.get(less)!;
    const kept = phrases.get(more)!;
    kept.count += gone.count;
    kept.capitals += gone.capitals;
    phrases.delete(less);
  }
}

/**
 * The weight of a phrase. Long words say more than short ones; a word that is always capitalised is a name (or a German
 * noun).
 */
function weigh({ keys, count, first, capitals }: Phrase, total: number): number {
  const length = keys.reduce((sum, key) => sum + key.length * (DENSE_SCRIPT.test(key) ? 3 : 1), 0);
  const substance = Math.min(1.5, 0.5 + length / 12);
  const early = 1 + 0.5 * (1 - first / Math.max(1, total * 2));
  const named = 1 + 0.5 * (capitals / count);
  return count * keys.length ** 0.8 * substance * early * named;
}

/** Whether the two share all the words of the shorter one. */
function overlaps(one: Phrase, other: Phrase): boolean {
  const shared = one.keys.filter((key) => other.keys.includes(key)).length;
  return shared > 0 && shared >= Math.min(one.keys.length, other.keys.length);
}
