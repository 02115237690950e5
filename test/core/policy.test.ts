import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { backoffMs, DEFAULT_RETRY, policy, type ResolvedRetry, resolveRetry } from "../../src/core/policy.ts";

const stated: fc.Arbitrary<ResolvedRetry> = fc.record({
  attempts: fc.constant(1000),
  backoff: fc.constantFrom("constant", "linear", "exponential"),
  delay: fc.integer({ min: 0, max: 100_000 }),
  maxDelay: fc.integer({ min: 0, max: 10_000_000 }),
});
const attempt = fc.integer({ min: 1, max: 1000 });
const growth = { constant: () => 1, linear: (n: number) => n, exponential: (n: number) => 2 ** (n - 1) };

describe("backoff", () => {
  it("is within 20 % of the delay as grown, and never above maxDelay", () => {
    fc.assert(
      fc.property(stated, fc.string(), attempt, (retry, run, n) => {
        const delay = Math.min(retry.delay * growth[retry.backoff](n), retry.maxDelay);
        const waited = backoffMs(retry, run, "task", n);
        expect(waited).toBeGreaterThanOrEqual(Math.floor(0.8 * delay));
        expect(waited).toBeLessThanOrEqual(Math.min(Math.ceil(1.2 * delay), retry.maxDelay));
        expect(Number.isInteger(waited)).toBe(true);
      }),
    );
  });

  it("never shrinks while it grows exponentially", () => {
    const retry = { ...DEFAULT_RETRY, delay: 100, maxDelay: Number.MAX_SAFE_INTEGER };
    fc.assert(
      fc.property(fc.string(), fc.integer({ min: 1, max: 30 }), (run, n) => {
        expect(backoffMs(retry, run, "t", n + 1)).toBeGreaterThan(backoffMs(retry, run, "t", n));
      }),
    );
  });

  it("is the same for the same attempt, on every machine and for ever", () => {
    const waits = [1, 2, 3, 4, 5, 6, 7, 8].map((n) => backoffMs(DEFAULT_RETRY, "run-1", "part-3/translate", n));
    expect(waits).toEqual([412, 882, 2057, 3867, 6826, 15943, 25383, 24380]);
  });

  it("spreads tasks that failed together, at maxDelay too", () => {
    for (const n of [1, 20]) {
      const waits = Array.from({ length: 1000 }, (_, i) => backoffMs(DEFAULT_RETRY, "run", `task-${i}`, n));
      expect(new Set(waits).size).toBeGreaterThan(150);
    }
  });
});

describe("resolveRetry", () => {
  it("takes each field from the first that states it, else the default", () => {
    expect(resolveRetry(undefined, { attempts: 7 }, { attempts: 9, delay: 0 })).toEqual({
      ...DEFAULT_RETRY,
      attempts: 7,
      delay: 0,
    });
    expect(resolveRetry()).toEqual(DEFAULT_RETRY);
  });
});

describe("the schema", () => {
  it("reads durations", () => {
    expect(policy.parse({ timeout: "1m", retry: { delay: "1s", maxDelay: 5 } })).toEqual({
      timeout: 60_000,
      retry: { delay: 1000, maxDelay: 5 },
    });
  });

  it.each([
    { retries: 3 },
    { retry: { attempts: 0 } },
    { retry: { attempts: 1.5 } },
    { priority: "urgent" },
    { retry: { delay: -1 } },
  ])("refuses %j", (value) => {
    expect(policy.safeParse(value).success).toBe(false);
  });
});
