import { createRequire } from "node:module";

const require = createRequire(import.meta.url);
let lists: Readonly<Record<string, readonly string[] | undefined>> | undefined;
const sets = new Map<string, ReadonlySet<string>>();

/** The stop words of a language (ISO 639-1) in lower case; none for a language without a list. */
export function stopWordsOf(language: string): ReadonlySet<string> {
  lists ??= require("stopwords-iso/stopwords-iso.json") as NonNullable<typeof lists>;
  let set = sets.get(language);
  if (!set) {
    const list = Object.hasOwn(lists, language) ? (lists[language] ?? []) : [];
    set = new Set(list.map((word) => word.toLowerCase().replaceAll("’", "'")));
    sets.set(language, set);
  }
  return set;
}

/** The elided article or preposition before a word in Romance languages: `l'`, `d'`, `qu'`, `dell'`. */
const ELISION = /^(?:[cdjlmnst]|qu|jusqu|lorsqu|puisqu|un|dell|all|nell|sull|dall|quell|quest)'(?=\p{L}{2})/u;
const ELIDING = new Set(["fr", "it", "ca", "und"]);

/** Normalizes a word for look-up and comparison: lower case, plain apostrophes, no elided article and no `'s`. */
export function bareWord(word: string, language: string): string {
  const lower = word.toLowerCase().replaceAll("’", "'");
  return ELIDING.has(language) ? lower.replace(ELISION, "") : lower.replace(/'s$/, "");
}
