import { describe, expect, test } from "vitest";
import {
  attemptSpanId,
  formatTraceparent,
  parseTraceparent,
  taskSpanId,
  traceOf,
} from "../../src/telemetry/trace-context.ts";
import { attemptTraceparent } from "../../src/telemetry/tracing.ts";

const CALLER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

describe("traceparent", () => {
  test("reads what it writes", () => {
    expect(formatTraceparent(parseTraceparent(CALLER)!)).toBe(CALLER);
    expect(parseTraceparent(CALLER)).toEqual({
      traceId: "0af7651916cd43dd8448eb211c80319c",
      spanId: "b7ad6b7169203331",
      sampled: true,
    });
  });

  test.each([
    ["00", false],
    ["01", true],
    ["02", false],
    ["03", true],
  ])("of the flags %s only the lowest bit means sampled", (flags, sampled) => {
    expect(parseTraceparent(`${CALLER.slice(0, -2)}${flags}`)?.sampled).toBe(sampled);
  });

  test("a later version may say more", () => {
    expect(parseTraceparent(`cc${CALLER.slice(2)}-what-the-future-holds`)?.spanId).toBe("b7ad6b7169203331");
  });

  test.each([
    ["", "empty"],
    ["garbage", "no fields"],
    [`${CALLER}-more`, "too long for version 00"],
    [`ff${CALLER.slice(2)}`, "the version that does not exist"],
    [CALLER.toUpperCase(), "upper case"],
    [CALLER.slice(0, -1), "too short"],
    ["00-00000000000000000000000000000000-b7ad6b7169203331-01", "no trace id"],
    ["00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01", "no span id"],
  ])("%j is malformed: %s", (text) => {
    expect(parseTraceparent(text)).toBeUndefined();
  });
});

describe("the trace of a run", () => {
  test("has ids that are the same for ever", () => {
    expect(traceOf("run-1")).toEqual({
      traceId: "7a4838759ed737d194f468d4082ecc36",
      runSpanId: "f49dd6bc7092bec0",
      sampled: true,
    });
    expect(taskSpanId("run-1", "-")).toBe("b8c781de7c55cd8f");
    expect(taskSpanId("run-1", "part-3/translate")).toBe("eb99a9c00584e5fc");
  });

  test("is the caller's when there is one", () => {
    const own = traceOf("run-1");
    expect(traceOf("run-1", CALLER)).toEqual({
      traceId: "0af7651916cd43dd8448eb211c80319c",
      runSpanId: own.runSpanId,
      parentSpanId: "b7ad6b7169203331",
      sampled: true,
    });
    expect(traceOf("run-1", CALLER.replace(/01$/, "00")).sampled).toBe(false);
  });

  test("is its own when the caller's header is malformed", () => {
    expect(traceOf("run-1", "00-nonsense")).toEqual(traceOf("run-1"));
  });

  test("a task's message leads to the attempt's span", () => {
    expect(parseTraceparent(attemptTraceparent("run-1", "a/b", 1))).toEqual({
      traceId: traceOf("run-1").traceId,
      spanId: attemptSpanId("run-1", "a/b", 1),
      sampled: true,
    });
    expect(parseTraceparent(attemptTraceparent("run-1", "a/b", 1, CALLER))?.traceId).toBe(
      "0af7651916cd43dd8448eb211c80319c",
    );
    expect(attemptTraceparent("run-1", "a/b", 1, CALLER.replace(/01$/, "00"))).toMatch(/-00$/);
  });
});

test("ids differ where names do, and use all their bits", () => {
  const ids = new Set<string>();
  const ones = new Array<number>(64).fill(0);
  for (let i = 0; i < 20_000; i++) {
    const id = taskSpanId("run", `part-${i}`);
    expect(id).toMatch(/^[0-9a-f]{16}$/);
    ids.add(id);
    const bits = BigInt(`0x${id}`);
    for (let bit = 0; bit < 64; bit++) if ((bits >> BigInt(bit)) & 1n) ones[bit]!++;
  }
  expect(ids.size).toBe(20_000);
  // Six standard deviations (71) around a half.
  for (const count of ones) expect(Math.abs(count - 10_000)).toBeLessThan(430);
  expect(traceOf("a").runSpanId).not.toBe(taskSpanId("a", "-"));
  // A space cannot be part of a name, so no two pairs of run and task read alike.
  expect(taskSpanId("a", "b/c")).not.toBe(taskSpanId("a/b", "c"));
});
