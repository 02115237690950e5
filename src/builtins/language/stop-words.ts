import { createRequire } from "node:module";

const require = createRequire(import.meta.url);
let lists: Readonly<Record<string, readonly string[] | undefined>> | undefined;
const sets = new Map<string, ReadonlySet<string>>();

/** The words of a language (ISO 639-1) that say nothing about a text's subject, in lower case; none for a language without a list. */
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

/** `l'`, `d'`, `qu'`, `dell'`: the article or preposition that leans on the next word in Romance languages. */
const ELISION = /^(?:[cdjlmnst]|qu|jusqu|lorsqu|puisqu|un|dell|all|nell|sull|dall|quell|quest)'(?=\p{L}{2})/u;
const ELIDING = new Set(["fr", "it", "ca", "und"]);

/** A word as it is looked up and compared: lower case, plain apostrophe, without what is elided to it. */
export function bareWord(word: string, language: string): string {
  const lower = word.toLowerCase().replaceAll("’", "'");
  return ELIDING.has(language) ? lower.replace(ELISION, "") : lower.replace(/'s$/, "");
}
