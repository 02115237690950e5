import { describe, expect, it } from "vitest";
import { EVENT_SCHEMAS } from "../../src/core/event.ts";
import { plan } from "../../src/core/plan.ts";
import { NewerVersion, type Upcasters, upcast } from "../../src/core/upcast.ts";
import { VERSIONS } from "../../src/core/version.ts";

/** As if: cancel's `why` became `reason` in version 2, and `by` an object in version 3; `due` changed in 2 only. */
const table: Upcasters = {
  versions: { ...VERSIONS, cancel: 3, due: 2 },
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

  it("ends at the version of the kind, whatever others have come to", () => {
    expect(upcast("due", { v: 1, task: "a" }, table)).toEqual({ v: 2, task: "a", what: "backoff" });
    expect(upcast("due", { v: 2, task: "a" }, table)).toEqual({ v: 2, task: "a" });
  });

  it("leaves a body as it was written where a version only adds to the one before", () => {
    const adding: Upcasters = { ...table, steps: {} };
    const old = { v: 1, reason: "late" };
    expect(upcast("cancel", old, adding)).toBe(old);
  });

  it("returns a current body itself, and changes none", () => {
    const current = { v: 3, reason: "x" };
    expect(upcast("cancel", current, table)).toBe(current);
    const old = Object.freeze({ v: 1, why: "x" });
    upcast("cancel", old, table);
    expect(old).toEqual({ v: 1, why: "x" });
  });

  it("reads an absent version as 1 where foreign workers may leave it out, and only there", () => {
    expect(upcast("result", { results: [] }, table)).toEqual({ v: 1, results: [] });
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
    expect(upcast("result", { results: [] })).toEqual({ v: 1, results: [] });
    expect(upcast("plan", { tasks: {} })).toEqual({ v: 1, tasks: {} });
  });

  it("gives what the schemas take", () => {
    expect(plan.safeParse(upcast("plan", { tasks: {} })).success).toBe(true);
    expect(EVENT_SCHEMAS.cancel.safeParse(upcast("cancel", { v: 1 })).success).toBe(true);
    expect(EVENT_SCHEMAS.cancel.safeParse(upcast("cancel", {})).success).toBe(false);
    expect(() => upcast("submitted", { v: VERSIONS.submitted + 1 })).toThrow(NewerVersion);
  });
});
