import fc from "fast-check";
import { expect, test } from "vitest";
import { isoTime } from "../../src/core/iso-time.ts";

const LATEST_MS = 8.64e15;

test("is what a Date says, of any two moments after each other", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: -LATEST_MS, max: LATEST_MS - 2000 }),
      fc.integer({ min: 0, max: 2000 }),
      (first, later) => {
        for (const ms of [first, first + later, first]) expect(isoTime(ms)).toBe(new Date(ms).toISOString());
      },
    ),
  );
});

test("leaves out what is below a millisecond", () => {
  for (const ms of [1_700_000_000_999.75, 0.5, -0.5, -1.5]) expect(isoTime(ms)).toBe(new Date(ms).toISOString());
});
