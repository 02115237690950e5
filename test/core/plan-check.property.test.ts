import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { toPointer } from "../../src/core/json.ts";
import { plan as planSchema } from "../../src/core/plan.ts";
import { checkPlan } from "../../src/core/plan-check.ts";
import { dependenciesOf } from "../support/dependencies.ts";

/** Shrinking a counterexample of many names may take minutes; a few seconds make it small enough. */
fc.configureGlobal({ interruptAfterTimeLimit: 4000 });

interface StatedTask {
  type: string;
  input?: unknown;
  needs?: unknown[];
  [field: string]: unknown;
}
type Tasks = Record<string, StatedTask>;

const jsonValue = fc.jsonValue({ maxDepth: 2 }).filter((value) => !JSON.stringify(value).includes('"$'));
const policy = fc.record(
  {
    timeout: fc.constantFrom("30s", "1h30m", 250, 0),
    priority: fc.constantFrom("high", "normal", "low"),
    retry: fc.record(
      {
        attempts: fc.integer({ min: 1, max: 9 }),
        delay: fc.constantFrom("1s", 5),
        backoff: fc.constantFrom("constant", "linear"),
      },
      { requiredKeys: [] },
    ),
  },
  { requiredKeys: [] },
);
/** Names that read as numbers are moved to the front by JavaScript; edges do not care. */
const key = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9_-]{0,8}$/);

/** A plan without cycles: tasks wait only for those before them, in `needs` or by reference. Keys come in any order. */
const dag: fc.Arbitrary<Tasks> = fc
  .uniqueArray(key, { minLength: 1, maxLength: 12 })
  .chain((keys) =>
    fc.tuple(
      fc.constant(keys),
      fc.tuple(
        ...keys.map((_, index) =>
          fc.record({
            needs: fc.subarray(keys.slice(0, index)),
            refs: fc.array(fc.constantFrom("", "/a", "/a/0", "/~0~1"), { maxLength: index && 3 }),
            to: fc.array(fc.nat({ max: Math.max(0, index - 1) }), { minLength: 3, maxLength: 3 }),
            data: jsonValue,
            policy,
          }),
        ),
      ),
    ),
  )
  .map(([keys, parts]) =>
    Object.fromEntries(
      parts.map(({ needs, refs, to, data, policy }, index) => [
        keys[index]!,
        {
          type: "t",
          needs,
          input: { data, refs: refs.map((at, i) => ({ $ref: `${keys[to[i]!]}#${at}` })) },
          ...policy,
        },
      ]),
    ),
  );

const check = (tasks: unknown) => checkPlan({ tasks }, { depth: 0 });
const edgesOf = (tasks: Tasks, from: string) => dependenciesOf(tasks[from] as { type: string });

/** Whether `from` waits for `to`, directly or not. */
function reaches(tasks: Tasks, from: string, to: string): boolean {
  const seen = new Set([from]);
  for (const at of seen) for (const next of edgesOf(tasks, at)) seen.add(next);
  return from !== to && seen.has(to);
}

