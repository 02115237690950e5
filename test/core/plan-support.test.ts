import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { joinDetails } from "../../src/core/join.ts";
import { each, options, reduceDetails, wait } from "../../src/core/plan-options.ts";
import { PLAN_FIELDS, TASK_FIELDS } from "../../src/core/plan-v2.ts";
import { checkPlanV2 } from "../../src/core/plan-v2-check.ts";

/** Every word of the schema, as it is called here. */
const WORDS = [
  ...PLAN_FIELDS.map((field) => `plan: ${field}`),
  ...TASK_FIELDS,
  ...Object.keys(options.retry.unwrap().shape).map((field) => `retry.${field}`),
  ...Object.keys(each.shape).map((field) => `each.${field}`),
  ...Object.keys(wait.shape).map((field) => `wait.${field}`),
  ...Object.keys(reduceDetails.shape).map((field) => `each.reduce.${field}`),
  ...Object.keys(joinDetails.shape).map((field) => `join.${field}`),
];

const JOINS = "test/fold/joins.test.ts";
const PLANS = "test/actors/plan-v2.test.ts";
const UNDO = "test/actors/undo.test.ts";
const WAITS = "test/actors/waits.test.ts";
const ASKS = "asks, is listed, refuses what is not asked for, and gives the answer on";
const MAPS = "test/actors/maps.test.ts";
/** By which test each word holds that is carried out. */
const CARRIED_OUT: Readonly<Record<string, readonly [file: string, test: string]>> = {
  "plan: v": ["test/core/plan-v2-check.test.ts", "says itself which version it is"],
  "plan: tasks": [PLANS, "can be sent, is given an input, and returns what its output says"],
  "plan: output": [PLANS, "can be sent, is given an input, and returns what its output says"],
  "plan: finally": [UNDO, "runs what it says at its end, whatever happened"],
  "plan: join": [PLANS, "ends with the first of its sinks, and aborts the others"],
  type: [PLANS, "can be sent, is given an input, and returns what its output says"],
  plan: [JOINS, "starts when its join is met, is given what its input says, and gives its output on"],
  each: [MAPS, "has a task for each item, and their outputs in order"],
  input: [PLANS, "can be sent, is given an input, and returns what its output says"],
  needs: [JOINS, "asks for all, where it says nothing"],
  join: [PLANS, "goes on where it stood: joins, conditions, and what was abandoned"],
  when: [PLANS, "goes on where it stood: joins, conditions, and what was abandoned"],
  replan: [UNDO, "is changed where its plan breaks, at most as often as it says"],
  compensate: [UNDO, "is undone, latest first, before the run ends"],
  fallback: [UNDO, "takes the failure of a task: a value, or another task with a key of its own"],
  optional: [JOINS, "is neutral where it is optional"],
  retry: [PLANS, "has of its tasks the attempts and the time that they state"],
  deadline: [PLANS, "is over at the deadline of a task, whatever its attempts and its plan do"],
  timeout: [PLANS, "has of its tasks the attempts and the time that they state"],
  priority: [PLANS, "a plan of version 2 takes first what is urgent"],
  "retry.attempts": [PLANS, "has of its tasks the attempts and the time that they state"],
  "retry.on": [PLANS, "has those failures of a task tried again that it says, and no others"],
  "retry.backoff": ["test/core/policy.test.ts", "never shrinks while it grows exponentially"],
  "retry.delay": ["test/core/policy.test.ts", "is within 20 % of the delay as grown, and never above maxDelay"],
  "retry.maxDelay": ["test/core/policy.test.ts", "is within 20 % of the delay as grown, and never above maxDelay"],
  tags: [MAPS, "has the labels of its items in the tree, and the tags of its tasks"],
  "each.key": [MAPS, "has the labels of its items in the tree, and the tags of its tasks"],
  budget: ["test/actors/budgets.test.ts", "bounds what a part of a run uses, and says what it refused"],
  limit: ["test/actors/limits.test.ts", "by key holds for the tasks of plans that have the same"],
  "each.in": [MAPS, "goes over what a sibling made, or an expression, zipped and in batches"],
  "each.batch": [MAPS, "goes over what a sibling made, or an expression, zipped and in batches"],
  "each.concurrency": [MAPS, "has as many items at once as it says"],
  "each.join": [MAPS, "fails with its first item, or gives outcomes where its join bears that"],
  "each.reduce": [MAPS, "is reduced by %s"],
  "each.reduce.count": [MAPS, '["count", '],
  "each.reduce.sum": [MAPS, '["sum", '],
  "each.reduce.stats": [MAPS, '["stats", '],
  "each.reduce.collect": [MAPS, '["collect", '],
  "each.reduce.concat": [MAPS, "goes over what a sibling made, or an expression, zipped and in batches"],
  "each.reduce.merge": [MAPS, '["merge", '],
  wait: [WAITS, ASKS],
  repeat: [WAITS, "polls until what it finds is right, and says which round it is in"],
  "wait.signal": [WAITS, ASKS],
  "wait.ask": [WAITS, ASKS],
  "wait.schema": [WAITS, ASKS],
  "wait.from": [WAITS, ASKS],
  "wait.subject": [WAITS, "takes the first message that matches, from where it began"],
  "wait.match": [WAITS, "takes the first message that matches, from where it began"],
  "wait.run": [WAITS, "takes the end of another run: its output, or its failure"],
  "wait.within": ["test/fold/waits.test.ts", "fails as a timeout when its time is over"],
  "wait.for": [WAITS, "for a time succeeds when that has come"],
  "wait.until": [WAITS, "for a time succeeds when that has come"],
  "each.reduce.type": [MAPS, "is reduced by tasks of a type, in a tree"],
  "each.reduce.width": [MAPS, "is reduced by tasks of a type, in a tree"],
  "join.all": [JOINS, "fails the task as a timeout where it asks for all, or for a quorum"],
  "join.settled": [JOINS, "breaks above the failures that it tolerates"],
  "join.any": [JOINS, "starts with the first, and abandons what nothing waits for any more"],
  "join.quorum": [JOINS, "fails once a quorum cannot be reached any more, with the last failure as the cause"],
  "join.within": [JOINS, "counts from when the first of what it joins can start"],
};

