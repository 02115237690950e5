import { expect, test } from "vitest";
import { type Sample, trendOf } from "./trend.ts";

const MB = 2 ** 20;
/** One sample every 10 s, of `bytesAt(minute)`. */
const samples = (minutes: number, bytesAt: (minute: number) => number): Sample[] =>
  Array.from({ length: minutes * 6 }, (_, i) => ({ at: i * 10_000, bytes: bytesAt(i / 6) }));

test("memory that scatters around a level is flat", () => {
  const trend = trendOf(samples(30, (minute) => 80 * MB + 6 * MB * Math.sin(minute * 13)));
  expect(trend.isFlat).toBe(true);
  expect(Math.abs(trend.grewBy)).toBeLessThan(2 * MB);
});

test("memory that grows by more than it scatters is not", () => {
  const trend = trendOf(samples(30, (minute) => 80 * MB + minute * MB + 6 * MB * Math.sin(minute * 13)));
  expect(trend.isFlat).toBe(false);
  expect(trend.bytesPerHour / MB).toBeCloseTo(60, -1);
});

test("a few samples that were taken in the middle of a large run do not make a trend", () => {
  const trend = trendOf(samples(10, (minute) => (minute > 9.4 ? 400 * MB : 80 * MB)));
  expect(trend).toMatchObject({ isFlat: true, grewBy: 0 });
});

test("memory that falls is flat", () => {
  expect(trendOf(samples(10, (minute) => (90 - minute) * MB)).isFlat).toBe(true);
});

test("a trend takes at least three samples", () => {
  expect(() => trendOf(samples(1, () => MB).slice(0, 2))).toThrow("a trend takes 3 samples, received 2");
});
