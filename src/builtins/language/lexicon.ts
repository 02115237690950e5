import { createRequire } from "node:module";
import { stopWordsOf } from "./stop-words.ts";

/**
 * A lexicon from AFINN-165 (Finn Årup Nielsen): some 3,000 English words rated −5 to 5, and their translations into a
 * hundred languages (npm `afinn-165-multilingual`). They are machine translations, so they are cleaned here.
 */
export type Lexicon = ReadonlyMap<string, number>;

const require = createRequire(import.meta.url);
const lexicons = new Map<string, Lexicon>();

/**
 * Words whose rating belongs to a sense that they rarely have: French `comme` (from "like"), German `dick` (from an
 * insult).
 */
const MISLEADING: Readonly<Record<string, string>> = {
  de: "ach allein dick gerade groß ja oben satt wollen würde ernst denier fest rad rum",
  es: "acuerdo cierto mayor pasado propio realizar solo sí tiempo ha",
  fr: "attendu aura certain comme complexe dos force juste laisser plus pur seul vif ha",
  it: "certo grande ha presa subito successivo favore forza",
  nl: "als alleen ja klaar missen waar willen zeker",
  pt: "ha maior menor quer sim tipo verdade falta",
  ru: "вверх вид да дело как мир хотеть большой",
  sv: "dom få ha ja olika rakt stor större störst vill",
};

/** Common words that are missing from the translations. */
const MISSING: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  de: { gefällt: 2, leider: -1, toll: 3 },
  es: { desgraciadamente: -2 },
  fr: { bon: 2, bonne: 2, meilleur: 2 },
  it: { buono: 2 },
  ja: { 残念: -2, 美味しい: 3 },
  pt: { ruim: -2 },
  ru: { отличный: 3, плохой: -2 },
  zh: { 很好: 3 },
};

/**
 * The languages whose lexicon proved useful: it judges at least two of three plain sentences as a reader would
 * (`test/builtins/sentiment.test.ts`). That of Korean or Hindi, for example, does not.
 */
const LANGUAGES = new Set("ar ca cs da de en es fi fr it ja nl no pl pt ro ru sv tr uk zh".split(" "));

export const hasLexicon = (language: string): boolean => LANGUAGES.has(language);

/** The rated words of a language (ISO 639-1) in lower case, or undefined if there is no useful lexicon. */
export function lexiconOf(language: string): Lexicon | undefined {
  const known = lexicons.get(language);
  if (known) return known;
  if (!hasLexicon(language)) return undefined;
  const rated = require(`afinn-165-multilingual/build/AFINN-${language}.json`) as Readonly<Record<string, number>>;
  const lexicon = cleanLexicon(rated, language);
  lexicons.set(language, lexicon);
  return lexicon;
}

const JAPANESE_ENDINGS = /(?:します|しました|ました|です|ます|な|に|の)$/;

function cleanLexicon(rated: Readonly<Record<string, number>>, language: string): Lexicon {
  const misleading = new Set((MISLEADING[language] ?? "").split(" "));
  const stopWords = stopWordsOf(language);
  const lexicon = new Map<string, number>();
  const add = (word: string, valence: number) => {
    if (word !== "" && !misleading.has(word) && !lexicon.has(word)) lexicon.set(word, valence);
  };
  for (const [word, valence] of Object.entries(MISSING[language] ?? {})) add(word, valence);
  for (const [entry, valence] of Object.entries(rated)) {
    const words = entry.toLowerCase().split(/\s+/);
    // An article is dropped, as in "der Wohlstand". Other phrases are left out, because words are looked up one by one.
    const [word, ...others] = words.length === 1 ? words : words.filter((one) => !stopWords.has(one));
    if (word === undefined || others.length > 0) continue;
    add(word, valence);
    if (language === "ja") {
      const stem = word.replace(JAPANESE_ENDINGS, "");
      if (stem.length > 1) add(stem, valence);
    }
  }
  return lexicon;
}
