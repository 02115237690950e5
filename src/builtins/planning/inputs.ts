import { Ajv2020, type ErrorObject, type ValidateFunction } from "ajv/dist/2020.js";
import { type Json, toPointer } from "../../core/json.ts";
import type { Plan } from "../../core/plan.ts";
import type { Problem } from "../../core/problem.ts";
import { referenceIn } from "../../core/reference.ts";
import type { TypeRegistration } from "../../core/registration.ts";
import { toProblems } from "../../core/schema-problem.ts";

/**
 * Keywords whose result for a value depends on every part of it. If such a value contains a reference, no error about
 * the value counts, because the content at run time may match another branch.
 */
const WHOLE_VALUE = new Set([
  ...["anyOf", "oneOf", "not", "if", "contains", "const", "enum", "uniqueItems"],
  ...["unevaluatedProperties", "unevaluatedItems", "dependentSchemas"],
]);

/**
 * Checks the inputs of a plan's tasks against the JSON Schemas of their types, as far as they are known before the plan
 * runs: the values of references are not. Workers check the complete inputs again. Types without a usable schema are
 * not checked.
 */
export function checkInputs(plan: Plan, types: ReadonlyMap<string, TypeRegistration>): Problem[] {
  const validators = new Map<string, ValidateFunction | undefined>();
  return Object.entries(plan.tasks).flatMap(([key, task]) => {
    if (!validators.has(task.type)) validators.set(task.type, compile(types.get(task.type)?.input));
    const validate = validators.get(task.type);
    if (!validate) return [];
    const references: string[] = [];
    const input = unwrap(task.input ?? {}, [], references);
    if (references.includes("") || validate(input)) return [];
    const at = toPointer(["tasks", key, "input"]);
    return toProblems(relevant(validate.errors ?? [], references), input).map((problem) => ({
      ...problem,
      path: `${at}${problem.path}`,
    }));
  });
}

function compile(schema: TypeRegistration["input"]): ValidateFunction | undefined {
  if (schema === undefined) return undefined;
  try {
    // A new instance for each: schemas of different types may have the same $id.
    return new Ajv2020({
      strict: false,
      allErrors: true,
      verbose: true,
      logger: false,
      validateFormats: false,
    }).compile(schema);
  } catch {
    // Foreign workers may register any schema; a plan is not refused because of an unusable one.
    return undefined;
  }
}

/** The input with literals unwrapped. Adds the JSON pointers of its references to `references`. */
function unwrap(input: Json, path: readonly PropertyKey[], references: string[]): Json {
  if (input === null || typeof input !== "object") return input;
  if (Array.isArray(input)) return input.map((item, i) => unwrap(item, [...path, i], references));
  if (referenceIn(input) !== undefined) {
    references.push(toPointer(path));
    return input;
  }
  const entries = Object.entries(input);
  if (entries.length === 1 && entries[0]![0] === "$literal") return entries[0]![1];
  return Object.fromEntries(entries.map(([key, item]) => [key, unwrap(item, [...path, key], references)]));
}

const isWithin = (path: string, ancestor: string) => path === ancestor || path.startsWith(`${ancestor}/`);

/** The errors that remain whatever the values of references are. */
function relevant(errors: readonly ErrorObject[], references: readonly string[]): ErrorObject[] {
  const unsettled = errors
    .filter(
      ({ keyword, instancePath }) => WHOLE_VALUE.has(keyword) && references.some((one) => isWithin(one, instancePath)),
    )
    .map(({ instancePath }) => instancePath);
  const unknown = [...references, ...unsettled];
  return errors.filter(({ instancePath }) => !unknown.some((one) => isWithin(instancePath, one)));
}
