import { expect, test } from "vitest";
import { jsonIn } from "../../src/llm/json-text.ts";

test.each([
  ["plain", ' {"a": [1, {"b": 2}]}\n', [{ a: [1, { b: 2 }] }]],
  ["a plain value", "12", [12]],
  ["a fence", "```json\n[1]\n```", [[1]]],
  ["braces in strings", 'so: {"a": "} \\" {"} end', [{ a: '} " {' }]],
  ["several", 'first {"a":1} then [2]', [{ a: 1 }, [2]]],
  ["none", "nothing { here [", []],
  ["empty", "", []],
])("%s", (_, text, expected) => {
  expect([...jsonIn(text)]).toEqual(expected);
});

test("a long text of brackets takes no long time", () => {
  const startedAt = performance.now();
  expect([...jsonIn("{[".repeat(200_000))]).toEqual([]);
  expect(performance.now() - startedAt).toBeLessThan(5000);
});
