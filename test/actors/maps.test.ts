import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import type { Tutti } from "../../src/app.ts";
import { TerminalError } from "../../src/core/error.ts";
import type { Json } from "../../src/core/json.ts";
import { worker } from "../../src/define/worker.ts";
import { tutti } from "../../src/tutti.ts";

type Fields = { readonly [field: string]: Json };
let atOnce = 0;
let most = 0;
const echo = worker("echo", { run: ({ input }) => input });
const score = worker("score", {
  input: z.object({ n: z.number() }),
  retry: { attempts: 1 },
  run: async ({ input: { n } }) => {
    most = Math.max(most, ++atOnce);
    await new Promise((resolve) => setImmediate(resolve));
    atOnce--;
    if (n < 0) throw new TerminalError(`${n} is below zero`);
    return { score: n };
  },
});

/** Writes how its items were grouped. */
const join = worker("join", {
  input: z.object({ items: z.array(z.object({ score: z.number().optional(), text: z.string().optional() })) }),
  run: ({ input: { items } }) => ({
    text: items.map(({ score, text }) => (text === undefined ? String(score) : `(${text})`)).join(" "),
  }),
});

/** Ends when it is aborted. */
const slow = worker("slow", {
  run: ({ signal }) => new Promise<null>((resolve) => signal.addEventListener("abort", () => resolve(null))),
});

let app: Tutti;
beforeAll(async () => {
  app = await tutti({ workers: [echo, score, slow, join] });
});
afterAll(() => app.stop());

const run = (tasks: Fields, rest: Fields = {}, input: Json = {}) =>
  app.run("plan", { plan: { v: 2, tasks, ...rest }, input }) as Promise<unknown>;
const scored = (each: Fields, more: Fields = {}) => ({
  type: "score",
  input: { n: { $item: "" } },
  each: { in: { $ref: "#/numbers" }, ...each },
  ...more,
});
const map = (each: Fields, numbers: Json, more: Fields = {}) =>
  run({ m: scored(each, more) }, { output: "m" }, { numbers });

