import { TuttiError } from "../core/error.ts";
import type { Json } from "../core/json.ts";
import { referenceIn } from "../core/reference.ts";
import type { Draft } from "./plan-of.ts";

/**
 * Data that has a field such as `$expr` means nothing in a plan of version 1 and a word in one of version 2. Which it will be
 * is known when the plan is finished: then such data is made a `$literal`. Throws a {@link TuttiError} (400) for references
 * inside it, which would not be followed.
 */
export function escapeLookalikes({ tasks, lookalikes }: Draft): void {
  if (lookalikes.size === 0) return;
  const literal = (value: Json): Json => {
    if (value === null || typeof value !== "object") return value;
    if (Array.isArray(value)) return value.map(literal);
    if (lookalikes.has(value)) {
      refuseReferences(value);
      return { $literal: value };
    }
    return Object.fromEntries(Object.entries(value).map(([field, item]) => [field, literal(item)]));
  };
  for (const [key, task] of tasks)
    if (task.input !== undefined) tasks.set(key, { ...task, input: literal(task.input) });
}

function refuseReferences(value: Json): void {
  if (value === null || typeof value !== "object") return;
  const text = referenceIn(value);
  if (text !== undefined)
    throw new TuttiError(
      400,
      `expected no reference inside data that looks like a word of a plan, received one to ${text}`,
    );
  for (const item of Object.values(value)) refuseReferences(item);
}
