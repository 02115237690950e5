import { describe, expect, it } from "vitest";
import { foldText } from "../../src/cli/fold-text.ts";

describe("folding a text", () => {
  it("breaks lines between words only", () => {
    expect(foldText("the server said no to page 3", 12)).toEqual(["the server", "said no to", "page 3"]);
  });

  it("indents what follows, and counts the indentation", () => {
    expect(foldText("error  no such page", 12, "       ")).toEqual(["error  no", "       such", "       page"]);
  });

  it("leaves a word whole that is longer than a line", () => {
    expect(foldText("at /a/long/path/to/a/file here", 10)).toEqual(["at", "/a/long/path/to/a/file", "here"]);
  });

  it("keeps line breaks, leading spaces and colours", () => {
    expect(foldText("one\n  two three", 8)).toEqual(["one", "  two", "  three"]);
    expect(foldText("\x1b[31mred\x1b[39m blue", 8)).toEqual(["\x1b[31mred\x1b[39m blue"]);
  });
});
