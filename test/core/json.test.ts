import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  atPointer,
  decodeJson,
  encodeJson,
  findNonJson,
  isNestedDeeper,
  type Json,
  json,
  MAX_NESTING,
  toPointer,
} from "../../src/core/json.ts";

const nested = (levels: number): unknown => JSON.parse(`${"[".repeat(levels)}${"]".repeat(levels)}`);

describe("findNonJson", () => {
  it("finds nothing in JSON", () => {
    fc.assert(fc.property(fc.jsonValue(), (value) => findNonJson(value) === undefined));
  });

  it("lets the same object stand in two places, and optional fields be undefined", () => {
    const shared = { x: undefined, y: [1] };
    expect(findNonJson({ a: shared, b: [shared] })).toBeUndefined();
    expect(findNonJson(Object.create(null))).toBeUndefined();
  });

  it.each([
    [undefined, "$ is undefined; expected JSON"],
    [{ items: [0, { when: new Date(0) }] }, "$.items[1].when is a Date; expected a plain object"],
    [{ n: Number.NaN }, "$.n is NaN; JSON has only finite numbers"],
    [[-Infinity], "$[0] is -Infinity; JSON has only finite numbers"],
    [{ f: () => 1 }, "$.f is a function; expected JSON"],
    [{ s: Symbol("x") }, "$.s is a symbol; expected JSON"],
    [1n, "$ is a bigint; expected JSON"],
    [[1, undefined], "$[1] is undefined; expected JSON"],
    [new Map(), "$ is a Map; expected a plain object"],
  ])("says where and why: %#", (value, expected) => {
    expect(findNonJson(value)).toBe(expected);
  });

  it("finds cycles", () => {
    const circle: Record<string, unknown> = {};
    circle.down = [circle];
    expect(findNonJson(circle)).toBe("$.down[0] refers back to a value that contains it; JSON has no cycles");
  });

  it("refuses what is nested too deep to be walked", () => {
    expect(findNonJson(nested(MAX_NESTING))).toBeUndefined();
    expect(findNonJson(nested(MAX_NESTING + 1))).toContain("is nested deeper than 500 levels");
    expect(findNonJson(nested(100_000))).toContain("is nested deeper than 500 levels");
  });
});

describe("isNestedDeeper", () => {
  it("counts containers inside each other", () => {
    expect(isNestedDeeper(5, 0)).toBe(false);
    expect(isNestedDeeper([], 0)).toBe(true);
    expect(isNestedDeeper({ a: [{}] }, 3)).toBe(false);
    expect(isNestedDeeper({ a: 1, b: [{}] }, 2)).toBe(true);
    expect(isNestedDeeper(nested(100_000), 500)).toBe(true);
  });
});

describe("atPointer", () => {
  /** The examples of RFC 6901, section 5. */
  const document: Json = { foo: ["bar", "baz"], "": 0, "a/b": 1, "c%d": 2, "e^f": 3, " ": 7, "m~n": 8 };

  it.each([
    ["", document],
    ["/foo", ["bar", "baz"]],
    ["/foo/0", "bar"],
    ["/", 0],
    ["/a~1b", 1],
    ["/c%d", 2],
    ["/e^f", 3],
    ["/ ", 7],
    ["/m~0n", 8],
  ])("%j leads to what RFC 6901 says", (pointer, expected) => {
    expect(atPointer(document, pointer)).toEqual(expected);
  });

  it.each(["/no", "/foo/2", "/foo/-", "/foo/00", "/foo/length", "/foo/0/0", "/toString", "/__proto__", "foo", "x"])(
    "%j leads nowhere",
    (pointer) => {
      expect(atPointer(document, pointer)).toBeUndefined();
    },
  );

  it("follows what toPointer writes, whatever the names", () => {
    fc.assert(
      fc.property(fc.array(fc.string(), { maxLength: 4 }), fc.jsonValue(), (path, leaf) => {
        const whole = path.reduceRight<unknown>((inner, key) => Object.fromEntries([[key, inner]]), leaf);
        expect(atPointer(whole as Json, toPointer(path))).toEqual(leaf);
      }),
    );
  });
});

describe("encoding", () => {
  it("round-trips JSON, as UTF-8", () => {
    expect(decodeJson(encodeJson({ ä: "€😀" }))).toEqual({ ä: "€😀" });
    expect(encodeJson("ä")).toHaveLength(4);
  });

  it("tells bytes that are no JSON from bytes that are no text", () => {
    expect(() => decodeJson(new TextEncoder().encode("{"))).toThrow(SyntaxError);
    expect(() => decodeJson(new Uint8Array([0x22, 0xff, 0x22]))).toThrow(TypeError);
  });

  it("as a schema takes any value but undefined", () => {
    for (const value of [null, 0, "", [], {}]) expect(json.safeParse(value).success).toBe(true);
    expect(json.safeParse(undefined).error?.issues[0]?.message).toBe("expected a JSON value");
  });
});
