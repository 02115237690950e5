import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { CheckedPlanV2 } from "../../src/core/checked-plan.ts";
import type { PlanCheckOptions } from "../../src/core/plan-check.ts";
import { kindOf, planV2 } from "../../src/core/plan-v2.ts";
import { checkAnyPlan, checkPlanV2 } from "../../src/core/plan-v2-check.ts";

type Tasks = Record<string, unknown>;

function check(tasks: Tasks, rest: object = {}, options: Partial<PlanCheckOptions> = {}): CheckedPlanV2 {
  const checked = checkPlanV2({ v: 2, tasks, ...rest }, { depth: 0, words: "all", ...options });
  if ("problems" in checked) expect.fail(JSON.stringify(checked.problems, null, 2));
  return checked;
}
function problemsOf(tasks: Tasks, rest: object = {}, options: Partial<PlanCheckOptions> = {}) {
  const checked = checkPlanV2({ v: 2, tasks, ...rest }, { depth: 0, words: "all", ...options });
  if ("plan" in checked) expect.fail("the plan passed");
  return checked.problems;
}
/** `{ path: expected }` */
const refusals = (tasks: Tasks, rest: object = {}, options: Partial<PlanCheckOptions> = {}) =>
  Object.fromEntries(problemsOf(tasks, rest, options).map(({ path, expected }) => [path, expected]));
/** What each task waits for, by keys; borne ones in brackets. */
const needs = ({ keys, needsOf, bears }: CheckedPlanV2) =>
  Object.fromEntries(
    keys.map((key, task) => [
      key,
      needsOf(task)
        .map((need) => (bears(task, need) ? `(${keys[need]})` : keys[need]!))
        .join(" "),
    ]),
  );
const t = { type: "t" };

const EXAMPLE = {
  split: { type: "split", input: { text: { $ref: "#/text" } } },
  score: {
    type: "score",
    each: { in: { $ref: "split#/parts" }, concurrency: 10, join: "settled", reduce: { stats: "/score" } },
    input: { part: { $item: "" } },
  },
  bright: { type: "praise", when: "score.mean > 0.5", input: { mean: { $ref: "score#/mean" } } },
  ask: {
    wait: { signal: "approve", ask: "Publish it?", schema: { type: "object", required: ["ok"] }, within: "2d" },
    fallback: { value: { ok: false } },
  },
  fast: { type: "search-a" },
  slow: { type: "search-b" },
  first: {
    type: "pick",
    needs: ["fast", "slow"],
    join: { quorum: 1, within: "5s" },
    input: { a: { $outcome: "fast" }, b: { $ref: "slow#/hit", default: null } },
  },
  publish: {
    type: "publish",
    when: "ask.ok",
    retry: { attempts: 2, on: ["retryable", "timeout"] },
    compensate: { type: "withdraw", input: { id: { $ref: "publish#/id" } } },
    limit: { key: "'site'", concurrency: 1, rate: "5/1m" },
  },
};
const EXAMPLE_END = {
  finally: { type: "tidy" },
  output: { mean: { $ref: "score#/mean" }, said: { $ref: "bright", default: null } },
};