const t = { type: "t" };
/** A task, or with `plan: ` a plan, that uses each word that is not carried out yet, and where it is refused. */
const REFUSED: Readonly<Record<string, readonly [stated: object, path?: string]>> = {
  cache: [{ ...t, cache: { for: "1d" } }],
};

const problemsOf = (plan: object) => {
  const checked = checkPlanV2({ v: 2, tasks: {}, ...plan }, { depth: 0 });
  return "problems" in checked ? checked.problems : [];
};

describe("every word of the plan language", () => {
  it.each(WORDS)("is carried out, which a test shows, or refused with its place: %s", (word) => {
    const refused = REFUSED[word];
    expect([word in CARRIED_OUT, refused !== undefined].filter(Boolean)).toHaveLength(1);
    if (!refused) {
      const [file, test] = CARRIED_OUT[word]!;
      expect(readFileSync(file, "utf8").includes(test), `${file}: ${test}`).toBe(true);
      return;
    }
    const [stated, path = `/${word}`] = refused;
    const isPlan = word.startsWith("plan: ");
    const at = isPlan ? path : `/tasks/a${path}`;
    const message = `${path.slice(1).replaceAll("/", ".")} is not carried out by this version yet`;
    expect(problemsOf(isPlan ? stated : { tasks: { a: stated } })).toEqual([{ path: at, message }]);
  });

  it("is known here", () => {
    expect(Object.keys({ ...CARRIED_OUT, ...REFUSED }).sort()).toEqual([...WORDS].sort());
  });
});

describe("what is not carried out yet", () => {
  it("is refused wherever it stands: in a plan inside, in one that is sent, among all other problems", () => {
    const inside = { tasks: { x: { ...t, cache: { for: "1d" } } } };
    const tasks = {
      a: { plan: inside },
      b: { type: "plan", input: { plan: { v: 2, ...inside } } },
      e: { ...t, cache: { for: "1d" }, needs: ["nobody"] },
    };
    expect(problemsOf({ tasks }).map(({ path }) => path)).toEqual([
      "/tasks/a/plan/tasks/x/cache",
      "/tasks/b/input/plan/tasks/x/cache",
      "/tasks/e/cache",
      "/tasks/e/needs/0",
    ]);
  });

  it("is read all the same where the whole language is asked for", () => {
    const tasks = Object.fromEntries(
      Object.entries(REFUSED).flatMap(([word, [stated]], index) =>
        word.startsWith("plan: ") ? [] : [[`t${index}`, stated]],
      ),
    );
    expect(checkPlanV2({ v: 2, tasks, finally: t }, { depth: 0, words: "all" })).toHaveProperty("plan");
  });
});
