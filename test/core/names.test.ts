import { describe, expect, it } from "vitest";
import { childOf, depthOf, isName, keyOf, name, parentOf, ROOT, taskId } from "../../src/core/names.ts";

describe("names", () => {
  it.each(["a", "0", "Part-3_x", "a".repeat(64), "constructor"])("%s is one", (text) => {
    expect(isName(text)).toBe(true);
    expect(name.safeParse(text).success).toBe(true);
  });

  it.each(["", "-", "_a", "a.b", "a b", "a/b", "a*", ">", "ä", "a\n", "a".repeat(65), "__proto__", 5, null])(
    "%j is none",
    (value) => {
      expect(isName(value)).toBe(false);
      expect(name.safeParse(value).success).toBe(false);
    },
  );
});

describe("task ids", () => {
  it("are paths of keys from the root", () => {
    expect(childOf(ROOT, "a")).toBe("a");
    expect(childOf("a/b", "c")).toBe("a/b/c");
    expect(keyOf("a/b/c")).toBe("c");
    expect(keyOf("a")).toBe("a");
  });

  it("lead back to the root, which has no parent", () => {
    expect(parentOf("a/b/c")).toBe("a/b");
    expect(parentOf("a")).toBe(ROOT);
    expect(parentOf(ROOT)).toBeUndefined();
  });

  it("have the depth of their path", () => {
    expect([ROOT, "a", "a/b", "a/b/c"].map(depthOf)).toEqual([0, 1, 2, 3]);
  });

  it("are the root or names joined by /", () => {
    for (const good of [ROOT, "a", "a/b-1/c_2"]) expect(taskId.safeParse(good).success, good).toBe(true);
    for (const bad of ["", "/", "a/", "/a", "a//b", "-/a", "a/-"])
      expect(taskId.safeParse(bad).success, bad).toBe(false);
  });
});
