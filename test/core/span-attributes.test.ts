import * as conventions from "@opentelemetry/semantic-conventions/incubating";
import { expect, test } from "vitest";
import { ATTRIBUTES, MODEL_ATTRIBUTES } from "../../src/core/span-attributes.ts";

test("what is not Tutti's own is a name of OpenTelemetry's semantic conventions", () => {
  const known = new Set<string>(Object.values(conventions).filter((value) => typeof value === "string"));
  const foreign = [...Object.values(ATTRIBUTES), ...Object.values(MODEL_ATTRIBUTES)].filter(
    (name) => !name.startsWith("tutti."),
  );
  expect(foreign.filter((name) => !known.has(name))).toEqual([]);
});
