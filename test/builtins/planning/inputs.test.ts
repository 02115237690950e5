import { expect, test } from "vitest";
import { checkInputs } from "../../../src/builtins/planning/inputs.ts";
import type { Json } from "../../../src/core/json.ts";
import type { TypeRegistration } from "../../../src/core/registration.ts";

const REF = { $ref: "other#/x" };

const problems = (schema: TypeRegistration["input"], input: Json) =>
  checkInputs(
    { v: 1, tasks: { "a/b": { type: "t", input } } },
    new Map([["t", { v: 1, type: "t", ...(schema !== undefined && { input: schema }) }]]),
  );

const text = { type: "string" };
const object = {
  type: "object",
  properties: { text, most: { type: "integer" } },
  required: ["text"],
  additionalProperties: false,
};
const either = { anyOf: [{ ...object }, { type: "object", properties: { file: text }, required: ["file"] }] };

test.each<[string, TypeRegistration["input"], Json, string[]]>([
  ["a good input", object, { text: "x" }, []],
  ["all that is wrong", object, { text: 1, most: "x", so: 1 }, ["/most", "/so", "/text"]],
  ["a reference where any type may stand", object, { text: REF }, []],
  ["what is wrong beside a reference", object, { text: REF, most: "x" }, ["/most"]],
  ["what is missing beside a reference", object, { most: REF }, ["/text"]],
  ["a reference in a field that there is not", object, { text: "x", so: REF }, ["/so"]],
  ["a reference for the whole", object, REF, []],
  ["a reference in a list", { type: "array", items: text }, ["x", REF, 3], ["/2"]],
  ["a reference that may choose the branch", either, { file: REF }, []],
  ["a branch without references", either, { file: 3 }, ["", "/file", "/file"]],
  ["a reference in a value that must be one of some", { enum: [{ a: 1 }] }, { a: REF }, []],
  ["a field whose name needs escaping", { properties: { "a/b": text } }, { "a/b": REF }, []],
  ["a literal, by what is in it", object, { text: { $literal: "x" } }, []],
  ["a literal that is wrong", object, { text: { $literal: REF } }, ["/text"]],
  ["no schema", undefined, { any: 1 }, []],
  ["a schema that is none", { type: "nonsense" }, { any: 1 }, []],
  ["a schema that refers to one that is not there", { $ref: "https://nowhere.example/x" }, 1, []],
  ["no input allowed", false, {}, [""]],
])("%s", (_, schema, input, paths) => {
  const found = problems(schema, input);
  expect(found.map(({ path }) => path).sort()).toEqual(paths.map((path) => `/tasks/a~1b/input${path}`));
});

test("messages name the field, what is allowed and what came", () => {
  const [extra] = problems(object, { text: "x", so: 1 });
  expect(extra).toMatchObject({
    path: "/tasks/a~1b/input/so",
    message: "expected no field of this name",
    received: "1",
  });
  const [choice] = problems({ properties: { kind: { enum: ["a", "b"] } } }, { kind: "c" });
  expect(choice).toMatchObject({ path: "/tasks/a~1b/input/kind", received: '"c"' });
  expect(choice!.message).toBe('expected "a" or "b"');
});
