import { TuttiError } from "./error.ts";
import { toPointer } from "./json.ts";
import { nearest } from "./nearest.ts";
import type { OptionNames } from "./option-names.ts";
import { show } from "./problem.ts";

/**
 * Refuses what an options object does not know, at any level: an option that is misspelt would be ignored otherwise.
 * `what` names whose options they are: `tutti()`, `task summarize`. Fields that are undefined state nothing and are left
 * alone. Throws a {@link TuttiError} (400) with the place, and the name that was probably meant.
 */
export function checkOptions<T>(
  what: string,
  options: unknown,
  names: OptionNames<T>,
  path: readonly string[] = [],
): void {
  if (options === undefined || areKnown(options, names as OptionNames)) return;
  if (typeof options !== "object" || options === null || Array.isArray(options))
    throw refusal(what, path, "an object of options", options);
  const known = names as OptionNames;
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined) continue;
    const place = [...path, name];
    const below = Object.hasOwn(known, name) ? known[name] : undefined;
    if (below === undefined) throw unknownOption(what, place, value, Object.keys(known));
    if (below !== true) checkOptions(what, value, below, place);
  }
}

/** The same question without the place for an answer: nearly all options are known. */
function areKnown(options: unknown, names: OptionNames): boolean {
  if (typeof options !== "object" || options === null || Array.isArray(options)) return false;
  for (const name in options) {
    const value = (options as { readonly [name: string]: unknown })[name];
    if (value === undefined) continue;
    const below = Object.hasOwn(names, name) ? names[name] : undefined;
    if (below === undefined || (below !== true && !areKnown(value, below))) return false;
  }
  return true;
}

function unknownOption(what: string, place: readonly string[], value: unknown, known: readonly string[]): TuttiError {
  const near = nearest(place.at(-1)!, known);
  const meant = near === undefined ? `known are ${known.join(", ")}` : `did you mean ${near}?`;
  const path = toPointer(place);
  return new TuttiError(400, `${what}: ${path}: expected no field of this name, received ${show(value)}; ${meant}`, {
    path,
    expected: near ?? known.join(", "),
    received: place.at(-1)!,
  });
}

function refusal(what: string, place: readonly string[], expected: string, value: unknown): TuttiError {
  const path = toPointer(place);
  return new TuttiError(400, `${what}: ${path && `${path}: `}expected ${expected}, received ${show(value)}`, {
    path,
    expected,
    received: show(value),
  });
}
