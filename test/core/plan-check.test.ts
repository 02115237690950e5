import { describe, expect, it } from "vitest";
import { MAX_NESTING } from "../../src/core/json.ts";
import { checkPlan, type PlanCheckOptions } from "../../src/core/plan-check.ts";
import { MAX_PROBLEMS } from "../../src/core/problem.ts";

const check = (value: unknown, options: Partial<PlanCheckOptions> = {}) => checkPlan(value, { depth: 0, ...options });

function problemsOf(value: unknown, options: Partial<PlanCheckOptions> = {}) {
  const checked = check(value, options);
  if ("plan" in checked) expect.fail("the plan passed");
  return checked.problems;
}

/** `{ path: received }`, for the tests that only ask where. */
const places = (value: unknown, options: Partial<PlanCheckOptions> = {}) =>
  Object.fromEntries(problemsOf(value, options).map((one) => [one.path, one.received]));

describe("a plan that is right", () => {
  it("is read: durations in milliseconds, version 1", () => {
    const stated = {
      tasks: {
        a: { type: "t", timeout: "30s", retry: { attempts: 2, delay: "1m", backoff: "linear" }, priority: "high" },
        b: { type: "t", input: { from: { $ref: "a#/x/0" } }, needs: ["a"] },
      },
      output: "b",
    };
    expect(check(stated)).toMatchObject({
      plan: {
        v: 1,
        tasks: {
          a: { type: "t", timeout: 30_000, retry: { attempts: 2, delay: 60_000, backoff: "linear" }, priority: "high" },
          b: { type: "t", input: { from: { $ref: "a#/x/0" } }, needs: ["a"] },
        },
        output: "b",
      },
    });
    expect(stated.tasks.a.timeout, "the plan as given is not touched").toBe("30s");
  });

  it("may have no tasks: a fan-out over nothing", () => {
    expect(check({ tasks: {} })).toMatchObject({ plan: { v: 1, tasks: {} }, keys: [] });
  });

  it("keeps the order of its tasks when some of them had to be read", () => {
    const checked = check({ tasks: { a: { type: "t" }, b: { type: "t", timeout: "1s" }, c: { type: "t" } } });
    expect("plan" in checked && Object.keys(checked.plan.tasks)).toEqual(["a", "b", "c"]);
  });

  it("may use the names of JavaScript's own properties as keys", () => {
    const tasks = { constructor: { type: "t" }, toString: { type: "t", needs: ["constructor"] } };
    expect(check({ tasks })).toMatchObject({ plan: { v: 1, tasks }, keys: ["constructor", "toString"] });
  });

  it("may need a sibling twice, by name and by reference", () => {
    expect(
      check({ tasks: { a: { type: "t" }, b: { type: "t", needs: ["a", "a"], input: { $ref: "a" } } } }),
    ).toHaveProperty("plan");
  });

  it("may hold references that are not meant as such inside $literal", () => {
    expect(check({ tasks: { a: { type: "t", input: { $literal: { $ref: "nobody#no" } } } } })).toHaveProperty("plan");
  });
});

