import { describe, expect, it } from "vitest";
import { z } from "zod";
import { TuttiError } from "../../src/core/error.ts";
import { checkPlanV2 } from "../../src/core/plan-v2-check.ts";
import { type PlanBuilder, plan } from "../../src/define/plan.ts";
import { PlanOf } from "../../src/define/plan-of.ts";
import { PlanWriter } from "../../src/define/plan-writer.ts";
import { task } from "../../src/define/task.ts";
import { cel, orElse } from "../../src/define/words.ts";

const split = task("split", { output: z.object({ parts: z.array(z.object({ id: z.string(), text: z.string() })) }) });
const score = task("score", {
  input: z.object({ text: z.string(), place: z.number().optional() }),
  output: z.object({ score: z.number(), note: z.string().optional() }),
  retry: { attempts: 5 },
});
const praise = task("praise", {
  input: z.object({ mean: z.number().nullable() }),
  output: z.object({ said: z.string() }),
});
/** Of the whole language: what is not carried out yet is written all the same. */
const made = (build: (p: PlanBuilder) => unknown) => {
  const writer = new PlanWriter();
  writer.conclude(build(writer as unknown as PlanBuilder));
  writer.check("all");
  const { wire, text } = new PlanOf<unknown>(writer.draft);
  expect(JSON.parse(text)).toEqual(wire);
  return wire as unknown as { v: number; tasks: Record<string, Record<string, unknown>>; [field: string]: unknown };
};

describe("a plan that uses nothing new", () => {
  it("is one of version 1, with the same text as ever", () => {
    const { text } = plan((p) => {
      const { output } = p.task(split, {}, { priority: "low", timeout: "5s" });
      return p.task("join", { parts: output.parts[0]!.text, $expr: "data", x: { $ref: "data", default: 1 } });
    });
    expect(text).toBe(
      '{"v":1,"tasks":{"split":{"type":"split","input":{},"timeout":5000,"priority":"low"},' +
        '"join":{"type":"join","input":{"parts":{"$ref":"split#/parts/0/text"},"$expr":"data","x":{"$ref":"data","default":1}}}},"output":"join"}',
    );
  });
});

