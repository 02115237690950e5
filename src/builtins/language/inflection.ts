/**
 * The commonest endings of adjectives and nouns, and the endings of their dictionary forms: enough to find a rated word
 * in any gender, case and number. This is not a stemmer: a wrong form is harmless, because the lexicon does not contain
 * it.
 */
const ENDINGS: Readonly<Record<string, readonly (readonly [ending: RegExp, ...bases: string[]])[]>> = {
  da: [[/(?:e|t|en|er)$/, "", "e"]],
  de: [
    [/(?:e|en|er|es|em|ste|sten)$/, "", "e", "en"],
    [/t$/, "en"],
  ],
  es: [
    [/(?:a|as|os)$/, "o", "a"],
    [/(?:es|s)$/, ""],
    [/mente$/, "", "o"],
  ],
  fr: [
    [/euses?$/, "eux"],
    [/(?:es|e|s)$/, "", "e"],
    [/ves?$/, "f"],
    [/lles?$/, "l", "u"],
  ],
  it: [[/(?:a|e|i)$/, "o", "e", "a"]],
  nl: [[/(?:e|en|s)$/, "", "e"]],
  no: [[/(?:e|t|en|er)$/, "", "e"]],
  pt: [
    [/(?:a|as|os)$/, "o", "a"],
    [/(?:es|s)$/, ""],
  ],
  ru: [
    [/(?:ая|ое|ые|ого|ой|ую|ых|ым|ыми|ом)$/, "ый", "ой", "ий"],
    [/(?:а|у|ы|и|ом|е)$/, "", "а", "о"],
  ],
  sv: [[/(?:a|t|en|et|ar|er)$/, "", "a"]],
  uk: [[/(?:а|е|і|ого|ої|ому|их|им)$/, "ий", "", "а"]],
};

const SHORTEST_STEM = 3;

/**
 * The forms under which a lexicon may list a word, likeliest first. The word is in lower case, and so are the forms.
 */
export function* basesOf(word: string, language: string): Generator<string> {
  for (const [ending, ...bases] of ENDINGS[language] ?? []) {
    const at = word.search(ending);
    if (at < SHORTEST_STEM) continue;
    const stem = word.slice(0, at);
    for (const base of bases) yield stem + base;
  }
}
