import { z } from "zod";
import type { JsonSchema } from "../../core/registration.ts";

/** Keywords that say something about a value without constraining it. */
const ANNOTATIONS: ReadonlySet<string> = new Set(["title", "description", "default", "examples", "deprecated", "id"]);
/** Keywords about the content of a string, number or array: what a schema asks of it after it has rewritten it. */
const CONTENT = [
  ...["minLength", "maxLength", "pattern", "allOf", "format", "contentEncoding"],
  ...["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minItems", "maxItems"],
] as const;

/**
 * What a schema takes, as JSON Schema: a necessary condition, by which a request is refused before a run begins. Nothing
 * that the schema itself would take is refused by it, so that an input means the same in a request and in a plan, where
 * only the worker's schema is asked. What coerces, catches or preprocesses takes anything; of what rewrites a value (`trim`)
 * only the type is known beforehand.
 */
export const toInputSchema = (schema: z.ZodType): JsonSchema =>
  z.toJSONSchema(schema, {
    io: "input",
    unrepresentable: "any",
    override: ({ zodSchema, jsonSchema }) => {
      const known = zodSchema as z.core.$ZodTypes;
      if (takesAnything(known)) keepOnly(jsonSchema, ANNOTATIONS);
      else if (rewrites(known)) dropContent(jsonSchema);
      else dropWhatDiffers(known, jsonSchema);
    },
  }) as JsonSchema;

function takesAnything({ _zod: { def } }: z.core.$ZodTypes): boolean {
  if ("coerce" in def && def.coerce) return true;
  return def.type === "catch" || (def.type === "pipe" && def.in._zod.def.type === "transform");
}

const rewrites = ({ _zod: { def } }: z.core.$ZodTypes): boolean =>
  def.checks?.some((check) => check._zod.def.check === "overwrite") ?? false;

function keepOnly(jsonSchema: Record<string, unknown>, keywords: ReadonlySet<string>): void {
  for (const keyword of Object.keys(jsonSchema)) if (!keywords.has(keyword)) delete jsonSchema[keyword];
}

function dropContent(jsonSchema: Record<string, unknown>): void {
  for (const keyword of CONTENT) delete jsonSchema[keyword];
  if (jsonSchema.type === "integer") jsonSchema.type = "number";
}

/** JSON Schema has no flags of patterns, and reckons multiples of fractions without tolerance. */
function dropWhatDiffers({ _zod: { def } }: z.core.$ZodTypes, jsonSchema: Record<string, unknown>): void {
  const checks = [def, ...(def.checks ?? []).map((check) => check._zod.def)] as readonly { pattern?: RegExp }[];
  if (checks.some(({ pattern }) => pattern && /[^uvdgy]/.test(pattern.flags))) {
    delete jsonSchema.pattern;
    delete jsonSchema.allOf;
  }
  const { multipleOf } = jsonSchema;
  if (multipleOf !== undefined && !Number.isInteger(multipleOf)) delete jsonSchema.multipleOf;
}
