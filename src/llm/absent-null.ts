import { fromPointer } from "../core/json.ts";
import type { JsonSchema } from "../core/registration.ts";
import { takesNull } from "./strict-schema.ts";

type SchemaObject = { readonly [keyword: string]: unknown };

/**
 * The value without the nulls that stand for the absence of an optional property: strict modes have every property
 * written, and models write null for what is not there however they are asked. A null that the schema takes stays.
 */
export const withoutAbsent = (value: unknown, schema: JsonSchema): unknown => strip(value, schema, schema, 0);

/** Deeper than answers are nested; recursive schemas end with their values. */
const MOST_LEVELS = 200;

function strip(value: unknown, schema: unknown, root: unknown, level: number): unknown {
  if (typeof value !== "object" || value === null || typeof schema !== "object" || schema === null) return value;
  if (level > MOST_LEVELS) return value;
  const next = (one: unknown, by: unknown) => strip(one, by, root, level + 1);
  const { $ref, anyOf, oneOf, allOf, items, prefixItems, properties, required, additionalProperties } =
    schema as SchemaObject;
  if (typeof $ref === "string") return next(value, resolve($ref, root));
  if (Array.isArray(value)) {
    const heads = Array.isArray(prefixItems) ? prefixItems : [];
    const own = value.map((one, i) => next(one, heads[i] ?? items));
    return alternatives(own, anyOf, oneOf, allOf, next);
  }
  const known = (properties ?? {}) as SchemaObject;
  const isRequired = (name: string) => Array.isArray(required) && required.includes(name);
  const kept = Object.entries(value).flatMap(([name, one]): [string, unknown][] => {
    if (!Object.hasOwn(known, name)) return [[name, next(one, additionalProperties)]];
    const isAbsence = one === null && !isRequired(name) && !takesNull(known[name]);
    return isAbsence ? [] : [[name, next(one, known[name])]];
  });
  return alternatives(Object.fromEntries(kept), anyOf, oneOf, allOf, next);
}

/** By the first alternative whose required properties are there: what is left is what the schema's check is for. */
function alternatives(
  value: unknown,
  anyOf: unknown,
  oneOf: unknown,
  allOf: unknown,
  next: (value: unknown, schema: unknown) => unknown,
): unknown {
  let made = value;
  for (const one of Array.isArray(allOf) ? allOf : []) made = next(made, one);
  const choices = (Array.isArray(anyOf) ? anyOf : Array.isArray(oneOf) ? oneOf : []) as SchemaObject[];
  const chosen = choices.find((one) => mayMatch(made, one));
  return chosen ? next(made, chosen) : made;
}

function mayMatch(value: unknown, { type, required, properties }: SchemaObject): boolean {
  if (Array.isArray(value)) return type === "array" || type === undefined;
  if (type !== "object" && type !== undefined) return false;
  const there = value as SchemaObject;
  const constants = Object.entries((properties ?? {}) as Record<string, SchemaObject>);
  return (
    (Array.isArray(required) ? required : []).every((name: string) => Object.hasOwn(there, name)) &&
    constants.every(([name, { const: constant }]) => constant === undefined || there[name] === constant)
  );
}

/** References inside the schema: `#`, `#/$defs/node`. */
function resolve(ref: string, root: unknown): unknown {
  if (!ref.startsWith("#")) return undefined;
  let at = root;
  for (const token of fromPointer(ref.slice(1))) at = (at as SchemaObject | undefined)?.[token];
  return at;
}
