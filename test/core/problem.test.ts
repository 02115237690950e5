import { describe, expect, it } from "vitest";
import { z } from "zod";
import { invalid } from "../../src/core/error.ts";
import { describeProblems, MAX_PROBLEMS, ProblemList, problemsOf, show } from "../../src/core/problem.ts";

describe("show", () => {
  it("writes JSON, cut at 80 characters", () => {
    expect(show({ a: [1, "x"] })).toBe('{"a":[1,"x"]}');
    expect(show(undefined)).toBe("nothing");
    expect(show("x".repeat(200))).toMatch(/^"x{78}…$/);
  });

  it("survives what is no JSON", () => {
    const circle: unknown[] = [];
    circle.push(circle);
    expect(show(circle)).toBe("an array that is not JSON");
    expect(show({ n: 1n })).toBe("an object that is not JSON");
    expect(show(5n)).toBe("5n");
    expect(show(Symbol("s"))).toBe("Symbol(s)");
  });
});

describe("problemsOf", () => {
  const schema = z.strictObject({
    text: z.string(),
    count: z.int().min(1).max(9),
    mode: z.enum(["fast", "slow"]).optional(),
    list: z.array(z.object({ "a/b": z.boolean() })).optional(),
  });
  const found = (value: unknown) => problemsOf(schema.safeParse(value).error!, value);

  it("says where, what was expected and what was received, of everything", () => {
    expect(
      found({ text: 5, count: 0, mode: "quick", list: [{ "a/b": true }, { "a/b": "no" }], txet: "x" }),
    ).toMatchObject([
      { path: "/text", expected: "string", received: "5" },
      { path: "/count", expected: "at least 1", received: "0" },
      { path: "/mode", expected: '"fast" or "slow"', received: '"quick"' },
      { path: "/list/1/a~1b", expected: "boolean", received: '"no"' },
      { path: "/txet", expected: "no such field", received: '"x"' },
    ]);
    expect(found({ count: 10 })).toMatchObject([
      { path: "/text", expected: "string", received: "nothing" },
      { path: "/count", expected: "at most 9" },
    ]);
    expect(found(null)).toMatchObject([{ path: "", expected: "object", received: "null" }]);
  });
});

describe("describeProblems", () => {
  it("is one line, of the first five", () => {
    const problems = Array.from({ length: 7 }, (_, i) => ({
      path: `/${i}`,
      message: "expected more",
      received: "less",
    }));
    expect(describeProblems(problems.slice(0, 1))).toBe("/0: expected more, received less");
    expect(describeProblems([{ path: "", message: "expected x, received y", received: "y" }])).toBe(
      "expected x, received y",
    );
    expect(describeProblems(problems)).toMatch(/^\/0: .*; \/4: expected more, received less; and 2 more$/);
  });
});

describe("ProblemList", () => {
  it("lists up to a hundred and counts the rest, without working them out", () => {
    const list = new ProblemList();
    for (let i = 0; i < MAX_PROBLEMS; i++) list.expected(`/${i}`, "x", i);
    expect(list.list()).toHaveLength(MAX_PROBLEMS);
    list.add(() => expect.fail("worked out"));
    list.add(() => expect.fail("worked out"));
    expect(list.count).toBe(MAX_PROBLEMS + 2);
    expect(list.list().slice(-2)).toMatchObject([
      { path: "/99", received: "99" },
      { path: "", message: "and 2 more problems" },
    ]);
  });
});

describe("invalid", () => {
  it("is a 400 that carries everything found wrong", () => {
    const problems = [
      { path: "/a", message: "expected x", expected: "x", received: "y" },
      { path: "/b", message: "bad" },
    ];
    expect(invalid("the plan", problems).toJSON()).toEqual({
      code: 400,
      message: "the plan: /a: expected x, received y; /b: bad",
      path: "/a",
      expected: "x",
      received: "y",
      problems,
    });
  });
});
