import type { JsonSchema } from "../core/registration.ts";

type SchemaObject = { readonly [keyword: string]: unknown };

/** Keywords that strict modes take as they are (https://platform.openai.com/docs/guides/structured-outputs#supported-schemas). */
const KEPT = new Set(["type", "description", "enum", "const", "title", "pattern", "format", "$ref"]);
const BOUNDS = new Set([
  "minimum",
  "maximum",
  "exclusiveMinimum",
  "exclusiveMaximum",
  "multipleOf",
  "minItems",
  "maxItems",
]);
/** Left out: the answer is checked by the whole schema anyhow. */
const IGNORED = new Set(["$schema", "$id", "default", "examples", "minLength", "maxLength", "uniqueItems", "$comment"]);

/**
 * The schema as strict modes want it: every property required, an optional one nullable, no others allowed. Undefined for
 * what they cannot express: open objects, other keywords.
 */
export function toStrictSchema(schema: JsonSchema): JsonSchema | undefined {
  if (typeof schema !== "object" || schema.type !== "object") return undefined;
  try {
    return convert(schema) as JsonSchema;
  } catch (error) {
    if (error instanceof Inexpressible) return undefined;
    throw error;
  }
}

class Inexpressible extends Error {}

function convert(schema: unknown): SchemaObject {
  if (typeof schema !== "object" || schema === null || Array.isArray(schema) || Object.keys(schema).length === 0)
    throw new Inexpressible();
  const source = schema as SchemaObject;
  const strict: Record<string, unknown> = {};
  for (const [keyword, value] of Object.entries(source)) {
    if (KEPT.has(keyword) || BOUNDS.has(keyword)) strict[keyword] = value;
    else if (keyword === "anyOf" || keyword === "oneOf") strict.anyOf = (value as unknown[]).map(convert);
    else if (keyword === "items") strict.items = convert(value);
    else if (keyword === "$defs" || keyword === "definitions")
      strict[keyword] = mapValues(value as SchemaObject, convert);
    else if (!IGNORED.has(keyword) && !OF_OBJECTS.has(keyword)) throw new Inexpressible();
  }
  return source.type === "object" ? { ...strict, ...convertObject(source) } : strict;
}

const OF_OBJECTS = new Set(["properties", "required", "additionalProperties"]);

function convertObject({ properties, required = [], additionalProperties }: SchemaObject): SchemaObject {
  if (properties === undefined || (typeof additionalProperties === "object" && additionalProperties !== null))
    throw new Inexpressible();
  const isRequired = (name: string) => (required as readonly string[]).includes(name);
  const entries = Object.entries(properties as SchemaObject).map(([name, property]) => {
    const converted = convert(property);
    return [name, isRequired(name) || takesNull(converted) ? converted : { anyOf: [converted, { type: "null" }] }];
  });
  return {
    properties: Object.fromEntries(entries),
    required: entries.map(([name]) => name),
    additionalProperties: false,
  };
}

const mapValues = (object: SchemaObject, map: (value: unknown) => unknown) =>
  Object.fromEntries(Object.entries(object).map(([key, value]) => [key, map(value)]));

/** Whether null matches, as far as is seen without following references. */
export function takesNull(schema: unknown): boolean {
  if (schema === true) return true;
  if (typeof schema !== "object" || schema === null) return false;
  const { type, anyOf, oneOf, enum: words, const: constant, $ref, allOf } = schema as SchemaObject;
  if (type !== undefined) return type === "null" || (Array.isArray(type) && type.includes("null"));
  const alternatives = anyOf ?? oneOf;
  if (Array.isArray(alternatives)) return alternatives.some(takesNull);
  if (Array.isArray(words)) return words.includes(null);
  return constant === null || (constant === undefined && $ref === undefined && allOf === undefined);
}
