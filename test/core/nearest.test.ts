import { expect, it } from "vitest";
import { nearest } from "../../src/core/nearest.ts";

const TYPES = ["document", "extract", "summarize", "echo"];

it.each([
  ["documnet", "document"],
  ["Document", "document"],
  ["ehco", "echo"],
  ["sumarise", "summarize"],
  ["ecko", "echo"],
])("%s is near %s", (word, expected) => {
  expect(nearest(word, TYPES)).toBe(expected);
});

it.each(["translate", "x", ""])("%j is near none", (word) => {
  expect(nearest(word, TYPES)).toBeUndefined();
});