describe("checkPlan", () => {
  it("passes every plan without cycles, and reads it as the schema does", () => {
    fc.assert(
      fc.property(dag, (tasks) => {
        const checked = check(tasks);
        if ("problems" in checked) throw new Error(JSON.stringify(checked.problems));
        const { plan, keys, needsOf } = checked;
        expect(plan).toEqual(planSchema.parse({ tasks }));
        expect(keys).toEqual(Object.keys(tasks));
        const needs = keys.map((_, index) => needsOf(index).map((need) => keys[need]));
        expect(needs).toEqual(keys.map((key) => edgesOf(tasks, key)));
      }),
    );
  });

  it("names a true cycle for an edge that leads back", () => {
    fc.assert(
      fc.property(dag, fc.nat(), fc.nat(), fc.boolean(), (tasks, one, other, byReference) => {
        const keys = Object.keys(tasks);
        const [a, b] = [keys[one % keys.length]!, keys[other % keys.length]!];
        fc.pre(reaches(tasks, a, b));
        if (byReference) tasks[b]!.input = [tasks[b]!.input, { $ref: `${a}#/x` }];
        else tasks[b]!.needs!.push(a);
        const checked = check(tasks);
        const problems = "problems" in checked ? checked.problems : [];
        expect(problems.length).toBeGreaterThan(0);
        for (const { path, received } of problems) {
          const cycle = received!.split(" → ");
          expect(cycle.at(-1)).toBe(cycle[0]);
          expect(cycle.length).toBeGreaterThan(2);
          for (let i = 0; i + 1 < cycle.length; i++) expect(edgesOf(tasks, cycle[i]!)).toContain(cycle[i + 1]);
          expect(path.startsWith(`/tasks/${cycle.at(-2)}/`)).toBe(true);
        }
      }),
    );
  });

  const breaking =
    (fields: Partial<StatedTask>, ...places: string[]) =>
    (task: StatedTask) => {
      Object.assign(task, fields);
      return places;
    };
  const needing = (need: (self: string) => string) => (task: StatedTask, self: string) => [
    `/needs/${task.needs!.push(need(self)) - 1}`,
  ];
  /** Each breaks one task, and says at which pointers below it that must be told. */
  const defects: Record<string, (task: StatedTask, self: string) => string[]> = {
    "bad type": breaking({ type: "a b" }, "/type"),
    "unknown field": breaking({ when: "x" }, "/when"),
    "missing need": needing(() => "no such task"),
    "need of itself": needing((self) => self),
    "broken reference": breaking({ input: [{ "x~": { $ref: "nobody here#" } }] }, "/input/0/x~0/$ref"),
    "bad key and pointer": breaking({ input: { $ref: "nobody here#x" } }, "/input/$ref", "/input/$ref"),
    "bad timeout": breaking({ timeout: "soon" }, "/timeout"),
    "bad retry": breaking({ retry: { attempts: 0.5 } }, "/retry/attempts"),
    "bad priority": breaking({ priority: "urgent" }, "/priority"),
  };

  it("tells every defect, at its place, and nothing else", () => {
    const plans = dag.chain((tasks) =>
      fc.tuple(
        fc.constant(tasks),
        fc.dictionary(fc.constantFrom(...Object.keys(tasks)), fc.constantFrom(...Object.keys(defects)), {
          noNullPrototype: true,
          minKeys: 1,
        }),
      ),
    );
    fc.assert(
      fc.property(plans, ([tasks, broken]) => {
        const expected = Object.entries(broken).flatMap(([key, defect]) =>
          defects[defect]!(tasks[key]!, key).map((below) => toPointer(["tasks", key]) + below),
        );
        const checked = check(tasks);
        expect("problems" in checked && checked.problems.map((one) => one.path).sort()).toEqual(expected.sort());
      }),
    );
  });

  it("refuses whatever the schema refuses, and never throws", () => {
    const noise = fc.oneof(fc.jsonValue(), fc.constantFrom("a", "b", "t", 1, "1s", ["a"], { $ref: "a" }));
    const task = fc.oneof(
      fc.record(
        { type: noise, input: noise, needs: noise, timeout: noise, retry: noise, priority: noise },
        { requiredKeys: [] },
      ),
      fc.record({ type: fc.constant("t"), needs: noise }),
      noise,
    );
    const anything = fc.oneof(
      noise,
      fc.record(
        { v: noise, tasks: fc.dictionary(fc.oneof(key, fc.string()), task), output: noise },
        { requiredKeys: ["tasks"] },
      ),
    );
    fc.assert(
      fc.property(anything, (value) => {
        const checked = checkPlan(value, { depth: 0 });
        const parsed = planSchema.safeParse(value);
        if (!parsed.success) expect(checked).toHaveProperty("problems");
        else if ("plan" in checked) expect(checked.plan).toEqual(parsed.data);
        else expect(checked.problems.every((one) => /\/(needs|\$ref|output|input)/.test(one.path))).toBe(true);
      }),
      { numRuns: 500 },
    );
  });
});