describe("a plan of version 2", () => {
  const checked = check(EXAMPLE, EXAMPLE_END);
  const place = (key: string) => checked.keys.indexOf(key);

  it("is read: durations in milliseconds, all else as it was stated", () => {
    const { plan } = checked;
    expect(plan.v).toBe(2);
    expect(plan.tasks.ask!.wait!.within).toBe(172_800_000);
    expect(plan.tasks.first!.join).toEqual({ quorum: 1, within: 5000 });
    expect(plan.tasks.split).toBe(EXAMPLE.split);
    expect(plan.finally).toEqual({ type: "tidy" });
  });

  it("has its edges from input, needs and expressions; those of what comes later are none", () => {
    expect(needs(checked)).toEqual({
      split: "",
      score: "split",
      bright: "score",
      ask: "",
      fast: "",
      slow: "",
      first: "fast slow",
      publish: "ask",
    });
    expect(checked.isKept(place("publish"))).toBe(true);
    expect(checked.isKept(place("split"))).toBe(false);
  });

  it("knows its sinks, what its output names, and whether its input is used", () => {
    expect(checked.sinks.map((task) => checked.keys[task])).toEqual(["bright", "first", "publish"]);
    expect(checked.outputs.map(({ task, breaks }) => [checked.keys[task], breaks])).toEqual([
      ["score", true],
      ["bright", true],
    ]);
    expect(checked.usesInput).toBe(true);
    expect(checked.join).toEqual({ rule: "all" });
    expect(checked.joinOf(place("first"))).toEqual({ rule: "quorum", quorum: 1, withinMs: 5000 });
    expect([...checked.expressions.keys()]).toEqual(["score.mean > 0.5", "ask.ok", "'site'"]);
  });

  it("says itself which version it is: without one, or with 1, it means what it meant", () => {
    const options = { depth: 0 };
    const tasks = { a: t, b: { type: "t", input: { $ref: "a", default: 1 } } };
    for (const v of [undefined, 1]) {
      const old = checkAnyPlan({ ...(v && { v }), tasks }, options);
      expect(old).toMatchObject({ plan: { v: 1 } });
      if ("plan" in old) expect(old.needsOf(1)).toEqual([]);
    }
    const now = checkAnyPlan({ v: 2, tasks }, options);
    if ("plan" in now) expect(now.needsOf(1)).toEqual([0]);
    expect(checkAnyPlan({ v: 3, tasks }, options)).toHaveProperty("problems");
    expect(checkAnyPlan({ tasks: { a: { ...t, when: "true" } } }, options)).toHaveProperty("problems");
  });

  it("may have no tasks", () => {
    expect(check({})).toMatchObject({ keys: [], sinks: [], outputs: [] });
  });
});

describe("whom a task waits for", () => {
  it("is found in every place that is looked at before it starts", () => {
    const tasks = Object.fromEntries("abcdefghijklm".split("").map((key) => [key, t]));
    const checked = check({
      ...tasks,
      work: {
        ...t,
        needs: ["a"],
        input: [{ $ref: "b#/x" }, { $outcome: "c" }, { $expr: "d + tasks.e.output" }],
        when: "f && tasks['g'].state == 'succeeded'",
        limit: { key: "h", concurrency: 1 },
        cache: { for: "1d", key: { $ref: "i" } },
        repeat: { until: "work.done && j", times: 2 },
      },
      map: { ...t, each: { in: { x: { $ref: "k" }, y: [1, 2] } } },
      wait: { wait: { run: { $ref: "l#/run" } } },
      listen: { wait: { subject: "s", match: "message.id == m.id" } },
    });
    expect(needs(checked)).toMatchObject({
      work: "a b (c) d (e) f (g) h i j",
      map: "k",
      wait: "l",
      listen: "m",
    });
    expect(checked.isKept(checked.keys.indexOf("work")), "its own output, for repeat").toBe(true);
  });

  it("is nobody whom a fallback, an undo or the end names: their outputs are only kept", () => {
    const checked = check(
      {
        a: t,
        b: t,
        c: t,
        d: {
          ...t,
          fallback: { type: "f", input: { $ref: "a" } },
          compensate: { type: "u", input: [{ $ref: "d" }, { $ref: "b" }] },
        },
        e: { ...t, fallback: { value: { $ref: "c", default: 1 } } },
      },
      { finally: { type: "end", input: { $outcome: "e" } } },
    );
    expect(Object.values(needs(checked)).join("")).toBe("");
    expect(checked.keys.map((_, task) => checked.isKept(task))).toEqual([true, true, true, true, true]);
    expect(checked.sinks).toHaveLength(5);
  });

  it("bears a skip only if every mention does", () => {
    const one = (task: object) => needs(check({ a: t, b: { ...t, ...task } })).b;
    expect(one({ input: { $ref: "a", default: null } })).toBe("(a)");
    expect(one({ input: { $outcome: "a" } })).toBe("(a)");
    expect(one({ when: "tasks.a.state == 'skipped'" })).toBe("(a)");
    expect(one({ input: [{ $ref: "a", default: 1 }, { $ref: "a" }] })).toBe("a");
    expect(one({ needs: ["a"], input: { $ref: "a", default: 1 } })).toBe("a");
    expect(one({ when: "a.x > 1", input: { $outcome: "a" } })).toBe("a");
  });

  it("may be a cycle, which is refused", () => {
    expect(refusals({ a: { ...t, when: "b" }, b: { ...t, input: { $ref: "c" } }, c: { ...t, needs: ["a"] } })).toEqual({
      "/tasks/c/needs/0": "no cycle",
    });
    expect(refusals({ a: { ...t, when: "b.x" }, b: { ...t, input: { $outcome: "a" } } })).toEqual({
      "/tasks/b": "no cycle",
    });
  });
});

