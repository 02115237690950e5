import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { duration, formatDuration, parseDuration } from "../../src/core/duration.ts";

describe("parseDuration", () => {
  it.each([
    ["500ms", 500],
    ["30s", 30_000],
    ["5m", 300_000],
    ["1.5h", 5_400_000],
    ["7d", 604_800_000],
    ["1h30m", 5_400_000],
    ["1m5ms", 60_005],
    [" 250 ", 250],
    ["0", 0],
    [0, 0],
    [12.5, 12.5],
  ])("reads %j as %d ms", (text, expected) => {
    expect(parseDuration(text)).toBe(expected);
  });

  it.each([
    "",
    "soon",
    "-5s",
    "5 s",
    "s",
    "5s!",
    "1h 30m",
    "1.s",
    "5S",
    "9".repeat(400),
    `${"9".repeat(400)}s`,
    -1,
    Number.NaN,
    Infinity,
  ])("refuses %j", (value) => {
    expect(parseDuration(value)).toBeUndefined();
  });
});

describe("the schema", () => {
  it("turns durations into milliseconds", () => {
    expect(duration.parse("2s")).toBe(2000);
    expect(duration.parse(2)).toBe(2);
  });

  it.each(["soon", -1, {}, null, true])("says what it expected in place of %j", (value) => {
    const message = duration.safeParse(value).error?.issues.map((issue) => issue.message);
    expect(message).toEqual(["expected a duration such as 500ms, 30s, 5m, 1.5h or 7d, or a number of milliseconds"]);
  });
});

describe("formatDuration", () => {
  it.each([
    [0, "0ms"],
    [340.4, "340ms"],
    [999.6, "1.0s"],
    [1234, "1.2s"],
    [9960, "10s"],
    [59_400, "59s"],
    [59_999, "1m 0s"],
    [65_000, "1m 5s"],
    [3_599_999, "59m 59s"],
    [3_600_000, "1h 0m"],
    [90_061_000, "25h 1m"],
  ])("writes %d ms as %s", (ms, expected) => {
    expect(formatDuration(ms)).toBe(expected);
  });

  it("never overstates or understates by more than its last digit", () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1e9, noNaN: true }), (ms) => {
        const read = parseDuration(formatDuration(ms).replaceAll(" ", ""))!;
        expect(Math.abs(read - ms)).toBeLessThanOrEqual(
          ms < 999.5 ? 0.5 : ms < 9950 ? 50.001 : ms < 60_000 ? 500.001 : ms < 3.6e6 ? 1000 : 60_000,
        );
      }),
    );
  });
});
