import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { UsageError } from "../../src/cli/failure.ts";
import { readInput } from "../../src/cli/input.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "tutti-input-"));
});
afterAll(() => rm(folder, { recursive: true }));

const refusalOf = async (given: string, stdin?: Readable): Promise<UsageError> => {
  const error = await readInput(given, stdin).then(
    () => expect.fail("it was taken"),
    (refusal: unknown) => refusal,
  );
  expect(error).toBeInstanceOf(UsageError);
  return error as UsageError;
};

describe("--input", () => {
  it("is an empty object where none is given", async () => {
    expect(await readInput(undefined)).toEqual({});
  });

  it("takes JSON of any kind", async () => {
    expect(await readInput('{"text":"é"}')).toEqual({ text: "é" });
    expect(await readInput("[1, null]")).toEqual([1, null]);
    expect(await readInput('"words"')).toBe("words");
  });

  it("takes @FILE, a byte order mark before it or not", async () => {
    const path = join(folder, "input.json");
    await writeFile(path, '\ufeff{"a":1}');
    expect(await readInput(`@${path}`)).toEqual({ a: 1 });
  });

  it("takes - for standard input", async () => {
    expect(await readInput("-", Readable.from([Buffer.from('{"a"'), Buffer.from(":2}")]))).toEqual({ a: 2 });
  });

  it("says why a file cannot be read", async () => {
    expect((await refusalOf("@nowhere.json")).message).toBe(
      '--input @nowhere.json: cannot read "nowhere.json": no such file',
    );
    expect((await refusalOf(`@${folder}`)).message).toContain("it is a folder");
  });

  it("refuses what is no UTF-8", async () => {
    expect((await refusalOf("-", Readable.from([Buffer.from([0x22, 0xff, 0x22])]))).message).toBe(
      "standard input is not UTF-8 text",
    );
  });

  it.each([
    ['{"text": hello}', 1, 10],
    ['{"a":1,}', 1, 8],
    ['{\n  "a": 1\n  "b": 2\n}', 3, 3],
    ['{"a":', 1, 6],
    ["{'a':1}", 1, 2],
    ['{"a":1} x', 1, 9],
    ['{"a":"x\ny"}', 1, 8],
    ['"abc', 1, 5],
    ["", 1, 1],
    ["NaN", 1, 1],
    ["hello", 1, 1],
    ['{\r\n "a": tru }', 2, 7],
  ])("names the place where %j is no JSON", async (text, line, column) => {
    const refusal = await refusalOf("-", Readable.from([Buffer.from(text)]));
    expect(refusal.message).toContain(`standard input is not valid JSON, line ${line}, column ${column}: `);
    expect(refusal.details.path).toBe(`line ${line}, column ${column}`);
  });

  it.each(["9007199254740993", "1e400"])("refuses %s, which cannot be held, with its place", async (literal) => {
    const refusal = await refusalOf(`{"a":{"id":${literal}}}`);
    expect(refusal.message).toMatch(/^--input: \/a\/id: the .* send it as a text$/);
    expect(refusal.details).toEqual({ path: "/a/id", received: literal });
  });

  it("shows the place, also in a long line", async () => {
    const refusal = await refusalOf(`{"long":"${"x".repeat(200)}", y}`);
    const [shown, caret] = refusal.excerpt;
    expect(shown!.length).toBeLessThanOrEqual(76);
    expect(shown![caret!.indexOf("^")]).toBe("y");
  });
});
