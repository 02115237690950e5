import { z } from "zod";
import { invalid } from "./error.ts";
import { problemsOf } from "./problem.ts";

const TAG_EXPECTED = "1 to 64 characters, no comma among them and no space around them";

/** A word that runs and tasks are found by. */
export const tag = z
  .string()
  .max(64, { error: `expected ${TAG_EXPECTED}` })
  .regex(/^[^\s,\p{Cc}](?:[^,\p{Cc}]*[^\s,\p{Cc}])?$/u, { error: `expected ${TAG_EXPECTED}` });

export const tags = z.array(tag).max(32);

/** Tags as a header has them: with commas between them. */
export const tagsInHeader = z
  .string()
  .transform((text) => text.split(",").map((one) => one.trim()))
  .pipe(tags);

/** Tags for a header. Throws a `TuttiError` (400): one with a comma would be two. */
export function writeTags(stated: readonly string[]): string {
  const parsed = tags.safeParse(stated);
  if (!parsed.success) throw invalid("the request's tags are invalid", problemsOf(parsed.error, stated));
  return stated.join(",");
}
