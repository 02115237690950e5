import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeExact, findInexact, mayBeInexact, parseExact } from "../../src/core/exact-json.ts";
import { encodeText } from "../../src/core/json.ts";

describe("parseExact", () => {
  it.each([
    ['{"a":{"id":653247040368672768}}', "/a/id"],
    ["[[0,9007199254740993]]", "/0/1"],
    ["-9007199254740993", "the whole"],
    [" 123456789012345678901234567890 ", "the whole"],
    ['{"a/b~":[12345678901234567]}', "/a~1b~0/0"],
    ['{"n":1e400}', "/n"],
    ['{"n":-1E+999}', "/n"],
  ])("refuses %s with its place", (text, place) => {
    for (const read of [() => parseExact(text), () => decodeExact(encodeText(text))])
      expect(read).toThrow(expect.objectContaining({ message: expect.stringMatching(new RegExp(`^${place}: the `)) }));
  });

  it.each([
    "9007199254740991",
    "-9007199254740992",
    "1000000000000000000000",
    "653247040368672800",
    '"653247040368672768"',
    '{"653247040368672768":"1e400"}',
    "[0.1234567890123456789,1.5e300,1e21,1e-400]",
    '{"at":1764321600000}',
  ])("takes %s as JSON.parse does", (text) => {
    expect(parseExact(text)).toEqual(JSON.parse(text));
    expect(decodeExact(encodeText(text))).toEqual(JSON.parse(text));
  });

  it("throws a SyntaxError for what is not JSON, long digits or not", () => {
    expect(() => parseExact("{")).toThrow(SyntaxError);
    expect(() => parseExact("[653247040368672768")).toThrow(SyntaxError);
  });
});

describe("mayBeInexact", () => {
  it("overlooks no number that cannot be held, wherever it stands", () => {
    const number = fc.oneof(
      fc.bigInt({ min: -(10n ** 40n), max: 10n ** 40n }).map(String),
      fc.tuple(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 100, max: 999 })).map(([a, e]) => `${a}e${e}`),
    );
    fc.assert(
      fc.property(fc.string(), number, fc.string(), (before, literal, after) => {
        const text = JSON.stringify([before, "#", after]).replace('"#"', literal);
        if (findInexact(text).length > 0) expect(mayBeInexact(encodeText(text))).toBe(true);
      }),
    );
  });

  it("finds every integer that JSON.stringify would write as another", () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 70n), max: 2n ** 70n }), (integer) => {
        const written = JSON.stringify([Number(integer)]);
        if (!written.includes("e")) expect(findInexact(`[${integer}]`).length > 0).toBe(written !== `[${integer}]`);
      }),
    );
  });
});
