import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { compileFilter, filtersOverlap, isFilter, isSubject } from "../../src/bus/subject-match.ts";
import { SubjectTree } from "../../src/bus/subject-tree.ts";

const token = fc.constantFrom("a", "b", "c");
const subject = fc.array(token, { minLength: 1, maxLength: 4 }).map((tokens) => tokens.join("."));
const filter = fc
  .tuple(fc.array(fc.oneof(token, fc.constant("*")), { maxLength: 3 }), fc.constantFrom("a", "*", ">"))
  .map(([tokens, last]) => [...tokens, last].join("."));

/** Every subject there is in the small world above, and some deeper ones that only `>` reaches. */
const everySubject = (function grow(depth: number): string[] {
  if (depth === 0) return [];
  const shorter = grow(depth - 1);
  return ["a", "b", "c"].flatMap((first) => [first, ...shorter.map((rest) => `${first}.${rest}`)]);
})(5);

test.each([
  ["a", true],
  ["a.b-c_1.$X", true],
  ["a.*", false],
  ["a.>", false],
  ["", false],
  ["a..b", false],
  [".a", false],
  ["a.", false],
  ["a b", false],
])("%j is a subject: %j", (name, expected) => expect(isSubject(name)).toBe(expected));

test.each([
  [">", true],
  ["*.a.>", true],
  ["a.>.b", false],
  ["a.b*", false],
  ["a..>", false],
])("%j is a filter: %j", (name, expected) => expect(isFilter(name)).toBe(expected));

describe("filters", () => {
  test("overlap exactly when some subject matches both", () => {
    fc.assert(
      fc.property(filter, filter, (one, other) => {
        const [matchesOne, matchesOther] = [compileFilter(one), compileFilter(other)];
        expect(filtersOverlap(one, other)).toBe(everySubject.some((s) => matchesOne(s) && matchesOther(s)));
      }),
    );
  });

  test("are found in a tree as they match one by one", () => {
    fc.assert(
      fc.property(fc.array(filter), fc.array(filter), subject, (kept, removed, asked) => {
        const tree = new SubjectTree<{ filter: string }>();
        const values = kept.map((filter) => ({ filter }));
        for (const value of values) tree.add(value.filter, value);
        for (const filter of removed) {
          const value = { filter };
          tree.add(filter, value);
          tree.remove(filter, value);
        }
        const expected = values.filter((value) => compileFilter(value.filter)(asked));
        expect(new Set(tree.match(asked))).toEqual(new Set(expected));
        expect(tree.first(asked)).toBe(tree.match(asked)[0]);
      }),
    );
  });
});