describe("a plan of version 2", () => {
  it("is written with all its options", () => {
    const wire = made((p) => {
      const first = p.task(split, {});
      const second = p.task(
        score,
        { text: "x" },
        {
          needs: [first],
          join: { quorum: "95%", within: "5s" },
          when: cel`size(${first.output.parts}) > ${2}`,
          retry: { delay: "1s", on: ["timeout"] },
          deadline: "1m",
          fallback: { type: praise, input: { mean: 0 } },
          optional: true,
          compensate: (own) => ({ type: "undo", input: { score: own.score } }),
          cache: { for: "1d", key: first.output.parts[0]!.id },
          limit: { key: "'site'", concurrency: 1, rate: "5/1m" },
          budget: { tokens: 100 },
          replan: { type: split, times: 2 },
          repeat: { until: (own) => cel`${own.score} > 0.5`, every: "10s", times: 3 },
          tags: ["a"],
        },
      );
      p.task(
        "after",
        { outcome: second.outcome, state: second.outcome.state },
        { fallback: { value: [1] }, replan: split },
      );
      p.finally("tidy", { first: first.outcome });
      p.join("settled");
    });
    expect(wire).toEqual({
      v: 2,
      tasks: {
        split: { type: "split", input: {} },
        score: {
          type: "score",
          input: { text: "x" },
          needs: ["split"],
          join: { quorum: "95%", within: "5s" },
          when: "size(split.parts) > 2",
          retry: { attempts: 5, delay: 1000, on: ["timeout"] },
          deadline: "1m",
          fallback: { type: "praise", input: { mean: 0 } },
          optional: true,
          compensate: { type: "undo", input: { score: { $ref: "score#/score" } } },
          cache: { for: "1d", key: { $ref: "split#/parts/0/id" } },
          limit: { key: "'site'", concurrency: 1, rate: "5/1m" },
          budget: { tokens: 100 },
          replan: { type: "split", times: 2 },
          repeat: { until: "score.score > 0.5", every: "10s", times: 3 },
          tags: ["a"],
        },
        after: {
          type: "after",
          input: { outcome: { $outcome: "score" }, state: { $expr: 'tasks["score"].state' } },
          fallback: { value: [1] },
          replan: "split",
        },
      },
      join: "settled",
      finally: { type: "tidy", input: { first: { $outcome: "split" } } },
    });
    expect(checkPlanV2(wire, { depth: 0, words: "all" })).toHaveProperty("plan");
  });

  it("has maps, whose inputs are made of their items", () => {
    const wire = made((p) => {
      const { output } = p.task(split, {});
      const mapped = p.map(score, { in: output.parts, concurrency: 2, reduce: { stats: "/score" } }, (item, index) => ({
        text: item.text,
        place: index,
      }));
      p.map(
        "pairs",
        { in: { a: [1, 2], b: p.task(split, {}).output.parts }, batch: 2, reduce: { type: praise } },
        (pairs) => pairs[0]!.b.id,
      );
      p.mapPlan({ in: [{ n: 1 }], join: "settled" }, (inner, item) => inner.task("one", { n: item.n }), {
        key: "plans",
      });
      p.task(praise, { mean: mapped.output.mean });
    });
    expect(wire.tasks).toMatchObject({
      score: {
        each: { in: { $ref: "split#/parts" }, concurrency: 2, reduce: { stats: "/score" } },
        input: { text: { $item: "/text" }, place: { $index: true } },
      },
      pairs: {
        each: { in: { a: [1, 2], b: { $ref: "split-2#/parts" } }, batch: 2, reduce: { type: "praise" } },
        input: { $item: "/0/b/id" },
      },
      plans: {
        each: { in: [{ n: 1 }], join: "settled" },
        plan: { v: 2, tasks: { one: { type: "one", input: { n: { $ref: "#/n" } } } }, output: "one" },
      },
      praise: { input: { mean: { $ref: "score#/mean" } } },
    });
    expect(wire.tasks.score).toMatchObject({ retry: { attempts: 5 } });
  });

  it("has plans inside, which are given an input", () => {
    const wire = made((p) => {
      const { output } = p.task(split, {});
      const inner = p.plan(
        { parts: output.parts },
        (q, input) => ({
          first: q.task(score, { text: input.parts[0]!.text }).output.score,
        }),
        { optional: true },
      );
      p.task("use", orElse(inner.output.first, null));
    });
    expect(wire.tasks.plan).toEqual({
      plan: {
        v: 2,
        tasks: { score: { type: "score", input: { text: { $ref: "#/parts/0/text" } }, retry: { attempts: 5 } } },
        output: { first: { $ref: "score#/score" } },
      },
      input: { parts: { $ref: "split#/parts" } },
      optional: true,
    });
    expect(wire.tasks.use).toEqual({ type: "use", input: { $ref: "plan#/first", default: null } });
  });

  it("waits for answers, messages, runs and times", () => {
    const wire = made((p) => {
      const asked = p.wait(
        {
          signal: "approve",
          ask: { what: "Publish?" },
          schema: z.object({ ok: z.boolean() }),
          from: ["ann"],
          within: "2d",
        },
        { fallback: { value: { ok: false } } },
      );
      p.task("publish", {}, { when: cel`${asked.output.ok}` });
      p.wait({ subject: "orders.*", match: "message.id == 5", within: 5 });
      p.wait({ run: p.task<{ run: string }>("begin", {}).output.run });
      p.wait({ for: "3d" }, { key: "pause" });
      p.wait({ until: "2030-01-01T00:00:00Z" });
    });
    expect(wire.tasks).toEqual({
      wait: {
        wait: {
          signal: "approve",
          ask: { what: "Publish?" },
          schema: { type: "object", properties: { ok: { type: "boolean" } }, required: ["ok"] },
          from: ["ann"],
          within: "2d",
        },
        fallback: { value: { ok: false } },
      },
      publish: { type: "publish", input: {}, when: "wait.ok" },
      "wait-2": { wait: { subject: "orders.*", match: "message.id == 5", within: 5 } },
      begin: { type: "begin", input: {} },
      "wait-3": { wait: { run: { $ref: "begin#/run" } } },
      pause: { wait: { for: "3d" } },
      "wait-4": { wait: { until: "2030-01-01T00:00:00Z" } },
    });
  });

  it("has an output that is made of references", () => {
    const wire = made((p) => {
      const one = p.task(score, { text: "" }, { when: "true" });
      return {
        score: orElse(one.output.score, 0),
        note: orElse(one.output.note, null),
        all: one.outcome,
        twice: cel`tasks["score"].state`,
      };
    });
    expect(wire.output).toEqual({
      score: { $ref: "score#/score", default: 0 },
      note: { $ref: "score#/note", default: null },
      all: { $outcome: "score" },
      twice: { $expr: 'tasks["score"].state' },
    });
  });

  it("keeps data that looks like its words as data", () => {
    const wire = made((p) => {
      p.task("t", { a: { $expr: "x" }, b: { $ref: "x", default: 1 }, c: { $ref: "x" } });
      p.wait({ for: 1 });
    });
    expect(wire.tasks.t!.input).toEqual({
      a: { $literal: { $expr: "x" } },
      b: { $literal: { $ref: "x", default: 1 } },
      c: { $literal: { $ref: "x" } },
    });
  });
});

