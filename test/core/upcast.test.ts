import { describe, expect, it } from "vitest";
import { EVENT_SCHEMAS, VERSION } from "../../src/core/event.ts";
import { plan } from "../../src/core/plan.ts";
import { NewerVersion, type Upcasters, upcast } from "../../src/core/upcast.ts";

/** As if: cancel's `why` became `reason` in version 2, and `by` an object in version 3; `due` changed in 2 only. */
const table: Upcasters = {
  version: 3,
  versionless: ["result"],
  steps: {
    cancel: {
      1: ({ why, ...rest }) => ({ ...rest, reason: why }),
      2: ({ by, ...rest }) => ({ ...rest, by: { name: by } }),
    },
    due: { 1: (body) => ({ ...body, what: "backoff" }) },
  },
};

describe("upcast", () => {
  it("takes a body through every step from its version on", () => {
    expect(upcast("cancel", { v: 1, why: "late", by: "ann" }, table)).toEqual({
      v: 3,
      reason: "late",
      by: { name: "ann" },
    });
    expect(upcast("cancel", { v: 2, reason: "late", by: "ann" }, table)).toEqual({
      v: 3,
      reason: "late",
      by: { name: "ann" },
    });
  });

  it("only counts up where a kind did not change", () => {
    expect(upcast("due", { v: 1, task: "a" }, table)).toEqual({ v: 3, task: "a", what: "backoff" });
    expect(upcast("due", { v: 2, task: "a" }, table)).toEqual({ v: 3, task: "a" });
    expect(upcast("ended", { v: 1, status: "failed" }, table)).toEqual({ v: 3, status: "failed" });
  });

  it("returns a current body itself, and changes none", () => {
    const current = { v: 3, reason: "x" };
    expect(upcast("cancel", current, table)).toBe(current);
    const old = Object.freeze({ v: 1, why: "x" });
    upcast("cancel", old, table);
    expect(old).toEqual({ v: 1, why: "x" });
  });

  it("reads an absent version as 1 where foreign workers may leave it out, and only there", () => {
    expect(upcast("result", { results: [] }, table)).toEqual({ v: 3, results: [] });
    const due = { task: "a" };
    expect(upcast("due", due, table)).toBe(due);
  });

  it("refuses a body newer than this build, by name", () => {
    expect(() => upcast("cancel", { v: 4 }, table)).toThrow(NewerVersion);
    expect(() => upcast("cancel", { v: 4 }, table)).toThrow("cancel of version 4: this build reads versions up to 3");
  });

  it.each([null, undefined, 5, "x", [], { v: "1" }, { v: 0 }, { v: 1.5 }, { v: null }])(
    "leaves %j to the schema",
    (body) => {
      expect(upcast("cancel", body, table)).toBe(body);
    },
  );
});

describe("today's table", () => {
  it("reads results and plans without a version", () => {
    expect(upcast("result", { results: [] })).toEqual({ v: VERSION, results: [] });
    expect(upcast("plan", { tasks: {} })).toEqual({ v: VERSION, tasks: {} });
  });

  it("gives what the schemas take", () => {
    expect(plan.safeParse(upcast("plan", { tasks: {} })).success).toBe(true);
    expect(EVENT_SCHEMAS.cancel.safeParse(upcast("cancel", { v: 1 })).success).toBe(true);
    expect(EVENT_SCHEMAS.cancel.safeParse(upcast("cancel", {})).success).toBe(false);
    expect(() => upcast("submitted", { v: VERSION + 1 })).toThrow(NewerVersion);
  });
});
