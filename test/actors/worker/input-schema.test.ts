import { Ajv2020 } from "ajv/dist/2020.js";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { toInputSchema } from "../../../src/actors/worker/input-schema.ts";

const ajv = new Ajv2020({ strict: false, validateFormats: false });
const takes = (schema: z.ZodType, value: unknown) => {
  const { $schema: _, ...json } = toInputSchema(schema) as Record<string, unknown>;
  return ajv.validate(json, value);
};

/** Values that each schema takes, and that a plain reading of it would not. */
const TAKEN: Readonly<Record<string, readonly [schema: z.ZodType, ...values: unknown[]]>> = {
  "a coerced number": [z.object({ n: z.coerce.number().int().min(3) }), { n: "5" }, { n: 5 }, { n: true && "7" }],
  "a coerced string": [z.object({ text: z.coerce.string().min(2) }), { text: 55 }],
  "a coerced boolean": [z.coerce.boolean(), "yes", 0],
  "a coerced date": [z.object({ at: z.coerce.date() }), { at: "2030-01-01" }],
  "an optional coerced number": [z.object({ n: z.coerce.number().optional() }), { n: "5" }, {}],
  "a coerced number with a default": [z.object({ n: z.coerce.number().default(3) }), { n: "5" }, {}],
  "coerced items": [z.array(z.coerce.number()), ["1", 2]],
  "a coerced side of a union": [z.object({ x: z.union([z.coerce.number(), z.null()]) }), { x: "5" }],
  "a default": [z.object({ n: z.number().default(3), s: z.string().prefault("x") }), {}, { n: 5 }],
  "a caught value": [z.object({ n: z.number().catch(0) }), { n: "none" }],
  "a preprocessed value": [z.preprocess(String, z.string().min(1)), 5],
  "a transformed value": [z.object({ n: z.string().transform(Number).pipe(z.number()) }), { n: "5" }],
  "a codec": [z.codec(z.string(), z.number(), { decode: Number, encode: String }), "5"],
  "a trimmed string": [z.string().trim().max(3).regex(/^abc$/), "  abc   "],
  "a lowered string": [
    z
      .string()
      .toLowerCase()
      .regex(/^[a-z]+$/),
    "ABC",
  ],
  "a rounded number": [z.number().overwrite(Math.round).int(), 2.5],
  "keys that are trimmed": [z.record(z.string().trim().max(2), z.string()), { "  a ": "x" }],
  "a pattern with a flag": [z.string().regex(/^abc$/i), "ABC"],
  "a multiple of a fraction": [z.number().multipleOf(0.1), 0.3],
  "a recursive schema": [
    z.object({
      n: z.coerce.number(),
      get below() {
        return z.array(z.coerce.number()).optional();
      },
    }),
    { n: "1", below: ["2"] },
  ],
};

describe("the JSON Schema of an input", () => {
  it.each(Object.entries(TAKEN))("takes what the schema takes of %s", (_, [schema, ...values]) => {
    for (const value of values) {
      expect(schema.safeParse(value).success).toBe(true);
      expect(takes(schema, value)).toBe(true);
    }
  });

  it("refuses what the schema refuses, where JSON Schema can say it", () => {
    const schema = z.object({
      text: z.string().min(2),
      n: z.int().optional(),
      kind: z.enum(["a", "b"]),
      s: z.string().trim(),
    });
    const right = { text: "xy", kind: "a", s: "" };
    expect(takes(schema, right)).toBe(true);
    for (const wrong of [{ text: "x" }, { n: 1.5 }, { kind: "c" }, { text: undefined }, { s: 5 }])
      expect(takes(schema, JSON.parse(JSON.stringify({ ...right, ...wrong })))).toBe(false);
  });

  it("keeps what people and planners read", () => {
    const schema = z.object({ n: z.coerce.number().describe("How many.") });
    expect(toInputSchema(schema)).toMatchObject({ properties: { n: { description: "How many." } } });
  });
});