describe("expressions", () => {
  const text = (build: (p: PlanBuilder) => unknown) => made((p) => void build(p)).tasks.x!.when;

  it("have references and values in them, as CEL writes them", () => {
    expect(
      text((p) => {
        const dashed = p.task<{ "a-b": { in: number[] } }>("my-task", {});
        const plain = p.task<{ n: number }>("plain", {});
        const named = p.task<{ n: number }>("input", {});
        const both = cel`${plain.output.n} > 1`;
        p.task(
          "x",
          {},
          {
            when: cel`${dashed.output["a-b"].in[0]!} == ${plain.output.n} || ${named.output.n} in ${[1, "a"]} && ${both} || ${plain.outcome.state} == ${"failed"}`,
          },
        );
      }),
    ).toBe(
      'tasks["my-task"].output["a-b"]["in"][0] == plain.n || tasks["input"].output.n in [1,"a"] && (plain.n > 1) || tasks["plain"].state == "failed"',
    );
  });

  it("of items name them", () => {
    const wire = made((p) => void p.map("t", { in: [{ n: 1 }] }, (item, index) => cel`${item.n} + ${index}`));
    expect(wire.tasks.t!.input).toEqual({ $expr: "item.n + index" });
  });
});

describe("what is wrong with it is said when it is made", () => {
  it.each<[string, (p: PlanBuilder) => unknown, string]>([
    [
      "an expression that names nobody",
      (p) => p.task("t", {}, { when: "nobody.x > 1" }),
      "/tasks/t/when: expected the key of another task",
    ],
    ["one that cannot be read", (p) => p.task("t", {}, { when: "1 +" }), "expected an expression in CEL"],
    ["an output that may be missing", (p) => p.task("t", {}, { when: "true" }), "/output: expected a default"],
    [
      "a quorum above what there is",
      (p) => void p.task("t", {}, { join: { quorum: 2 } }),
      "/tasks/t/join: expected a quorum",
    ],
    [
      "a retry of a wait",
      (p) => void p.wait({ for: 1 }, { retry: { attempts: 2 } }),
      "/tasks/wait/retry: expected no retry",
    ],
    [
      "an option that is not carried out yet",
      (p) => p.task("t", {}, { cache: { for: "1d" } }),
      "/tasks/t/cache: cache is not carried out by this version yet",
    ],
    [
      "one in a plan inside",
      (p) => void p.plan({}, (inner) => void inner.task("t", {}, { cache: { for: "1d" } })),
      "/tasks/plan/plan/tasks/t/cache: cache is not carried out by this version yet",
    ],
    ["a misspelt option", (p) => void p.task("t", {}, { wehn: "x" } as never), "did you mean when?"],
    ["a misspelt field of one", (p) => void p.task("t", {}, { limit: { kye: "x" } } as never), "did you mean key?"],
    [
      "an item outside its map",
      (p) => {
        let outside: unknown;
        p.map("m", { in: [1] }, (item) => {
          outside = item;
          return { item };
        });
        p.task("t", outside);
      },
      "/tasks/t/input/$item: expected $item only for the items of a map",
    ],
    [
      "a reference of the plan around",
      (p) => {
        const { output } = p.task(split, {});
        p.plan({}, (q) => void q.task("t", output.parts));
      },
      "belongs to another plan",
    ],
    [
      "finally twice",
      (p) => {
        p.finally("a", {});
        p.finally("b", {});
      },
      "expected p.finally once",
    ],
    ["a template without any reference", () => ({ a: 1 }), "expected its function to return"],
    [
      "a reference inside data that looks like a word",
      (p) => {
        const { output } = p.task(split, {});
        p.task("t", { $expr: output.parts });
        p.wait({ for: 1 });
      },
      "expected no reference inside data that looks like a word",
    ],
    [
      "a default of an outcome",
      (p) => void p.task("t", orElse(p.task("a", {}).outcome, 1)),
      "orElse: expected a reference to an output",
    ],
  ])("%s", (_, build, message) => {
    expect(() => plan(build as (p: PlanBuilder) => void)).toThrow(TuttiError);
    expect(() => plan(build as (p: PlanBuilder) => void)).toThrow(message);
  });
});
