import type { Json } from "./json.ts";
import { wordOf } from "./template.ts";

/**
 * What is a template in the input of a map whose items are plans that are sent: all of it where it is one word, else the
 * plan, where that is a word, and what the plan is given. A plan that is written down has references of its own.
 */
export function templateOfSent(input: Json): Json {
  const fields = fieldsOf(input);
  if (!fields) return input;
  const { plan, input: given } = fields;
  return {
    ...(plan !== undefined && !fieldsOf(plan) && { plan }),
    ...(given !== undefined && { input: given }),
  };
}

/** The input, with the template in it resolved. */
export function withSentTemplate(input: Json, resolve: (template: Json) => Json): Json {
  const resolved = resolve(templateOfSent(input));
  const fields = fieldsOf(input);
  return fields ? { ...fields, ...(resolved as Fields) } : resolved;
}

type Fields = { readonly [field: string]: Json };

/** Undefined for a word, and for what is no object. */
function fieldsOf(value: Json): Fields | undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value) || wordOf(value)) return undefined;
  return value as Fields;
}