describe("names", () => {
  it("of nobody are refused with their place, and with a near one", () => {
    expect(
      refusals({
        score: t,
        b: {
          ...t,
          needs: ["b", 5, "scoer"],
          when: "scor.mean > 1",
          input: { x: { $ref: "scoree#/a" }, y: { $outcome: "b" }, z: [{ $expr: "1 + nobody" }] },
        },
      }),
    ).toEqual({
      "/tasks/b/needs/0": "the key of another task of this plan",
      "/tasks/b/needs/1": "the key of another task of this plan",
      "/tasks/b/needs/2": "the key of another task of this plan",
      "/tasks/b/when": expect.stringMatching(/at character 1\) \(did you mean score\?\)$/),
      "/tasks/b/input/x/$ref": '"<key>#/pointer" with the key of another task of this plan (did you mean score?)',
      "/tasks/b/input/y/$outcome": "the key of another task of this plan",
      "/tasks/b/input/z/0/$expr": expect.stringContaining("at character 5"),
    });
  });

  it("with a hyphen are no names of expressions, which the message shows", () => {
    const [first, second] = problemsOf({ "my-key": t, b: { ...t, when: "my-key.ok" } });
    expect(first).toMatchObject({ path: "/tasks/b/when", received: '"my"' });
    expect(second).toMatchObject({ path: "/tasks/b/when", received: '"key"' });
  });

  it("of items are known in maps alone, and of a message in a match", () => {
    const map = { ...t, each: { in: [1] } };
    check({
      a: {
        ...map,
        input: [{ $item: "" }, { $index: true }, { $expr: "item + index" }],
        when: "item > 1",
        limit: { key: "string(item)", concurrency: 1 },
        cache: { for: 1, key: { $item: "/id" } },
        fallback: { value: { $item: "" } },
        compensate: { type: "u", input: { $index: true } },
      },
    });
    expect(
      Object.keys(
        refusals({
          a: {
            ...t,
            input: [{ $item: "" }, { $index: true }, { $expr: "item" }],
            when: "index > 1",
            fallback: { value: { $item: "" } },
          },
        }),
      ),
    ).toEqual([
      "/tasks/a/input/0/$item",
      "/tasks/a/input/1/$index",
      "/tasks/a/input/2/$expr",
      "/tasks/a/when",
      "/tasks/a/fallback/value/$item",
    ]);
    expect(
      Object.keys(refusals({ a: { ...map, each: { in: { $expr: "item" } }, repeat: { until: "item", times: 2 } } })),
    ).toEqual(["/tasks/a/each/in/$expr", "/tasks/a/repeat/until"]);
    expect(refusals({ a: { ...t, when: "message" } })).toEqual({
      "/tasks/a/when": "message only in the match of a wait (at character 1)",
    });
  });

  it("of items in a condition make it one of each item", () => {
    const checked = check({
      a: { ...t, each: { in: [1] }, when: "item > 1" },
      b: { ...t, each: { in: [1] }, when: "true" },
      c: { ...t, each: { in: [1] } },
    });
    expect([0, 1, 2].map(checked.asksItems)).toEqual([true, false, false]);
  });
});

