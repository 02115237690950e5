import type { ErrorObject } from "ajv/dist/2020.js";
import { atPointer, escapeToken, type Json } from "./json.ts";
import { type Problem, show } from "./problem.ts";

/** What a JSON Schema found wrong with `input`, all of it; what the branches of one alternative miss is one problem. */
export function toProblems(errors: readonly ErrorObject[], input: Json): Problem[] {
  const alternatives = errors.filter((error) => alternativesOf(error) !== undefined);
  const isPartOfOne = ({ keyword, schemaPath, instancePath }: ErrorObject) =>
    keyword === "required" &&
    alternatives.some((one) => one.instancePath === instancePath && schemaPath.startsWith(`${one.schemaPath}/`));
  return errors.filter((error) => !isPartOfOne(error)).map((error) => toProblem(error, input));
}

/** `text | blob + name`, where alternatives differ in the fields they require. */
function alternativesOf({ keyword, schema }: ErrorObject): string | undefined {
  if ((keyword !== "oneOf" && keyword !== "anyOf") || !Array.isArray(schema)) return undefined;
  const names = schema.map((branch: { required?: string[] }) => branch?.required?.join(" + "));
  return names.every((one) => one) ? names.join(" | ") : undefined;
}

/** What a JSON Schema found wrong with `input`, in our words: where, what was expected, what was there. */
function toProblem(error: ErrorObject, input: Json): Problem {
  const { instancePath, keyword, params, message } = error;
  switch (keyword) {
    case "required":
      return problemAt(`${instancePath}/${escapeToken(params.missingProperty)}`, "a value", undefined);
    case "additionalProperties":
    case "unevaluatedProperties": {
      const field: string = params.additionalProperty ?? params.unevaluatedProperty;
      const path = `${instancePath}/${escapeToken(field)}`;
      return problemAt(path, "no field of this name", atPointer(input, path));
    }
    case "type":
      return problemAt(instancePath, [params.type].flat().join(" or "), atPointer(input, instancePath));
    case "enum":
      return problemAt(instancePath, params.allowedValues.map(show).join(" or "), atPointer(input, instancePath));
    case "const":
      return problemAt(instancePath, show(params.allowedValue), atPointer(input, instancePath));
    case "oneOf":
    case "anyOf": {
      const quantity = keyword === "oneOf" ? "exactly one" : "at least one";
      const expected = `${quantity} of ${alternativesOf(error) ?? "the alternatives that the schema names"}`;
      return problemAt(instancePath, expected, atPointer(input, instancePath));
    }
    default: {
      const expected = (message ?? keyword).replace(/^must (?:be )?/, "").replace(/^NOT /, "not to ");
      return problemAt(instancePath, expected, atPointer(input, instancePath));
    }
  }
}

const problemAt = (path: string, expected: string, received: Json | undefined): Problem => ({
  path,
  message: `expected ${expected}`,
  expected,
  received: show(received),
});
