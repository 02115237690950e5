import { Ajv2020 } from "ajv/dist/2020.js";
import type { Json } from "../../core/json.ts";
import { MAX_PROBLEMS, type Problem } from "../../core/problem.ts";
import type { JsonSchema } from "../../core/registration.ts";
import { toProblems } from "../../core/schema-problem.ts";

/** Says what a JSON Schema finds wrong with a value. */
export type SchemaCheck = (value: Json) => Problem[];

/** One for the process: each would compile the schema of schemas again, which takes 15 ms. */
const ajv = new Ajv2020({ strict: false, allErrors: true, verbose: true, validateFormats: false });

/** Throws an Error for what is not a JSON Schema that can be used. */
export function compileSchema(schema: JsonSchema): SchemaCheck {
  // Draft 7 and 2020-12 differ little in what is used; an unknown `$schema` would be refused.
  const known = typeof schema === "boolean" ? schema : withoutNames(schema);
  const check = ajv.compile(known);
  // It keeps whatever it has compiled.
  if (typeof known === "object") ajv.removeSchema(known);
  return (value) => (check(value) ? [] : toProblems((check.errors ?? []).slice(0, MAX_PROBLEMS), value));
}

const withoutNames = ({ $schema: _dialect, $id: _id, ...schema }: Exclude<JsonSchema, boolean>) => schema;
