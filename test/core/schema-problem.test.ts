import { Ajv2020 } from "ajv/dist/2020.js";
import { expect, test } from "vitest";
import type { Json } from "../../src/core/json.ts";
import { describeProblems } from "../../src/core/problem.ts";
import { toProblems } from "../../src/core/schema-problem.ts";

const OBJECT = {
  type: "object",
  properties: {
    text: { type: "string", minLength: 2 },
    level: { enum: ["high", "low"] },
    items: { type: "array", minItems: 1 },
    most: { type: ["integer", "null"], minimum: 1 },
    v: { const: 1 },
  },
  additionalProperties: false,
};
const EITHER = { oneOf: [{ required: ["text"] }, { required: ["blob", "name"] }] };

test.each<[string, object, Json, string]>([
  ["a missing field", { required: ["text"] }, {}, "/text: expected a value, received nothing"],
  ["a field too many", OBJECT, { "a/b": 1 }, "/a~1b: expected no field of this name, received 1"],
  ["a wrong type", OBJECT, { most: "x" }, '/most: expected integer or null, received "x"'],
  ["a value that is none of some", OBJECT, { level: "mid" }, '/level: expected "high" or "low", received "mid"'],
  ["a value that is not the one", OBJECT, { v: 2 }, "/v: expected 1, received 2"],
  ["a number out of range", OBJECT, { most: 0 }, "/most: expected >= 1, received 0"],
  ["a text too short", OBJECT, { text: "x" }, '/text: expected not to have fewer than 2 characters, received "x"'],
  ["a list too short", OBJECT, { items: [] }, "/items: expected not to have fewer than 1 items, received []"],
  ["no alternative, once", EITHER, {}, "expected exactly one of text | blob + name, received {}"],
])("%s is told by place, what was expected and what was there", (_, schema, input, told) => {
  const check = new Ajv2020({ allErrors: true, verbose: true, strict: false }).compile(schema);
  check(input);
  expect(describeProblems(toProblems(check.errors ?? [], input))).toBe(told);
});