describe("what is refused, and where", () => {
  it.each([null, 5, "plan", [], undefined])("%j is no plan", (value) => {
    expect(problemsOf(value)).toMatchObject([{ path: "", expected: "a plan: an object with tasks" }]);
  });

  it("names what was expected and what was received", () => {
    expect(problemsOf({ tasks: { a: { type: "t", needs: ["b"] } } })).toEqual([
      {
        path: "/tasks/a/needs/0",
        message: "expected the key of another task of this plan",
        expected: "the key of another task of this plan",
        received: '"b"',
      },
    ]);
  });

  it("unknown fields, versions and outputs", () => {
    expect(places({ v: 2, tasks: { a: { type: "t", inputs: 1 } }, output: "b", outptu: "a" })).toEqual({
      "/v": "2",
      "/tasks/a/inputs": '"inputs"',
      "/output": '"b"',
      "/outptu": '"outptu"',
    });
  });

  it("tasks that are missing or no object", () => {
    expect(places({})).toEqual({ "/tasks": "nothing" });
    expect(places({ tasks: [] })).toEqual({ "/tasks": "[]" });
    expect(places({ tasks: { a: null, b: "t" } })).toEqual({ "/tasks/a": "null", "/tasks/b": '"t"' });
  });

  it("bad names of tasks and types, with the pointer escaped", () => {
    expect(places({ tasks: { "a/b": { type: "t" }, "~": { type: "*" }, c: {} } })).toEqual({
      "/tasks/a~1b": '"a/b"',
      "/tasks/~0": '"~"',
      "/tasks/~0/type": '"*"',
      "/tasks/c/type": "nothing",
    });
  });

  it("a key __proto__, as JSON.parse gives it", () => {
    expect(places(JSON.parse('{"tasks":{"__proto__":{"type":"t"}}}'))).toEqual({ "/tasks/__proto__": '"__proto__"' });
  });

  it("unknown types, when it can tell", () => {
    const plan = { tasks: { a: { type: "known" }, b: { type: "other" } } };
    expect(places(plan, { knows: (type) => type === "known" })).toEqual({ "/tasks/b/type": '"other"' });
    expect(check(plan)).toHaveProperty("plan");
  });

  it("needs and references that lead to no sibling, or to the task itself", () => {
    const input = { x: [{ $ref: "a#/y" }, { "k/~": { $ref: "toString" } }], y: { $ref: "" } };
    expect(places({ tasks: { a: { type: "t", needs: ["a", 7, "b"], input } } })).toEqual({
      "/tasks/a/needs/0": '"a"',
      "/tasks/a/needs/1": "7",
      "/tasks/a/needs/2": '"b"',
      "/tasks/a/input/x/0/$ref": '"a#/y"',
      "/tasks/a/input/x/1/k~1~0/$ref": '"toString"',
      "/tasks/a/input/y/$ref": '""',
    });
  });

  it("malformed references", () => {
    const input = [{ $ref: "a#x" }, { $ref: "a#/~2" }, { $ref: 5 }, { $ref: "a#/~01" }, { $ref: "a#" }];
    expect(places({ tasks: { a: { type: "t" }, b: { type: "t", input } } })).toEqual({
      "/tasks/b/input/0/$ref": '"a#x"',
      "/tasks/b/input/1/$ref": '"a#/~2"',
      "/tasks/b/input/2/$ref": "5",
    });
  });

  it("needs that are no array", () => {
    expect(places({ tasks: { a: { type: "t" }, b: { type: "t", needs: "a", input: { $ref: "a" } } } })).toEqual({
      "/tasks/b/needs": '"a"',
    });
  });

  it("bad policies", () => {
    const a = { type: "t", timeout: "soon", priority: "urgent", retry: { attempts: 0, backoff: "wild", tries: 3 } };
    expect(places({ tasks: { a } })).toEqual({
      "/tasks/a/timeout": '"soon"',
      "/tasks/a/priority": '"urgent"',
      "/tasks/a/retry/attempts": "0",
      "/tasks/a/retry/backoff": '"wild"',
      "/tasks/a/retry/tries": "3",
    });
    for (const one of problemsOf({ tasks: { a } })) expect(one.expected, one.path).toBeTruthy();
  });

  it("each task of many that state the same bad policy", () => {
    expect(places({ tasks: { a: { type: "t", timeout: -1 }, b: { type: "t", timeout: -1 } } })).toEqual({
      "/tasks/a/timeout": "-1",
      "/tasks/b/timeout": "-1",
    });
  });

  it("too many tasks, and a tree too deep", () => {
    const limits = { tasks: 1, depth: 3 };
    const plan = { tasks: { a: { type: "t" }, b: { type: "t" } } };
    expect(problemsOf(plan, { limits })).toMatchObject([
      { path: "/tasks", expected: "at most 1 tasks in one plan", received: "2" },
    ]);
    expect(problemsOf({ tasks: { a: { type: "t" } } }, { limits, depth: 3 })).toMatchObject([
      { path: "/tasks", expected: "no tasks deeper than level 3 of the tree", received: "4" },
    ]);
    expect(check({ tasks: { a: { type: "t" } } }, { limits, depth: 2 })).toHaveProperty("plan");
  });

  it("an input nested too deep, of a depth that JSON.parse reads and recursion does not", () => {
    const nested = (levels: number) => JSON.parse(`${"[".repeat(levels)}${"]".repeat(levels)}`);
    const plan = (input: unknown) => ({ tasks: { a: { type: "t", input } } });
    expect(check(plan(nested(MAX_NESTING)))).toHaveProperty("plan");
    expect(problemsOf(plan(nested(MAX_NESTING + 1)))).toMatchObject([{ expected: "at most 500 levels of nesting" }]);
    expect(problemsOf(plan(nested(100_000)))).toHaveLength(1);
    expect(problemsOf(plan({ $literal: nested(100_000) }))).toMatchObject([{ path: "/tasks/a/input/$literal" }]);
  });

  it("all of a large plan that is all wrong, the rest counted", () => {
    const tasks = Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`t${i}`, { type: "t", needs: ["x"] }]));
    const problems = problemsOf({ tasks });
    expect(problems).toHaveLength(MAX_PROBLEMS + 1);
    expect(problems.at(-1)).toEqual({ path: "", message: "and 900 more problems" });
  });

  it("values that are no JSON, without throwing", () => {
    const circle: Record<string, unknown> = { type: "t", timeout: 1n };
    circle.retry = circle;
    expect(places({ tasks: { a: circle, b: 1n } })).toMatchObject({ "/tasks/a/timeout": "1n", "/tasks/b": "1n" });
  });
});