describe("kinds", () => {
  it("of the example are seen by its fields", () => {
    const { plan, keys } = check(EXAMPLE, EXAMPLE_END);
    expect(keys.map((key) => kindOf(plan.tasks[key]!)).join(" ")).toBe("work map work wait work work work work");
    expect(kindOf({ plan: { tasks: {} } })).toBe("plan");
  });

  it("are told by one field", () => {
    expect(
      refusals({ a: {}, b: { type: "t", plan: { tasks: {} } }, c: { wait: { for: 1 }, each: { in: [] } }, d: 5 }),
    ).toEqual({
      "/tasks/a": "exactly one of type, plan, wait",
      "/tasks/b": "exactly one of type, plan, wait",
      "/tasks/c/each": expect.stringContaining("no each beside wait"),
      "/tasks/d": expect.stringContaining("a task"),
    });
  });

  it("take no option that would mean nothing", () => {
    const attempt = {
      retry: { attempts: 2 },
      timeout: 1,
      priority: "low",
      cache: { for: 1 },
      limit: { key: "'x'", rate: "1/1s" },
    };
    const others = { input: 1, compensate: { type: "u" }, budget: { tasks: 1 }, replan: "p" };
    check({ a: { ...t, ...attempt, ...others } });
    check({
      a: {
        plan: { tasks: {} },
        ...others,
        deadline: 1,
        optional: true,
        fallback: { value: 1 },
        repeat: { until: "true", times: 2 },
      },
    });
    check({ a: { wait: { for: 1 }, deadline: 1, optional: true, when: "true", fallback: { value: 1 }, tags: ["x"] } });
    const at = (fields: object) =>
      Object.keys(fields)
        .map((field) => `/tasks/a/${field}`)
        .sort();
    for (const kind of [{ plan: { tasks: {} } }, { type: "start", input: { type: "t" } }])
      expect(Object.keys(refusals({ a: { ...kind, ...attempt } })).sort()).toEqual(at(attempt));
    expect(Object.keys(refusals({ a: { wait: { for: 1 }, ...attempt, ...others } })).sort()).toEqual(
      at({ ...attempt, ...others }),
    );
  });

  it("of waits are one each", () => {
    for (const wait of [
      { signal: "s", from: ["ann"], ask: { $ref: "#/question" } },
      { subject: "a.b", match: "message.ok" },
      { run: "r", within: 1 },
      { for: "3d" },
      { for: { $ref: "#/time" } },
      { until: "2030-01-01T00:00:00Z" },
    ])
      check({ a: { wait } });
    for (const wait of [
      {},
      { signal: "s", subject: "x" },
      { for: 1, within: 1 },
      { run: "r", ask: "?" },
      { signal: "a b" },
      { for: "soon" },
      { signal: "s", when: "x" },
    ])
      problemsOf({ a: { wait } });
  });

  it("of maps are read with their joins and reductions", () => {
    for (const each of [
      { in: [], reduce: "count" },
      { in: [], reduce: { stats: "/score" } },
      { in: [], reduce: { type: "combine", width: 20 }, batch: 20 },
      { in: [], key: "/id", concurrency: 1, join: { settled: { failures: "5%" } } },
    ])
      check({ a: { ...t, each } });
    for (const each of [
      {},
      { in: [], batch: 0 },
      { in: [], batch: 2, key: "/id" },
      { in: [], reduce: "mean" },
      { in: [], reduce: { sum: "score" } },
      { in: [], reduce: { sum: "", count: "" } },
      { in: [], reduce: { sum: "", width: 5 } },
      { in: [], join: "most" },
    ])
      problemsOf({ a: { ...t, each } });
  });
});

