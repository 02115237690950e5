import { inspect } from "node:util";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { TuttiError } from "../../src/core/error.ts";
import { findNonJson, type Json, MAX_NESTING } from "../../src/core/json.ts";
import { checkPlan } from "../../src/core/plan-check.ts";
import { resolveInput } from "../../src/core/reference.ts";
import { type PlaceOptions, type PlanBuilder, plan } from "../../src/define/plan.ts";
import { PlanOf } from "../../src/define/plan-of.ts";
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
        p.task(upper, { text: "" }, { key, ...options } as PlaceOptions);
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