describe("cycles", () => {
  it("are named, at the place that closes them", () => {
    const tasks = {
      a: { type: "t", needs: ["z", "b"] },
      b: { type: "t", input: { x: { $ref: "c#/y" } } },
      c: { type: "t", input: [0, { $ref: "a" }] },
      z: { type: "t" },
    };
    expect(problemsOf({ tasks })).toEqual([
      {
        path: "/tasks/c/input/1/$ref",
        message: "expected no cycle, received a → b → c → a",
        expected: "no cycle",
        received: "a → b → c → a",
      },
    ]);
  });

  it("are all named, each once", () => {
    const tasks = {
      a: { type: "t", needs: ["b"], input: { $ref: "b" } },
      b: { type: "t", needs: ["a"], input: { $ref: "a" } },
      c: { type: "t", needs: ["d", "a"] },
      d: { type: "t", needs: ["c"] },
    };
    expect(problemsOf({ tasks }).map((one) => `${one.path}: ${one.received}`)).toEqual([
      "/tasks/b/needs/0: a → b → a",
      "/tasks/d/needs/0: c → d → c",
    ]);
  });

  it("of 100,000 tasks are found without recursion, and told in short", () => {
    const size = 100_000;
    const tasks = Object.fromEntries(
      Array.from({ length: size }, (_, i) => [`t${i}`, { type: "t", needs: [`t${(i + 1) % size}`] }]),
    );
    const [problem, ...others] = problemsOf({ tasks });
    expect(others).toEqual([]);
    expect(problem?.received).toMatch(/^t0 → t1 → .* → … 99980 more … → .* → t99999 → t0$/);
  });
});

describe("what a checked plan says a task waits for", () => {
  it("is its needs, then its references, each once, in order", () => {
    const input = { x: { $ref: "d#/1" }, y: [{ $ref: "a" }, { $ref: "b#" }], z: { $literal: { $ref: "e" } } };
    const free = { type: "t" };
    const checked = check({
      tasks: { a: free, b: free, last: { type: "t", needs: ["c", "a", "c"], input }, c: free, d: free },
    });
    if ("problems" in checked) throw new Error(JSON.stringify(checked.problems));
    expect(checked.keys.map((_, index) => checked.needsOf(index))).toEqual([[], [], [3, 0, 4, 1], [], []]);
  });
});
