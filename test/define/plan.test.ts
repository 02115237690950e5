import { inspect } from "node:util";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { TuttiError } from "../../src/core/error.ts";
import { findNonJson, type Json, MAX_NESTING } from "../../src/core/json.ts";
import { checkPlan } from "../../src/core/plan-check.ts";
import { resolveInput } from "../../src/core/reference.ts";
import { type PlanBuilder, plan } from "../../src/define/plan.ts";
import { PlanOf } from "../../src/define/plan-of.ts";
import type { PlannedTaskOptions, TaskHandle } from "../../src/define/planned-options.ts";
import type { Out } from "../../src/define/reference.ts";
import { task } from "../../src/define/task.ts";

const upper = task("upper", { input: z.object({ text: z.string() }), output: z.object({ text: z.string() }) });
const join = task("join", {
  input: z.object({ parts: z.array(z.string()) }),
  timeout: "5s",
  retry: { attempts: 5, delay: "1s" },
  priority: "low",
});

describe("plan", () => {
  it("writes down what was placed, as it travels", () => {
    const made = plan((p) => {
      const parts = ["a", "b"].map((text, i) => p.task(upper, { text }, { key: `part-${i}` }));
      return p.task(join, { parts: parts.map((part) => part.output.text) });
    });
    expect(made).toBeInstanceOf(PlanOf);
    expect(made.wire).toEqual({
      v: 1,
      tasks: {
        "part-0": { type: "upper", input: { text: "a" } },
        "part-1": { type: "upper", input: { text: "b" } },
        join: {
          type: "join",
          input: { parts: [{ $ref: "part-0#/text" }, { $ref: "part-1#/text" }] },
          timeout: 5000,
          retry: { attempts: 5, delay: 1000 },
          priority: "low",
        },
      },
      output: "join",
    });
    expect(JSON.parse(made.text)).toEqual(made.wire);
    expect(checkPlan(JSON.parse(made.text), { depth: 0 })).toMatchObject({ plan: made.wire });
    expect(made.size).toBe(3);
    expect([...made.types]).toEqual(["upper", "join"]);
  });

  it("has the outputs of all children when its function returns nothing", () => {
    const made = plan((p) => {
      p.task(upper, { text: "a" });
    });
    expect(made.wire).not.toHaveProperty("output");
  });

  it("numbers the keys it makes, around those that are taken, the same every time", () => {
    const keys = () =>
      Object.keys(
        plan((p) => {
          p.task(upper, { text: "" });
          p.task(upper, { text: "" }, { key: "upper-2" });
          p.task(upper, { text: "" });
          p.task(upper, { text: "" });
          p.task("other", {});
        }).wire.tasks,
      );
    expect(keys()).toEqual(["upper", "upper-2", "upper-3", "upper-4", "other"]);
    expect(keys()).toEqual(keys());
  });

  it("names tasks that are needed without their output", () => {
    const { wire } = plan((p) => {
      const first = p.task(upper, { text: "" }, { key: "first" });
      p.task("last", {}, { needs: [first] });
    });
    expect(wire.tasks.last).toEqual({ type: "last", input: {}, needs: ["first"] });
  });

  it("lets the author state single fields of a policy over the type's own", () => {
    const { wire } = plan((p) => {
      p.task(join, { parts: [] }, { timeout: "1m", retry: { attempts: 1 } });
    });
    expect(wire.tasks.join).toMatchObject({ timeout: 60_000, retry: { attempts: 1, delay: 1000 }, priority: "low" });
  });

  it("says where an input is no JSON, and of all others has the text", () => {
    const odd = fc.constantFrom<unknown>(
      undefined,
      NaN,
      1n,
      Symbol("s"),
      new Date(0),
      () => 1,
      new Map(),
      new Array(1),
      Infinity,
    );
    const value = fc.letrec((tie) => ({
      any: fc.oneof(
        { weight: 6, arbitrary: fc.jsonValue() },
        { weight: 1, arbitrary: odd },
        { weight: 3, arbitrary: tie("array") },
        { weight: 3, arbitrary: tie("object") },
      ),
      array: fc.array(tie("any"), { maxLength: 3 }),
      object: fc.dictionary(fc.constantFrom("a", "$ref", "$literal", "__proto__"), tie("any"), { maxKeys: 2 }),
    })).any;
    fc.assert(
      fc.property(value, fc.boolean(), (input, isAlone) => {
        const made = plan((p) => {
          const first = p.task("odd", isAlone ? input : { input, first: true });
          return isAlone ? first : undefined;
        });
        const odd = made.findNonJson();
        const given = isAlone ? input : { input, first: true };
        expect(odd === undefined).toBe(given === undefined || findNonJson(given) === undefined);
        expect(odd).toBe(new PlanOf(made.wire).findNonJson());
        if (odd !== undefined) return;
        expect(made.text).toBe(new PlanOf(made.wire).text);
        const sent = JSON.parse(made.text).tasks.odd.input as Json | undefined;
        const nobody = () => expect.fail("there is no reference");
        expect(sent && resolveInput(sent, nobody)).toEqual(given && JSON.parse(JSON.stringify(given)));
      }),
    );
  });

  it("is equal to what is placed alike, and to no other", () => {
    const made = (key: string) => plan((p) => p.task("a", { x: 1 }, { key }));
    expect(made("one")).toEqual(made("one"));
    expect(made("one")).not.toEqual(made("another"));
    expect(JSON.parse(JSON.stringify(made("one")))).toEqual(made("one").wire);
    expect(inspect(made("one"), { depth: 5 })).toContain("one");
  });

  it("takes inputs nested as deep as any, beside literals too", () => {
    const deep = (levels: number): unknown => (levels === 0 ? 1 : [deep(levels - 1)]);
    for (const beside of [{}, { $ref: "x" }]) {
      const nested = (levels: number) =>
        plan((p) => {
          p.task("beside", beside);
          p.task("deep", deep(levels));
        });
      expect(nested(MAX_NESTING).findNonJson()).toBeUndefined();
      expect(() => nested(MAX_NESTING + 1)).toThrow("nested at most 500 levels");
    }
  });

  it("takes a type without input", () => {
    const { wire } = plan((p) => void p.task("ping", undefined));
    expect(wire.tasks.ping).toEqual({ type: "ping" });
  });

  it("takes 20,000 tasks in linear time", () => {
    const made = plan((p) => {
      const parts = Array.from({ length: 20_000 }, (_, i) => p.task(upper, { text: `${i}` }));
      return p.task(join, { parts: parts.map((part) => part.output.text) });
    });
    expect(Object.keys(made.wire.tasks)).toHaveLength(20_001);
    expect(made.wire.tasks["upper-20000"]).toEqual({ type: "upper", input: { text: "19999" } });
  });
});

