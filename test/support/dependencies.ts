import type { PlannedTask } from "../../src/core/plan.ts";
import { eachReference, parseReference } from "../../src/core/reference.ts";

/** The siblings that a task waits for: those in `needs`, then those its input refers to; each once. */
export function dependenciesOf({ needs, input }: PlannedTask): readonly string[] {
  const keys = new Set(needs);
  if (input !== undefined) eachReference(input, (text) => keys.add(parseReference(text).key));
  return [...keys];
}
