import type { ErrorObject } from "ajv/dist/2020.js";
import { atPointer, escapeToken, type Json } from "../core/json.ts";
import { type Problem, show } from "../core/problem.ts";

/** What a JSON Schema found wrong with `input`, in our words: where, what was expected, what was there. */
export function toProblem({ instancePath, keyword, params, message }: ErrorObject, input: Json): Problem {
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
    default: {
      const expected = (message ?? keyword).replace(/^must (be )?/, "");
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