describe("a plan that is wrong", () => {
  const placing =
    (key: string, options: object = {}) =>
    () =>
      plan((p) => {
        p.task(upper, { text: "" }, { key, ...options } as PlannedTaskOptions);
        p.task(upper, { text: "" }, { key: "taken" });
      });

  it.each([
    [
      "a bad key",
      placing("a/b"),
      'plan key "a/b": expected 1 to 64 characters of A-Z a-z 0-9 _ -, beginning with a letter or digit',
    ],
    ["a key twice", placing("taken"), 'plan key "taken" is taken: keys must be unique in a plan'],
    ["a bad timeout", placing("x", { timeout: "soon" }), 'plan key "x": /timeout: expected a duration such as 500ms'],
    ["a bad retry", placing("x", { retry: { attempts: 0 } }), 'plan key "x": /retry/attempts: '],
    [
      "an unknown option",
      placing("x", { timeuot: "5s" }),
      'plan key "x": /timeuot: expected no field of this name, received "5s"; did you mean timeout?',
    ],
    [
      "an unknown field of an option",
      placing("x", { retry: { atempts: 3 } }),
      'plan key "x": /retry/atempts: expected no field of this name, received 3; did you mean attempts?',
    ],
    [
      "a type that is none",
      () => plan((p) => p.task(undefined as unknown as string, {})),
      "plan: p.task: expected a contract or the name of a task type, received nothing",
    ],
    [
      "a need by its key",
      placing("x", { needs: ["taken"] }),
      'plan key "x": expected needs to be tasks placed with p.task(), received taken',
    ],
  ])("%s is refused, by name", (_, make, message) => {
    expect(make).toThrow(TuttiError);
    expect(make).toThrow(message);
  });

  it.each<[string, (p: PlanBuilder) => unknown, string]>([
    ["a promise", async (p) => p.task("t", {}), "a promise"],
    ["an array", (p) => [p.task("t", {})], "an array"],
    ["an output", (p) => p.task("t", {}).output, "an object that is none of them"],
    ["a task of another plan", (p) => ({ ...p.task("t", {}) }), "an object that is none of them"],
    ["a key", () => "t", "t"],
  ])("%s cannot be its output", (_, build, received) => {
    expect(() => plan(build as () => void)).toThrow(
      `plan: expected its function to return, at once, a task placed with p.task() or nothing, received ${received}`,
    );
  });
});

