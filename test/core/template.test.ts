import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Json } from "../../src/core/json.ts";
import { BrokenReference } from "../../src/core/reference.ts";
import { resolveTemplate, type TemplateValues, visitTemplate } from "../../src/core/template.ts";

const OUTPUTS: { readonly [key: string]: Json } = { a: { x: [1, { y: null }] }, b: "text" };
const values: TemplateValues = {
  output: (key) => (Object.hasOwn(OUTPUTS, key) ? OUTPUTS[key] : undefined),
  outcome: (key) => ({ state: Object.hasOwn(OUTPUTS, key) ? "succeeded" : "skipped" }),
  expression: (text) => `answer to ${text}`,
  input: { limit: 5 },
  item: { id: 7, tags: ["t"] },
  index: 3,
};
const resolve = (template: Json, from = values) => resolveTemplate(template, from);

describe("a template", () => {
  it.each<[Json, Json]>([
    [{ $ref: "a" }, OUTPUTS.a!],
    [{ $ref: "a#/x/1/y" }, null],
    [{ $ref: "a#/x/2", default: "none" }, "none"],
    [{ $ref: "gone", default: null }, null],
    [{ $ref: "gone", default: { $ref: "b" } }, "text"],
    [{ $ref: "#" }, { limit: 5 }],
    [{ $ref: "#/limit" }, 5],
    [{ $ref: "#/limits", default: 9 }, 9],
    [{ $outcome: "gone" }, { state: "skipped" }],
    [{ $expr: "a.x" }, "answer to a.x"],
    [{ $item: "" }, values.item!],
    [{ $item: "/tags/0" }, "t"],
    [{ $item: "/name", default: "unnamed" }, "unnamed"],
    [{ $index: true }, 3],
    [{ $literal: { $ref: "a" } }, { $ref: "a" }],
    [{ deep: [{ $ref: "b" }, 1, { plain: true }] }, { deep: ["text", 1, { plain: true }] }],
    [
      { $schema: "x", default: 1 },
      { $schema: "x", default: 1 },
    ],
  ])("%j", (template, expected) => {
    expect(resolve(template)).toEqual(expected);
  });

  it("fails where a reference leads nowhere and has no default", () => {
    for (const [template, what] of [
      [{ $ref: "gone#/x" }, "the reference gone#/x, in the output of gone, leads nowhere"],
      [{ $ref: "a#/z" }, "the reference a#/z, in the output of a, leads nowhere"],
      [{ $ref: "#/z" }, "the reference #/z, in the plan's input, leads nowhere"],
      [{ $item: "/z" }, "the item at /z leads nowhere"],
      [{ $ref: "gone", default: { $ref: "gone" } }, "the reference gone, in the output of gone, leads nowhere"],
    ] as const)
      expect(() => resolve(template)).toThrow(new BrokenReference(what));
  });

  it("shares what has no words, and leaves the template as it was", () => {
    const template = { same: { deep: [1, 2] }, other: [{ $ref: "b" }] };
    const before = structuredClone(template);
    const resolved = resolve(template) as typeof template;
    expect(resolved.same).toBe(template.same);
    expect(template).toEqual(before);
    const plain = { a: [1, { b: 2 }] };
    expect(resolve(plain)).toBe(plain);
  });

  it("is any JSON that has none of the words, and then it is itself", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        fc.pre(!JSON.stringify(value).includes('"$'));
        expect(resolve(value as Json)).toBe(value);
      }),
    );
  });
});

describe("what is seen of a template", () => {
  const seen = (template: Json) => {
    const all: string[] = [];
    visitTemplate(template, {
      found: (word, path) => all.push(`${path()} ${word.word}`),
      malformed: ({ at, expected }, path) => all.push(`${path()}${at}: ${expected}`),
      tooDeep: (path) => all.push(`${path()} too deep`),
    });
    return all;
  };

  it("is every word with its place, those of defaults included, and none inside $literal", () => {
    expect(
      seen({
        "a/b": [{ $ref: "a", default: { x: { $outcome: "b" } } }],
        c: { $expr: "a" },
        d: { $literal: { $ref: "no" } },
        e: { $item: "" },
        f: { $index: true },
      }),
    ).toEqual(["/a~1b/0 $ref", "/a~1b/0/default/x $outcome", "/c $expr", "/e $item", "/f $index"]);
  });

  it.each<[Json, string]>([
    [{ $ref: 5 }, '/$ref: the text "<key>#/pointer"'],
    [{ $ref: "a#x" }, "/$ref: nothing or a JSON pointer"],
    [{ $ref: "" }, '/$ref: a key, or "#"'],
    [{ $ref: "a", defualt: 1 }, "/defualt: nothing else beside $ref"],
    [{ $outcome: "a", default: 1 }, "/default: nothing else beside $outcome"],
    [{ $outcome: 1 }, "/$outcome: the key of a task"],
    [{ $expr: true }, "/$expr: an expression"],
    [{ $item: "name" }, "/$item: a JSON pointer"],
    [{ $index: 1 }, "/$index: true"],
    [{ $literal: 1, x: 2 }, "/x: nothing else beside $literal"],
    [{ $ref: "a", $expr: "b" }, "/$expr: nothing else beside $ref"],
  ])("is refused where it is malformed: %j", (template, expected) => {
    expect(seen(template)).toEqual([expect.stringContaining(expected)]);
  });

  it("ends at the depth that all data has", () => {
    let deep: Json = { $ref: "a" };
    for (let i = 0; i < 600; i++) deep = [deep];
    expect(seen(deep)).toEqual([expect.stringMatching(/too deep$/)]);
    expect(seen({ $literal: deep })).toEqual([" too deep"]);
  });
});