describe("plans inside", () => {
  it("are checked where they stand, with keys of their own", () => {
    const inside = {
      tasks: { x: t, y: { ...t, input: [{ $ref: "x" }, { $ref: "#/in" }] } },
      output: "y",
      join: { any: true, within: "1m" },
    };
    const checked = check({ a: t, b: { plan: inside, input: { in: { $ref: "a" } } } });
    expect(checked.innerOf(0)).toBeUndefined();
    const inner = checked.innerOf(1)!;
    expect(needs(inner)).toEqual({ x: "", y: "x" });
    expect(inner.usesInput).toBe(true);
    expect(checked.usesInput).toBe(false);
    expect(inner.join).toEqual({ rule: "quorum", quorum: 1, withinMs: 60_000 });
    expect(checked.plan.tasks.b!.plan).toBe(inner.plan);
    expect(
      refusals({ a: t, b: { plan: { v: 1, tasks: { x: { ...t, needs: ["a"], each: 1 }, z: { typ: 1 } } } } }),
    ).toMatchObject({
      "/tasks/b/plan/v": "2",
      "/tasks/b/plan/tasks/x/needs/0": "the key of another task of this plan",
      "/tasks/b/plan/tasks/x/each": expect.anything(),
      "/tasks/b/plan/tasks/z/typ": expect.stringContaining("did you mean type?"),
    });
  });

  it("count towards the limits of the tree", () => {
    const nested = (levels: number): object => (levels === 0 ? t : { plan: { tasks: { x: nested(levels - 1) } } });
    check({ a: nested(30) });
    expect(problemsOf({ a: nested(32) })).toHaveLength(1);
    expect(problemsOf({ a: nested(5000) })).toHaveLength(1);
    const limits = { tasks: 5, depth: 3 };
    check({ a: { plan: { tasks: { x: t, y: t } } }, b: t, c: t }, {}, { limits });
    expect(refusals({ a: { plan: { tasks: { x: t, y: t, z: t } } }, b: t, c: t }, {}, { limits })).toEqual({
      "/tasks/a/plan/tasks": "at most 5 tasks, those of plans inside included",
    });
    check({ a: { plan: { tasks: { x: { ...t, each: { in: [] } } } } } }, {}, { limits: { tasks: 9, depth: 3 } });
    expect(
      refusals({ a: { each: { in: [] }, plan: { tasks: { x: t } } } }, {}, { limits: { tasks: 9, depth: 2 } }),
    ).toEqual({
      "/tasks/a/plan/tasks": "no tasks deeper than level 2 of the tree",
    });
  });
});

describe("types", () => {
  const knows = (type: string) => type === "known";

  it("are looked up wherever one stands", () => {
    expect(
      Object.keys(
        refusals(
          {
            a: { type: "other" },
            b: { type: "known", fallback: { type: "f" }, compensate: { type: "c" }, replan: { type: "r" } },
            c: { type: "known", replan: "r", each: { in: [], reduce: { type: "x" } } },
            d: { type: "plan", input: { plan: { tasks: { e: { type: "other" } } } } },
            f: { type: "start", input: { type: "other" } },
          },
          { finally: { type: "end" } },
          { knows },
        ),
      ),
    ).toEqual([
      "/tasks/a/type",
      "/tasks/b/fallback/type",
      "/tasks/b/compensate/type",
      "/tasks/b/replan",
      "/tasks/c/replan",
      "/tasks/c/each/reduce/type",
      "/tasks/d/input/plan/tasks/e/type",
      "/tasks/f/input/type",
      "/finally/type",
    ]);
  });

  it("plan and start need no worker, and their inputs are checked", () => {
    check(
      {
        a: { type: "plan", input: { plan: { v: 2, tasks: {} }, input: 1 } },
        b: { type: "start", input: { type: "known", input: { $ref: "a" } } },
      },
      {},
      { knows },
    );
    check({ a: t, b: { type: "start", input: { $ref: "a" } }, c: { type: "plan", each: { in: { $ref: "a" } } } });
    expect(
      refusals({
        a: { type: "plan" },
        b: { type: "plan", input: { plan: { tasks: { x: {} } }, inptu: 1 } },
        c: { type: "start", input: { typ: "x" } },
      }),
    ).toEqual({
      "/tasks/a/input": "an object with plan, input",
      "/tasks/b/input/inptu": "one of the fields plan, input (did you mean input?)",
      "/tasks/b/input/plan/tasks/x/type": expect.stringContaining("a task type"),
      "/tasks/c/input/typ": "one of the fields type, input, run (did you mean type?)",
      "/tasks/c/input/type": "the type of the run that is started",
    });
  });

  it("plan has an input of its own: its references are not this plan's", () => {
    const sent = { tasks: { a: t, x: { ...t, input: { $ref: "a" } } } };
    expect(needs(check({ a: t, b: { type: "plan", input: { plan: sent, input: { $ref: "nobody" } } } }))).toEqual({
      a: "",
      b: "",
    });
  });
});

