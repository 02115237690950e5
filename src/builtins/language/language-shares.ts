import { windowsOf } from "./excerpt.ts";

/** The part of a text that is in one language. */
export interface LanguageShare {
  readonly code: string;
  /** The fraction of the text's words, 0 to 1. */
  readonly share: number;
  /** The certainty that these words are in this language, 0 to 1. */
  readonly certainty: number;
}

/** The number of windows that represent a text of any length, and the size of each. */
const WINDOWS = 48;
const WINDOW_CHARACTERS = 400;
/** The number of letters above which more letters do not increase the certainty. */
const LETTERS_THAT_COUNT = 600;
/** The certainty below which a window is assigned to the commonest language of its script. */
const SURE_WINDOW = 0.9;

/**
 * The scripts that are examined separately, and the letters per word in each, to count words of scripts without blanks.
 */
const SCRIPTS: readonly (readonly [scripts: readonly string[], lettersPerWord: number])[] = [
  [["Han", "Hiragana", "Katakana"], 1.7],
  [["Latin"], 5],
  [["Cyrillic"], 6],
  [["Arabic", "Hebrew"], 4.5],
];
const classOf = (scripts: readonly string[]) => scripts.map((script) => `\\p{Script=${script}}`).join("");
const RUNS: readonly (readonly [run: RegExp, lettersPerWord: number])[] = [
  ...SCRIPTS.map(([scripts, perWord]) => [new RegExp(`[${classOf(scripts)}\\p{M}'’ー]+`, "gu"), perWord] as const),
  [new RegExp(`(?:(?![${classOf(SCRIPTS.flatMap(([scripts]) => scripts))}])[\\p{L}\\p{M}])+`, "gu"), 4],
];

/** The scores of eld by language, each multiplied by the number of letters it was given for. */
interface Evidence {
  words: number;
  letters: number;
  isReliable: boolean;
  readonly scores: Map<string, number>;
}

/**
 * The languages of a text, the commonest first. The text is examined in windows, each script of a window separately, so
 * that local changes of language are found. A language's share is counted in words, as a Han letter stands for more
 * than a Latin one.
 *
 * eld's scores say how well the n-grams fit each language, not how probable the language is. The certainty is the
 * logistic of the lead of the best language over the second, times the number of letters.
 */
export async function sharesOf(text: string): Promise<LanguageShare[]> {
  // Loaded when first needed: its tables take time and memory.
  const { eld } = await import("eld/medium");
  const languages = new Map<string, Evidence>();
  for (const [run, lettersPerWord] of RUNS) {
    const windows: Evidence[] = [];
    for (const window of windowsOf(text, WINDOWS, WINDOW_CHARACTERS)) {
      const written = (window.match(run) ?? []).join(" ");
      const letters = written.match(/\p{L}/gu)?.length ?? 0;
      if (letters === 0) continue;
      const result = eld.detect(written);
      const scores = Object.entries(result.getScores()).map(([code, score]) => [code, score * letters] as const);
      windows.push({
        words: letters / lettersPerWord,
        letters,
        isReliable: result.isReliable(),
        scores: new Map(scores),
      });
    }
    for (const [code, evidence] of assign(windows)) add(entryOf(languages, code), evidence);
  }
  const words = [...languages.values()].reduce((sum, one) => sum + one.words, 0);
  return [...languages]
    .map(([code, evidence]) => ({ code, share: evidence.words / words, certainty: leaderOf(evidence).certainty }))
    .sort((a, b) => b.share - a.share);
}

/**
 * Assigns the windows of one script to languages: each to its own if that is certain, else to the commonest certain
 * one.
 */
function assign(windows: readonly Evidence[]): Map<string, Evidence> {
  const languages = new Map<string, Evidence>();
  const unsure: Evidence[] = [];
  const all = noEvidence();
  for (const window of windows) {
    add(all, window);
    const { code, certainty } = leaderOf(window);
    if (certainty >= SURE_WINDOW) add(entryOf(languages, code), window);
    else unsure.push(window);
  }
  const [commonest] = [...languages].sort((a, b) => b[1].words - a[1].words);
  const code = commonest?.[0] ?? leaderOf(all).code;
  if (code !== undefined) for (const window of unsure) add(entryOf(languages, code), window);
  return languages;
}

function leaderOf({ scores, letters, isReliable }: Evidence): { code: string | undefined; certainty: number } {
  const [best, second] = [...scores].sort((a, b) => b[1] - a[1]);
  if (!best) return { code: undefined, certainty: 0 };
  const lead = (best[1] - (second?.[1] ?? 0)) / letters;
  const probability = 1 / (1 + Math.exp(-lead * Math.min(letters, LETTERS_THAT_COUNT)));
  return { code: best[0], certainty: isReliable ? probability : probability / 2 };
}

const noEvidence = (): Evidence => ({ words: 0, letters: 0, isReliable: false, scores: new Map() });

function entryOf(languages: Map<string, Evidence>, code: string | undefined): Evidence {
  const key = code ?? "und";
  const entry = languages.get(key) ?? noEvidence();
  languages.set(key, entry);
  return entry;
}

function add(sum: Evidence, one: Evidence): void {
  sum.words += one.words;
  sum.letters += one.letters;
  sum.isReliable ||= one.isReliable;
  for (const [code, score] of one.scores) sum.scores.set(code, (sum.scores.get(code) ?? 0) + score);
}
