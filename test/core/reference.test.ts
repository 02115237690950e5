import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Json } from "../../src/core/json.ts";
import {
  BrokenReference,
  eachReference,
  isPointer,
  parseReference,
  referenceIn,
  resolveInput,
} from "../../src/core/reference.ts";

const outputs: Record<string, Json> = { a: { x: [1, { y: null }], "k/~": 2 }, b: "text", c: false };
const resolve = (input: Json) => resolveInput(input, (key) => outputs[key]);

describe("parseReference", () => {
  it.each([
    ["a", "a", ""],
    ["a#", "a", ""],
    ["a#/x/0", "a", "/x/0"],
    ["a#/#/x", "a", "/#/x"],
    ["", "", ""],
  ])("%j is key %j and pointer %j", (text, key, pointer) => {
    expect(parseReference(text)).toEqual({ key, pointer });
  });

  it("isPointer knows pointers", () => {
    expect(["", "/", "/a/0", "/~0~1", "//"].filter((text) => !isPointer(text))).toEqual([]);
    expect(["a", "#", "/~", "/~2", "/a~"].filter(isPointer)).toEqual([]);
  });
});

describe("referenceIn", () => {
  it("takes for a reference only an object of nothing but $ref, as text", () => {
    expect(referenceIn({ $ref: "a#/x" })).toBe("a#/x");
    for (const other of [{ $ref: 5 }, { $ref: "a", more: 1 }, { ref: "a" }, {}, ["$ref"]])
      expect(referenceIn(other)).toBeUndefined();
  });
});

describe("eachReference", () => {
  it("tells every reference and the pointer to its place", () => {
    const input = {
      "p/~": [{ $ref: "a#/x" }, { deep: { $ref: "b" } }],
      data: { $ref: 5 },
      other: { $literal: { $ref: "c" } },
    };
    const found: string[] = [];
    eachReference(input, (text, path) => found.push(`${path()} ${text}`));
    expect(found).toEqual(["/p~1~0/0 a#/x", "/p~1~0/1/deep b"]);
  });
});

describe("resolveInput", () => {
  it("puts outputs, or parts of them, in place of references", () => {
    expect(
      resolve({ whole: { $ref: "b" }, parts: [{ $ref: "a#/x/1/y" }, { $ref: "a#/k~1~0" }, { $ref: "c#" }], kept: 1 }),
    ).toEqual({
      whole: "text",
      parts: [null, 2, false],
      kept: 1,
    });
    expect(resolve({ $ref: "a" })).toBe(outputs.a);
  });

  it("shares every part without references, and copies no more than it must", () => {
    const plain = { list: [1, { deep: true }] };
    const input = { plain, mixed: [plain, { $ref: "b" }] };
    const resolved = resolve(input) as unknown as typeof input;
    expect(resolved.plain).toBe(plain);
    expect(resolved.mixed[0]).toBe(plain);
    expect(input.mixed[1]).toEqual({ $ref: "b" });
    fc.assert(
      fc.property(
        fc.jsonValue().filter((value) => !JSON.stringify(value).includes('"$')),
        (value) => resolve(value as Json) === value,
      ),
    );
  });

  it("unwraps a literal and leaves what it holds alone", () => {
    expect(resolve({ x: { $literal: { $ref: "b" } } })).toEqual({ x: { $ref: "b" } });
    expect(resolve({ $literal: { $literal: 1 } })).toEqual({ $literal: 1 });
  });

  it("does not look for references in the outputs it puts in", () => {
    expect(resolveInput({ $ref: "evil" }, () => ({ $ref: "secret" }))).toEqual({ $ref: "secret" });
  });

  it("keeps a field named __proto__ a field", () => {
    const resolved = resolve(JSON.parse('{"__proto__":{"$ref":"b"},"x":1}'));
    expect(JSON.stringify(resolved)).toBe('{"__proto__":"text","x":1}');
  });

  it.each(["nobody", "a#/nope", "a#/x/9", "b#/0", "a#x"])("%s throws: it leads nowhere", (text) => {
    expect(() => resolve([{ $ref: text }])).toThrow(BrokenReference);
    expect(() => resolve([{ $ref: text }])).toThrow(
      `the reference ${text} leads nowhere in the output of ${text.split("#")[0]}`,
    );
  });
});
