import { Ajv2020 } from "ajv/dist/2020.js";
import type { Json } from "../../core/json.ts";
import { MAX_PROBLEMS, type Problem } from "../../core/problem.ts";
import type { JsonSchema } from "../../core/registration.ts";
import { toProblems } from "../../core/schema-problem.ts";

/** Checks a value against a JSON Schema and returns the problems. */
export type SchemaCheck = (value: Json) => Problem[];

/** Shared by the whole process, since each instance compiles the meta-schema, which takes 15 ms. */
const ajv = new Ajv2020({ strict: false, allErrors: true, verbose: true, validateFormats: false });

/** Compiles a JSON Schema. Throws an Error for one that cannot be used. */
export function compileSchema(schema: JsonSchema): SchemaCheck {
  // Draft 7 and 2020-12 hardly differ in the keywords that task types use; an unknown `$schema` would be refused.
  const known = typeof schema === "boolean" ? schema : withoutNames(schema);
  const check = ajv.compile(known);
  // Ajv would keep every schema that it has compiled.
  if (typeof known === "object") ajv.removeSchema(known);
  return (value) => (check(value) ? [] : toProblems((check.errors ?? []).slice(0, MAX_PROBLEMS), value));
}

const withoutNames = ({ $schema: _dialect, $id: _id, ...schema }: Exclude<JsonSchema, boolean>) => schema;
