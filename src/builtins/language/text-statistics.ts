import { z } from "zod";
import { countWords, sentencesOf } from "./segments.ts";
import { breathe, slicesOf } from "./slices.ts";

/**
 * Counts of a text. `characters` are Unicode code points, blanks included; words and sentences follow Unicode (UAX 29).
 */
export const textStatistics = z.object({
  characters: z.int().min(0),
  words: z.int().min(0),
  sentences: z.int().min(0),
});
export type TextStatistics = z.output<typeof textStatistics>;

const SURROGATE_PAIR = /[\ud800-\udbff][\udc00-\udfff]/g;

/** Counts a text of any length, one slice at a time. */
export async function countText(text: string, signal: AbortSignal): Promise<TextStatistics> {
  let characters = text.length;
  let words = 0;
  let sentences = 0;
  for (const slice of slicesOf(text)) {
    await breathe(signal);
    characters -= slice.match(SURROGATE_PAIR)?.length ?? 0;
    words += countWords(slice);
    sentences += sentencesOf(slice).length;
  }
  return { characters, words, sentences };
}
