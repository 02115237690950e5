import { Ajv2020 } from "ajv/dist/2020.js";
import { z } from "zod";
import type { Json } from "../core/json.ts";
import { type Problem, problemsOf } from "../core/problem.ts";
import type { JsonSchema } from "../core/registration.ts";
import { toProblems } from "../core/schema-problem.ts";
import { withoutAbsent } from "./absent-null.ts";
import { toStrictSchema } from "./strict-schema.ts";

export type Checked<T> = { readonly value: T } | { readonly problems: readonly Problem[] };

/** What an answer is to be: described for the model, and checked here. */
export interface AnswerSchema<T = unknown> {
  /** What the model is to write: what goes into the schema, before its defaults and transformations. */
  readonly described: JsonSchema;
  /** The same for strict modes. Undefined where they cannot express it. */
  readonly strict: JsonSchema | undefined;
  check(answer: unknown): Promise<Checked<T>>;
}

const known = new WeakMap<object, AnswerSchema>();

/** Reads a zod schema or a JSON Schema, each once. Throws an Error for a JSON Schema that is none. */
export function readAnswerSchema(schema: z.ZodType | JsonSchema): AnswerSchema {
  if (typeof schema === "boolean") return readJsonSchema(schema);
  const before = known.get(schema);
  if (before) return before;
  const read = "_zod" in schema ? readZod(schema as z.ZodType) : readJsonSchema(schema as JsonSchema);
  known.set(schema, read);
  return read;
}

function readZod(schema: z.ZodType): AnswerSchema {
  const described = z.toJSONSchema(schema, { io: "input", unrepresentable: "any" }) as JsonSchema;
  return {
    described,
    strict: toStrictSchema(described),
    async check(answer) {
      const value = withoutAbsent(answer, described);
      const parsed = await schema.safeParseAsync(value);
      return parsed.success ? { value: parsed.data } : { problems: problemsOf(parsed.error, value) };
    },
  };
}

function readJsonSchema(schema: JsonSchema): AnswerSchema {
  const validate = new Ajv2020({ strict: false, allErrors: true, verbose: true, validateFormats: false }).compile(
    schema,
  );
  return {
    described: schema,
    strict: toStrictSchema(schema),
    async check(answer) {
      const value = withoutAbsent(answer, schema);
      return validate(value) ? { value } : { problems: toProblems(validate.errors ?? [], value as Json) };
    },
  };
}