describe("a reference", () => {
  const known = task("known", {
    output: z.object({
      text: z.string(),
      flag: z.boolean(),
      note: z.string().optional(),
      by: z.object({ name: z.string() }).nullable(),
      parts: z.array(z.object({ title: z.string() })),
      mode: z.enum(["a", "b"]).default("a"),
      any: z.unknown(),
    }),
  });
  const use = (build: (p: PlanBuilder) => unknown) => () => plan(build as (p: PlanBuilder) => void);

  it("may lead to whatever the contract promises, and below what it leaves open", () => {
    const { wire } = plan((p) => {
      const { output } = p.task(known, {});
      p.task("all", [
        output.text,
        output.by,
        output.parts[3]!.title,
        output.mode,
        (output.any as Out<{ x: string }>).x,
      ]);
    });
    expect(wire.tasks.all?.input).toEqual(
      ["text", "by", "parts/3/title", "mode", "any/x"].map((pointer) => ({ $ref: `known#/${pointer}` })),
    );
  });

  it.each<[string, (p: PlanBuilder) => unknown, string]>([
    [
      "that is not there",
      (p) => p.task("t", (p.task(known, {}).output as never as Record<string, unknown>).txet),
      'the reference known# has no field "txet" by its contract: expected one of its fields text, flag, note, by, parts, mode, any; did you mean text?',
    ],
    [
      "of text",
      (p) => p.task("t", (p.task(known, {}).output.text as never as string).length),
      'the reference known#/text has no field "length" by its contract: expected a use of the value as a whole',
    ],
    [
      "of an array that is no item",
      (p) => p.task("t", (p.task(known, {}).output.parts as never as unknown[]).map),
      'the reference known#/parts has no field "map" by its contract',
    ],
    [
      "that may be absent",
      (p) => p.task("t", { note: p.task(known, {}).output.note }),
      "the reference known#/note leads to a field that may be absent, and then the run would fail: expected a reference to a field that is always there; make the field required (or nullable) in the contract, refer to the object that holds it, or use orElse()",
    ],
    [
      "below what may be null",
      (p) => p.task("t", { name: p.task(known, {}).output.by.name }),
      "the reference known#/by/name leads to a field that may be absent",
    ],
  ])("to a field %s is refused when the plan is made", (_, build, message) => {
    expect(use(build)).toThrow(TuttiError);
    expect(use(build)).toThrow(message);
  });

  it("of another plan is refused, also where a sibling has the same key", () => {
    let elsewhere: TaskHandle<{ text: string }> | undefined;
    plan((p) => {
      elsewhere = p.task(upper, { text: "" });
    });
    const taking = use((p) => {
      p.task(upper, { text: "" });
      p.task("t", { text: elsewhere!.output.text });
    });
    expect(taking).toThrow("the reference upper#/text belongs to another plan: expected one to a task of this plan");
    const needing = use((p) => p.task("t", {}, { needs: [elsewhere!] }));
    expect(needing).toThrow("expected needs to be tasks placed with p.task(), received the task upper of another plan");
  });

  it.each<[string, (p: PlanBuilder, handle: { readonly output: Record<string, unknown> }) => unknown]>([
    ["if", (p, { output }) => void (output.flag ? p.task("t", {}) : undefined)],
    ["if, and again in the branch", (p, one) => void (one.output.flag ? p.task("t", one.output.flag) : undefined)],
    ["!", (p, { output }) => void (!output.flag || p.task("t", {}))],
    ["&&", (p, { output }) => void (output.flag && p.task("t", {}))],
    ["===", (_, { output }) => void (output.text === "x")],
    ["?, the output as a whole", (p, one) => void (one.output ? p.task("t", {}) : undefined)],
  ])("as the condition of %s is refused", (_, build) => {
    const made = use((p) => build(p, p.task(known, {}) as never));
    expect(made).toThrow(TuttiError);
    expect(made).toThrow(/^plan: the reference known#.* is read and no task's input takes it: it has no value while/);
  });
});
