/** The negating words by language (ISO 639-1). */
const NEGATORS: Readonly<Record<string, string>> = {
  ca: "no mai cap sense gens",
  cs: "ne není nikdy žádný bez",
  da: "ikke aldrig ingen intet uden",
  de: "nicht kein keine keinen keinem keiner keines nie niemals ohne weder kaum keineswegs keinesfalls",
  en: "not no never none nobody nothing neither nor without cannot hardly barely isn't aren't wasn't weren't don't doesn't didn't won't wouldn't can't couldn't shouldn't hasn't haven't hadn't ain't",
  es: "no nunca jamás sin ningún ninguna ninguno nada tampoco ni",
  fi: "ei en et emme ette eivät ilman",
  fr: "pas jamais aucun aucune sans ni rien guère non",
  it: "non mai senza nessun nessuno nessuna né niente",
  nl: "niet geen nooit zonder niemand nauwelijks",
  no: "ikke aldri ingen uten",
  pl: "nie nigdy bez żaden żadna",
  pt: "não nunca jamais sem nenhum nenhuma nem nada",
  ru: "не нет никогда без ни никакой",
  sv: "inte aldrig ingen inget inga utan",
  tr: "değil yok asla",
  uk: "не ні ніколи без",
};

/** The languages in which a negator may also follow the word: "das gefällt mir nicht", "iyi değil". */
const FOLLOWING = new Set(["de", "nl", "da", "no", "sv", "tr"]);
const REACH_BEFORE = 3;
const REACH_AFTER = 3;

const sets = new Map<string, ReadonlySet<string>>();

function negatorsOf(language: string): ReadonlySet<string> {
  let set = sets.get(language);
  if (!set) {
    set = new Set((NEGATORS[language] ?? "").split(" ").filter(Boolean));
    sets.set(language, set);
  }
  return set;
}

export const isNegator = (word: string, language: string): boolean => negatorsOf(language).has(word);

/** Whether the word at index `at` of a clause (bare words in lower case) is negated. Two negators cancel each other. */
export function isNegated(words: readonly string[], at: number, language: string): boolean {
  const negators = negatorsOf(language);
  const before = words.slice(Math.max(0, at - REACH_BEFORE), at).filter((word) => negators.has(word)).length;
  if (before > 0) return before % 2 === 1;
  return FOLLOWING.has(language) && words.slice(at + 1, at + 1 + REACH_AFTER).some((word) => negators.has(word));
}
