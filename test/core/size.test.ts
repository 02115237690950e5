import { describe, expect, it } from "vitest";
import { formatSize, parseSize } from "../../src/core/size.ts";

describe("a size", () => {
  it.each([
    ["512MiB", 512 * 2 ** 20],
    ["1.5 GB", 1.5e9],
    ["10gib", 10 * 2 ** 30],
    ["100B", 100],
    ["4096", 4096],
    [4096, 4096],
    ["0", 0],
  ])("%s is %d bytes", (text, bytes) => {
    expect(parseSize(text)).toBe(bytes);
  });

  it.each(["", "ten", "-1", "1e3", "10 XB", "MiB", Number.NaN, 1e30])("%s is none", (text) => {
    expect(parseSize(text)).toBeUndefined();
  });

  it.each([
    [0, "0 B"],
    [1023, "1023 B"],
    [1536, "1.5 KiB"],
    [3 * 2 ** 30, "3.0 GiB"],
  ])("%d reads %s", (bytes, text) => {
    expect(formatSize(bytes)).toBe(text);
  });
});