describe("a map", () => {
  it("has a task for each item, and their outputs in order", async () => {
    await expect(map({}, [3, 1, 2])).resolves.toEqual([{ score: 3 }, { score: 1 }, { score: 2 }]);
  });

  it("over no items has succeeded", async () => {
    await expect(map({}, [])).resolves.toEqual([]);
    await expect(map({ reduce: { stats: "/score" } }, [])).resolves.toMatchObject({ count: 0, sum: 0, mean: null });
  });

  it.each<[string, Fields, Json]>([
    ["count", { reduce: { count: "/score" } }, 3],
    ["sum", { reduce: { sum: "/score" } }, 6],
    ["stats", { reduce: { stats: "/score" } }, { count: 3, sum: 6, mean: 2, std: Math.sqrt(2 / 3), min: 1, max: 3 }],
    ["collect", { reduce: { collect: "/score" } }, [3, 1, 2]],
    ["merge", { reduce: "merge" }, { score: 2 }],
  ])("is reduced by %s", async (_, each, expected) => {
    await expect(map(each, [3, 1, 2])).resolves.toEqual(expected);
  });

  it("is reduced by tasks of a type, in a tree, each of which takes at most so many outputs", async () => {
    const reduce = { type: "join", width: 2 };
    const numbers = [1, 2, 3, 4, 5];
    const handle = await app.submit("plan", {
      plan: {
        v: 2,
        tasks: { m: scored({ reduce }), after: { type: "echo", input: { $ref: "m#/text" } } },
        output: "after",
      },
      input: { numbers },
    } as never);
    expect(await handle.result()).toBe("((1 2) (3 4)) ((5))");
    const { tasks } = await handle.get();
    expect(tasks.filter(({ type }) => type === "join").map(({ task, state }) => `${task} ${state}`)).toEqual([
      "m/_reduce/r0 succeeded",
      "m/_reduce/r1 succeeded",
      "m/_reduce/r2 succeeded",
      "m/_reduce/r3 succeeded",
      "m/_reduce/r4 succeeded",
      "m/_reduce/r5 succeeded",
    ]);
    await expect(map({ reduce }, [])).resolves.toEqual({ text: "" });
    await expect(map({ reduce }, [7])).resolves.toEqual({ text: "7" });
    await expect(map({ reduce, join: "settled" }, [1, -1, 2])).resolves.toEqual({ text: "1 2" });
    await expect(map({ reduce, join: { quorum: 1 }, concurrency: 1 }, [-1, 5, 6])).resolves.toEqual({ text: "5" });
    await expect(map({ reduce: { type: "nobody" } }, [1])).rejects.toThrow("a task type that is registered");
  });

  it("goes over what a sibling made, or an expression, zipped and in batches", async () => {
    const list = { type: "echo", input: { $ref: "#/numbers" } };
    const over = (source: Fields, more: Fields = {}) => ({ type: "echo", each: { in: source, ...more } });
    const output = { a: { $ref: "a" }, b: { $ref: "b" }, c: { $ref: "c" } };
    await expect(
      run(
        {
          list,
          a: over({ $expr: "list.filter(n, n > 1)" }),
          b: {
            ...over({ x: { $ref: "list" }, y: ["a", "b", "c"] }),
            input: [{ $item: "/y" }, { $index: true }, { $ref: "#/more" }],
          },
          c: over({ $ref: "list" }, { batch: 2, reduce: "concat" }),
        },
        { output },
        { numbers: [1, 2, 3], more: 5 },
      ),
    ).resolves.toEqual({
      a: [2, 3],
      b: [
        ["a", 0, 5],
        ["b", 1, 5],
        ["c", 2, 5],
      ],
      c: [1, 2, 3],
    });
  });

  it("has as many items at once as it says", async () => {
    most = 0;
    await map(
      { concurrency: 2, reduce: "count" },
      Array.from({ length: 30 }, (_, n) => n),
    );
    expect(most).toBeLessThanOrEqual(2);
  });

  it("fails with its first item, or gives outcomes where its join bears that", async () => {
    await expect(map({}, [1, -1])).rejects.toThrow("-1 is below zero");
    await expect(map({ join: "settled" }, [1, -1])).resolves.toEqual([
      { state: "succeeded", output: { score: 1 } },
      { state: "failed", error: { kind: "terminal", name: "TerminalError", message: "-1 is below zero" } },
    ]);
    await expect(map({ join: { settled: { failures: 1 } }, reduce: { sum: "/score" } }, [1, -1, 2])).resolves.toBe(3);
    await expect(map({ join: { settled: { failures: 1 } } }, [1, -1, -2])).rejects.toThrow("below zero");
    await expect(
      map({ join: { quorum: 1 }, concurrency: 1, reduce: { collect: "/score" } }, [-1, 5, 6]),
    ).resolves.toEqual([5]);
  });

  it("is over within its time, with what is settled by then", async () => {
    const each = { in: [1, 2], join: { settled: true, within: "20ms" }, concurrency: 1 };
    const slow = { type: "slow", each, input: { n: { $item: "" } } };
    await expect(run({ m: slow }, { output: "m" })).resolves.toEqual([{ state: "abandoned" }, { state: "abandoned" }]);
  });

  it("is refused over what it cannot go over", async () => {
    await expect(map({}, 5)).rejects.toThrow("expected an array, or an object of arrays, received 5");
    await expect(map({ join: "any" }, [])).rejects.toThrow("each.join: expected a quorum of at most 0");
    await expect(map({ reduce: { sum: "/scroe" } }, [1])).rejects.toThrow("sum: expected a number at /scroe");
  });

  it("asks its condition for itself, or for each of its items", async () => {
    await expect(map({ reduce: "count" }, [1, 2, 3], { when: "item > 1 && index < 2" })).resolves.toBe(1);
    await expect(
      run(
        { m: scored({}, { when: "size(input.numbers) > 5" }) },
        { output: { m: { $outcome: "m" } } },
        { numbers: [1] },
      ),
    ).resolves.toEqual({ m: { state: "skipped" } });
  });

  it("may be of plans, which may have maps", async () => {
    const inner = { tasks: { m: { type: "echo", each: { in: { $ref: "#/list" } } } }, output: "m" };
    await expect(
      run(
        { m: { plan: inner, each: { in: { $ref: "#/lists" } } } },
        { output: "m" },
        { lists: [{ list: [1, 2] }, { list: [] }] },
      ),
    ).resolves.toEqual([[1, 2], []]);
  });

  it("has the labels of its items in the tree, and the tags of its tasks", async () => {
    const people = [{ id: "ada" }, { id: 7 }];
    const tasks = { m: { type: "echo", tags: ["people"], each: { in: { $ref: "#" }, key: "/id" } } };
    const handle = await app.submit("plan", { plan: { v: 2, tasks }, input: people });
    await handle.result();
    const views = (await handle.get()).tasks;
    expect(views.map(({ task, label, tags }) => [task, label, tags])).toEqual([
      ["-", undefined, undefined],
      ["m", undefined, ["people"]],
      ["m/0", "ada", undefined],
      ["m/1", "7", undefined],
    ]);
    await expect(run(tasks, {}, [{ id: 1 }, { id: "1" }])).rejects.toThrow("labels that are unique");
  });

  it("may be of plans that are sent, as they are or made of the item", async () => {
    const plan = { v: 2, tasks: { a: { type: "echo", input: { $ref: "#/n" } } }, output: "a" };
    const list = [1, 2].map((n) => ({ plan, input: { n } }));
    const m = { type: "plan", each: { in: { $ref: "#" } } };
    await expect(run({ m }, { output: "m" }, list)).resolves.toEqual([1, 2]);
    const one = { ...m, input: { plan: { $item: "/plan" }, input: { n: { $expr: "item.input.n + 1" } } } };
    await expect(run({ m: one }, { output: "m" }, list)).resolves.toEqual([2, 3]);
    const same = { ...m, input: { plan, input: { n: { $index: true } } } };
    await expect(run({ m: same }, { output: "m" }, list)).resolves.toEqual([0, 1]);
    await expect(run({ m }, { output: "m" }, [{ plan: 5 }])).rejects.toThrow("the plan is refused");
  });

  it("has its items in the tree", async () => {
    const handle = await app.submit("plan", { plan: { v: 2, tasks: { m: scored({}) } }, input: { numbers: [1, 2] } });
    await handle.result();
    const { tasks } = await handle.get();
    expect(tasks.map(({ task, state }) => `${task} ${state}`)).toEqual([
      "- succeeded",
      "m succeeded",
      "m/0 succeeded",
      "m/1 succeeded",
    ]);
  });
});
