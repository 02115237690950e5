import { inspect } from "node:util";
import { describe, expect, it } from "vitest";
import { TuttiError } from "../../src/core/error.ts";
import { MAX_NESTING } from "../../src/core/json.ts";
import { resolveInput } from "../../src/core/reference.ts";
import { createReference, type Out, toWire } from "../../src/define/reference.ts";

type Loose = { readonly [field: string]: Loose } & { at(field: string): Loose };
const reference = (key = "a") => createReference(key) as unknown as Loose;

describe("a reference", () => {
  it("travels as $ref, with the fields that were reached as a JSON pointer", () => {
    expect(toWire(reference())).toEqual({ $ref: "a#" });
    expect(toWire(reference().x!.y!)).toEqual({ $ref: "a#/x/y" });
    const items = createReference("a") as Out<{ items: { id: string }[] }>;
    expect(toWire(items.items[3]!.id)).toEqual({ $ref: "a#/items/3/id" });
    expect(toWire({ deep: [{ in: reference().x }, 1] })).toEqual({ deep: [{ in: { $ref: "a#/x" } }, 1] });
  });

  it("escapes what a pointer needs escaped", () => {
    expect(toWire(reference()["a/b"]!["m~n"]!)).toEqual({ $ref: "a#/a~1b/m~0n" });
    const output = { "a/b": { "m~n": "found" } };
    expect(resolveInput(toWire(reference()["a/b"]!["m~n"]!) as never, () => output)).toBe("found");
  });

  it("reaches fields whose names mean something to JavaScript with .at()", () => {
    for (const field of ["then", "toJSON", "at", "constructor", "__proto__"])
      expect(toWire(reference().at(field))).toEqual({ $ref: `a#/${field}` });
    expect(toWire(reference().at("then").at("x").y)).toEqual({ $ref: "a#/then/x/y" });
  });

  it("reaches fields named like those of every object with a dot", () => {
    expect(toWire(reference().constructor!)).toEqual({ $ref: "a#/constructor" });
    expect(toWire(reference().toString as unknown as Loose)).toEqual({ $ref: "a#/toString" });
    expect(toWire(reference().length!)).toEqual({ $ref: "a#/length" });
  });

  it("can be awaited and returned from async functions: it is no promise", async () => {
    expect(reference().then).toBeUndefined();
    expect(toWire(await reference())).toEqual({ $ref: "a#" });
  });

  it("answers nothing to toJSON and to symbols", () => {
    expect(reference().toJSON).toBeUndefined();
    const bySymbol = reference() as unknown as Record<symbol, unknown>;
    for (const symbol of [Symbol.toStringTag, Symbol.asyncIterator, Symbol.for("anything")])
      expect(bySymbol[symbol]).toBeUndefined();
  });

  it("prints as what it is", () => {
    expect(inspect(reference().x)).toBe("{ '$ref': 'a#/x' }");
  });
});

describe("using a reference's content before there is any", () => {
  const summary = reference("part-1").summary as unknown as Record<string, number> & Iterable<unknown>;

  it.each<[string, () => unknown]>([
    ["text", () => `Summary: ${summary}`],
    ["concatenation", () => ["Summary:", summary].join(" ")],
    ["arithmetic", () => 1 + Number(summary)],
    ["comparison", () => (summary as unknown as number) > 5],
    ["iteration", () => [...summary]],
    ["destructuring", () => (([first]) => first)(summary)],
    ["spreading", () => ({ ...summary })],
    ["Object.keys", () => Object.keys(summary)],
    ["JSON.stringify", () => JSON.stringify({ summary: summary })],
    ["assignment", () => Object.assign(summary, { x: 1 })],
    ["deletion", () => Reflect.deleteProperty(summary, "x")],
  ])("%s throws, and says which reference and why", (_, use) => {
    expect(use).toThrow(TuttiError);
    expect(use).toThrow(
      "the reference part-1#/summary has no value until part-1 has succeeded: expected it as a value in another task's input, received a use of its content",
    );
  });
});

describe("toWire", () => {
  it("leaves data as it is, without undefined fields", () => {
    expect(toWire({ a: [1, "x", null, true], b: undefined, c: {} })).toEqual({ a: [1, "x", null, true], c: {} });
    expect(Object.keys(toWire({ b: undefined }) as object)).toEqual([]);
    expect(toWire(undefined)).toBeUndefined();
  });

  it("marks data that looks like a reference, so that it arrives untouched", () => {
    for (const data of [{ $ref: "#/definitions/x" }, { $literal: 5 }, { $ref: { $ref: "x" } }]) {
      const wire = toWire({ schema: data }) as never;
      expect(wire).toEqual({ schema: { $literal: data } });
      expect(resolveInput(wire, () => undefined)).toEqual({ schema: data });
    }
    expect(toWire({ $ref: "a", and: "more" })).toEqual({ $ref: "a", and: "more" });
  });

  it("refuses a reference inside data that looks like one", () => {
    expect(() => toWire({ $ref: [reference().x] })).toThrow(
      "expected no reference inside data of the one field $ref, received one to a#/x",
    );
  });

  it("leaves instances for the check that names them", () => {
    const date = new Date(0);
    expect(toWire({ date })).toEqual({ date });
  });

  it("keeps a field named __proto__ a field", () => {
    expect(JSON.stringify(toWire(JSON.parse('{"__proto__":{"x":1}}')))).toBe('{"__proto__":{"x":1}}');
  });

  it("refuses what is circular or nested too deep", () => {
    const circle: Record<string, unknown> = {};
    circle.self = circle;
    expect(() => toWire(circle)).toThrow(
      `expected an input nested at most ${MAX_NESTING} levels, received a deeper or circular one`,
    );
  });
});