describe("joins", () => {
  it("that ask for more than there is are refused", () => {
    const asks = (join: unknown, count: number) => ({
      a: t,
      b: t,
      c: { ...t, needs: ["a", "b"].slice(0, count), join },
    });
    check(asks({ quorum: 2 }, 2));
    check(asks("any", 1));
    check(asks({ settled: { failures: 9 } }, 0));
    check(asks({ quorum: "95%" }, 0));
    expect(refusals(asks({ quorum: 3 }, 2))).toEqual({ "/tasks/c/join": "a quorum of at most 2, all that there are" });
    expect(refusals(asks("any", 0))).toEqual({ "/tasks/c/join": "a quorum of at most 0, all that there are" });
    check({ a: t, b: t }, { join: { quorum: 2 } });
    expect(refusals({ a: t, b: { ...t, needs: ["a"] } }, { join: { quorum: 2 } })).toEqual({
      "/join": "a quorum of at most 1, all that there are",
    });
  });
});

describe("an output", () => {
  const refused = (tasks: Tasks, output: unknown) => Object.keys(refusals(tasks, { output }));

  it("is a task of the plan, or a template", () => {
    check({ a: t }, { output: "a" });
    check({ a: t }, { output: { x: { $ref: "a#/y" }, all: { $outcome: "a" }, given: { $ref: "#" } } });
    expect(refused({ a: t }, "b")).toEqual(["/output"]);
    expect(refused({ a: t }, 5)).toEqual(["/output"]);
    expect(refused({ a: t }, { x: [{ $ref: "b" }], y: { $item: "" } })).toEqual([
      "/output/x/0/$ref",
      "/output/y/$item",
    ]);
  });

  it("of a task that may be skipped has a default", () => {
    const skippable = { a: t, b: { ...t, when: "a" } };
    expect(refused(skippable, "b")).toEqual(["/output"]);
    expect(refused(skippable, { x: { $ref: "b" } })).toEqual(["/output/x/$ref"]);
    expect(refused(skippable, { x: { $expr: "b.y" } })).toEqual(["/output/x/$expr"]);
    check(skippable, { output: { x: { $ref: "b", default: 1 }, y: { $outcome: "b" }, z: { $expr: "tasks.b.state" } } });
    expect(refused({ a: { ...t, optional: true } }, "a")).toEqual(["/output"]);
    check({ a: { ...t, each: { in: [1] }, when: "item > 1" } }, { output: "a" });
  });

  it.each([
    ["all", {}, true],
    ["all, borne", { input: { $ref: "b", default: 1 } }, false],
    ["settled", { join: "settled" }, false],
    ["any of two", { join: "any", needs: ["b", "a"] }, false],
    ["any of what may be skipped alone", { join: "any" }, true],
    ["a quorum of both", { join: { quorum: 2 }, needs: ["b", "a"] }, true],
  ])("is needed to have one where the skip spreads: %s", (_, more, spreads) => {
    const c = "input" in more ? { ...t, ...more } : { ...t, needs: ["b"], ...more };
    const tasks = { a: t, b: { ...t, when: "true" }, c, d: { ...t, needs: ["c"] } };
    if (spreads) expect(refused(tasks, "d")).toEqual(["/output"]);
    else check(tasks, { output: "d" });
  });

  it("of what needs an optional task may be absent as well, under all", () => {
    const tasks = (more: object) => ({ a: { ...t, optional: true }, b: { ...t, needs: ["a"], ...more } });
    expect(refused(tasks({}), "b")).toEqual(["/output"]);
    check(tasks({ join: "any" }), { output: "b" });
    check(tasks({ join: "settled" }), { output: "b" });
  });

  it("that is only an outcome does not make a failure the plan's", () => {
    const { outputs } = check(
      { a: t, b: t },
      { output: { a: { $outcome: "a" }, b: [{ $outcome: "b" }, { $ref: "b" }] } },
    );
    expect(outputs).toEqual([
      { task: 0, breaks: false },
      { task: 1, breaks: true },
    ]);
  });
});

