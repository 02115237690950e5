import { z } from "zod";
import { sharesOf } from "./language-shares.ts";

const part = z.object({ code: z.string(), share: z.number().min(0).max(1) });

/** A detected language: its ISO 639-1 code, or `und` (undetermined, ISO 639-2) with confidence 0. */
export const detectedLanguage = z.object({
  code: z.string(),
  confidence: z.number().min(0).max(1),
  /** The languages of a text in several languages with their shares of its words, the largest first. */
  parts: z.array(part).optional(),
});
export type DetectedLanguage = z.output<typeof detectedLanguage>;

const UNKNOWN: DetectedLanguage = { code: "und", confidence: 0 };
/** The highest confidence. It is below 1, because the detector does not know every language. */
const SUREST = 0.99;
/**
 * The lowest certainty that is reported; one half means no lead at all. For short texts in 20 languages, nine in ten
 * results at or above it were right.
 */
const LEAST = 0.55;
/** The number of Latin words below which a text is too short: names and labels may be of any language. */
const FEW_WORDS = 3;
/** The smallest share of a language in `parts`, and the shortest text that has parts. */
const LEAST_SHARE = 0.1;
const LEAST_CHARACTERS = 400;
/** The smallest share of a language whose stop words apply to the text. */
const TRACE = 0.01;

/**
 * Detects the main language of a text, which is that of most of its words, among the 60 that eld knows. The confidence
 * is the certainty times the language's share of the text. The result is `und` if the best guess is hardly better than
 * the second, and for one or two words.
 */
export async function detectLanguage(text: string): Promise<DetectedLanguage> {
  const shares = await sharesOf(text);
  const [main] = shares;
  if (!main || main.certainty < LEAST || isTooShort(text)) return UNKNOWN;
  const parts = shares
    .filter(({ share }) => share >= LEAST_SHARE)
    .map(({ code, share }) => ({ code, share: rounded(share) }));
  return {
    code: main.code,
    confidence: rounded(Math.min(SUREST, main.certainty * main.share)),
    ...(parts.length > 1 && text.length >= LEAST_CHARACTERS ? { parts } : {}),
  };
}

const rounded = (share: number): number => Math.round(share * 100) / 100;

function isTooShort(text: string): boolean {
  const words = text.slice(0, 200).match(/\p{L}[\p{L}\p{M}'’]*/gu) ?? [];
  return words.length < FEW_WORDS && words.every((word) => /^\p{Script=Latin}/u.test(word));
}

/**
 * The likeliest languages of a text, the commonest first, at least one (`und` for a text without letters). They may be
 * uncertain: for the choice of words and rules, a guess is better than none.
 */
export async function guessLanguages(text: string): Promise<readonly [string, ...string[]]> {
  const [main, ...others] = await sharesOf(text);
  return [main?.code ?? UNKNOWN.code, ...others.filter(({ share }) => share >= TRACE).map(({ code }) => code)];
}

/** The English name of a language: `French` for `fr`, `unknown` for `und`. */
export function nameLanguage(code: string): string {
  if (code === UNKNOWN.code) return "unknown";
  try {
    return new Intl.DisplayNames("en", { type: "language" }).of(code) ?? code;
  } catch {
    return code; // a model may answer with anything
  }
}