describe("any JSON", () => {
  const word = fc.constantFrom(
    "v",
    "tasks",
    "type",
    "plan",
    "each",
    "wait",
    "input",
    "needs",
    "join",
    "when",
    "retry",
    "in",
    "for",
    "output",
    "a",
    "b",
    "$ref",
    "$expr",
    "$item",
    "default",
    "quorum",
    "finally",
  );
  const value = fc.letrec((tie) => ({
    any: fc.oneof(
      {
        weight: 3,
        arbitrary: fc.constantFrom<unknown>("a", "b", "t", "a > 1", "#/x", 1, 2, 0, null, true, "5s", "all"),
      },
      { weight: 1, arbitrary: fc.array(tie("any"), { maxLength: 3 }) },
      { weight: 3, arbitrary: fc.dictionary(word, tie("any"), { maxKeys: 5 }) },
    ),
  })).any;
  const task = fc.oneof(
    {
      weight: 2,
      arbitrary: fc.record(
        {
          type: fc.constant("t"),
          input: value,
          needs: fc.subarray(["a", "b"]),
          when: fc.constantFrom("true", "a.x", "b", "item"),
        },
        { requiredKeys: ["type"] },
      ),
    },
    { weight: 1, arbitrary: value },
  );

  it("is either read or refused; what is read is right by the schema, and reads again as the same", () => {
    fc.assert(
      fc.property(
        fc.record(
          { v: fc.constant(2), tasks: fc.dictionary(fc.constantFrom("a", "b", "c"), task), output: value },
          { requiredKeys: ["v", "tasks"] },
        ),
        (stated) => {
          const checked = checkPlanV2(stated, { depth: 0, words: "all" });
          if ("problems" in checked) {
            expect(checked.problems.length).toBeGreaterThan(0);
            return;
          }
          expect(planV2.safeParse(stated).success).toBe(true);
          expect(checked.plan).toEqual(planV2.parse(stated));
          const again = checkPlanV2(checked.plan, { depth: 0, words: "all" });
          expect("plan" in again && again.plan).toEqual(checked.plan);
        },
      ),
      { numRuns: 500 },
    );
  });

  it("of a hundred thousand tasks takes linear time, whatever its shape", () => {
    const size = 20_000;
    const fan = Object.fromEntries(
      Array.from({ length: size }, (_, i) => [`k${i}`, { type: "t", input: { n: i }, timeout: "1s" }]),
    );
    const join = {
      type: "t",
      input: Object.keys(fan).map((key) => ({ $ref: key })),
      join: { settled: { failures: "5%" } },
    };
    expect(check({ ...fan, join }).needsOf(size)).toHaveLength(size);
    const chain = Object.fromEntries(
      Array.from({ length: size }, (_, i) => [
        `k${i}`,
        i === 0 ? { type: "t", when: "true" } : { type: "t", input: { $ref: `k${i - 1}` } },
      ]),
    );
    expect(Object.keys(refusals(chain, { output: `k${size - 1}` }))).toEqual(["/output"]);
  });
});
