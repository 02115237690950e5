import { describe, expect, it } from "vitest";
import { compileExpression } from "../../src/core/expression.ts";
import { MOST_STEPS, type Values } from "../../src/core/expression-evaluation.ts";
import { MOST_CHARACTERS } from "../../src/core/expression-operators.ts";
import { ExpressionError } from "../../src/core/expression-syntax.ts";
import type { Json } from "../../src/core/json.ts";

const OUTPUTS: { readonly [key: string]: Json } = {
  score: { mean: 0.75, count: 4, parts: [1, 2, 3, 4] },
  user: { name: "Ada", roles: ["admin", "editor"], age: 36, none: null, nested: { deep: [{ x: 1 }, { x: 2 }] } },
  text: "Grüße, 世界 🎻",
  ok: true,
};
const OUTCOMES: { readonly [key: string]: Json } = {
  "my-key": { state: "succeeded", output: { hits: 3 } },
  lost: { state: "failed", error: { kind: "terminal", message: "gone" } },
};
const CONTEXT: { readonly [name: string]: Json } = {
  input: { limit: 2 },
  run: { id: "r1", tenant: "default", type: "t", priority: "normal", submittedAt: "2026-01-01T00:00:00Z" },
  item: { n: 5 },
  index: 3,
};
const own = (of: { readonly [key: string]: Json }, key: string): Json | undefined =>
  Object.hasOwn(of, key) ? of[key] : undefined;
const values: Values = {
  output: (key) => own(OUTPUTS, key),
  outcome: (key) => own(OUTCOMES, key) ?? { state: "blocked" },
  context: (name) => own(CONTEXT, name),
};

const evaluate = (text: string, from = values) => compileExpression(text).evaluate(from);
/** What is said of an expression that fails, and where. */
function failureOf(text: string, from = values): { message: string; at: number } {
  try {
    return expect.fail(`${text} gave ${JSON.stringify(evaluate(text, from))}`);
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error;
    return { message: error.message, at: error.at };
  }
}

describe("an expression", () => {
  it.each<[string, Json]>([
    ["score.mean > 0.5", true],
    ["score.count == 4", true],
    ["score.count + 1", 5],
    ["score.parts.size() == score.count", true],
    ["size(score.parts) * 1.5", 6],
    ["7 / 2", 3.5],
    ["-score.mean * 2", -1.5],
    ["5 % 3", 2],
    ["-5 % 3", -2],
    ["1 == 1.0", true],
    ['1 == "1"', false],
    ["score.parts[0] + score.parts[3]", 5],
    ['user["name"]', "Ada"],
    ['"admin" in user.roles', true],
    ['"owner" in user.roles', false],
    ['"name" in user', true],
    ["user.none == null", true],
    ["has(user.none)", true],
    ["has(user.wife)", false],
    ["!has(user.wife) || user.wife.age > 3", true],
    ["user.age >= 18 && user.name < 'B'", true],
    ["user.age >= 18 ? 'adult' : 'child'", "adult"],
    ["[1, 'a', null, true]", [1, "a", null, true]],
    ["{'mean': score.mean, 'of': size(score.parts)}", { mean: 0.75, of: 4 }],
    ["[1, 2] + [3]", [1, 2, 3]],
    ["'a' + 'b'", "ab"],
    ["score.parts.all(p, p > 0)", true],
    ["score.parts.exists(p, p > 3)", true],
    ["score.parts.exists_one(p, p > 2)", false],
    ["score.parts.filter(p, p % 2 == 0)", [2, 4]],
    ["score.parts.map(p, p * p)", [1, 4, 9, 16]],
    ["score.parts.map(p, p > 2, p * p)", [9, 16]],
    ["user.nested.deep.map(d, d.x)", [1, 2]],
    ["user.nested.map(key, key)", ["deep"]],
    [
      "[1, 2].map(x, [10, 20].map(y, x + y))",
      [
        [11, 21],
        [12, 22],
      ],
    ],
    ["[1, 2].map(x, [3].map(x, x))", [[3], [3]]],
    ["size(text)", 11],
    ["text.contains('世界') && text.startsWith('Gr') && text.endsWith('🎻')", true],
    ["'a,b,c'.split(',')", ["a", "b", "c"]],
    ["['a', 'b'].join('-')", "a-b"],
    ["' Äb '.trim().upperAscii()", "ÄB"],
    ["'AÄ'.lowerAscii()", "aÄ"],
    ["'hello'.substring(1, 3) + 'hello'.substring(4)", "elo"],
    ["'hello'.indexOf('l')", 2],
    ["int('42') + int(2.9) + int(-2.9)", 42],
    ["double('1.5')", 1.5],
    ["string(1.5) + string(true)", "1.5true"],
    ['tasks["my-key"].state == "succeeded" && tasks["my-key"].output.hits == 3', true],
    ["tasks.lost.error.kind", "terminal"],
    ["has(tasks.lost.output)", false],
    ["tasks.lost", OUTCOMES.lost!],
    ["input.limit + item.n + index", 10],
    ["run.id", "r1"],
    ["ok", true],
    ["// a comment\n ok", true],
    ["r'\\d'", "\\d"],
  ])("%s", (text, expected) => {
    expect(evaluate(text)).toEqual(expected);
  });

  it("is decided by the side that can decide, as CEL has it", () => {
    expect(evaluate("user.wife == 1 || true")).toBe(true);
    expect(evaluate("true || user.wife == 1")).toBe(true);
    expect(evaluate("user.wife == 1 && false")).toBe(false);
    expect(failureOf("user.wife == 1 || false").message).toContain("wife");
    expect(failureOf("user.wife == 1 && true").message).toContain("wife");
    expect(evaluate("1 || true")).toBe(true);
    expect(failureOf("1 || false").message).toContain("expected true or false, received 1");
  });

  it("does not see what only JavaScript would find", () => {
    for (const text of [
      "user.constructor",
      "user.__proto__",
      "'a'.length",
      "score.parts.length",
      "toString",
      "user.toString",
      "input.hasOwnProperty",
    ])
      expect(() => evaluate(text), text).toThrow(ExpressionError);
    expect(evaluate("{'__proto__': 1}")).toEqual(JSON.parse('{"__proto__":1}'));
  });
});

describe("what it names", () => {
  const mentions = (text: string) =>
    compileExpression(text).mentions.map((one) => ("key" in one ? `${one.what} ${one.key}` : one.what));

  it.each([
    ["score.mean > user.age", ["output score", "output user"]],
    ['tasks["my-key"].state == tasks.lost.state', ["outcome my-key", "outcome lost"]],
    ["input.x == item.y + index", ["input", "item", "index"]],
    ["score.parts.map(p, p + user.age)", ["output score", "output user"]],
    ["score.parts.map(score, score)", ["output score"]],
    ["has(score.mean)", ["output score"]],
    ["run.id + message.x", ["run", "message"]],
    ["[score, {'a': ok}, -user, !text]", ["output score", "output ok", "output user", "output text"]],
    ["ok ? size(score) : score.parts[index]", ["output ok", "output score", "output score", "index"]],
    ["1 + 2", []],
  ])("%s", (text, expected) => {
    expect(mentions(text)).toEqual(expected);
  });

  it("is given with its place in the text", () => {
    expect(compileExpression("1 + my - key.mean").mentions).toEqual([
      { what: "output", key: "my", at: 4 },
      { what: "output", key: "key", at: 9 },
    ]);
  });
});

describe("what is refused before anything runs, and where", () => {
  it.each([
    ["", 0, "expected an expression in CEL"],
    ["score.mean >", 12, "expected an expression in CEL"],
    ["a b", 2, "expected an expression in CEL"],
    ["(a", 2, "expected an expression in CEL"],
    ["if", 0, "Reserved identifier"],
    ["a == 'x", 5, "Unterminated string"],
    ["siz(a)", 0, "did you mean size?"],
    ["a.startWith('x')", 0, "did you mean startsWith?"],
    ["a.matches('x')", 0, "regular expressions"],
    ["size()", 0, "expected 1 arguments of size, received 0"],
    ["substring('a')", 0, "expected 2 or 3 arguments of substring, received 1"],
    ["x.map(1, 2)", 6, "expected an expression in CEL"],
    ["x.all(y)", 0, "expected all(variable, expression)"],
    ["has(x)", 0, "expected has(value.field)"],
    ["tasks", 0, 'expected tasks["key"]'],
    ["tasks[a].state", 6, 'expected tasks["key"]'],
    ['tasks["a"].stat', 0, "did you mean state?"],
    ["run.tenat", 0, "did you mean tenant?"],
    ["9007199254740993", 0, "a number that JSON carries exactly"],
    ["b'x'", 0, "received another literal"],
    ["1u", 0, "received another literal"],
    ["a.?b", 2, "expected an expression in CEL"],
  ])("%s", (text, at, message) => {
    const failure = failureOf(text);
    expect(failure.message).toContain(message);
    expect(failure.at).toBe(at);
    expect(failure.message).toContain(`(at character ${at + 1})`);
  });
});

describe("what fails when it is evaluated, and where", () => {
  it.each([
    ["score.maen > 0.5", 0, "did you mean mean?"],
    ["1 + user.name", 0, 'expected two numbers, two texts or two lists, received 1 and "Ada"'],
    ["true && user.age", 8, "expected true or false, received 36"],
    ["!user.age", 1, "expected true or false"],
    ["-user.name", 0, "expected a number"],
    ["user.name > 5", 0, "expected two numbers or two texts"],
    ["score.parts[4]", 0, "expected an index from 0 to 3, received 4"],
    ["score.parts[0.5]", 0, "expected an index"],
    ["user.name.first", 0, 'expected an object with the field first, received "Ada"'],
    ["user.age[0]", 0, "expected a list before [ ]"],
    ["1 / 0", 0, "division by zero"],
    ["5 % 0", 0, "division by zero"],
    ["1e308 * 10", 0, "more than a number can hold"],
    ["5 in 5", 0, "expected a list or an object after in"],
    ["user.age.all(x, true)", 0, "expected a list or an object before a macro"],
    ["int('x')", 0, "int: expected a number, or the text of one"],
    ["size(5)", 0, "size: expected a text, a list or an object"],
    ["{1: 2}", 1, "expected a text as the key of an object"],
    ["nobody.x", 0, "expected a value of nobody"],
    ["message.x", 0, "expected a value of message"],
    ["ok ? user.wife : 1", 5, "expected the field wife"],
  ])("%s", (text, at, message) => {
    const failure = failureOf(text);
    expect(failure.message).toContain(message);
    expect(failure.at).toBe(at);
  });
});

describe("a hostile expression", () => {
  /** A list that counts how many of its items were looked at. */
  function counted(
    length: number,
    of: (index: number) => Json = (index) => index,
  ): { list: Json; looks: () => number } {
    let looks = 0;
    const list = new Proxy(
      Array.from({ length }, (_, index) => of(index)),
      {
        get(target, property, receiver) {
          if (typeof property === "string" && /^\d+$/.test(property)) looks++;
          return Reflect.get(target, property, receiver);
        },
      },
    );
    return { list: list as Json, looks: () => looks };
  }
  const given = (output: Json): Values => ({ ...values, output: () => output });

  it.each([
    "xs.all(x, xs.all(y, xs.all(z, x + y + z >= 0)))",
    "xs.map(x, xs.map(y, x)) == []",
    "xs.filter(x, xs == xs) == []",
    "xs.exists(x, -1 in xs)",
    "xs.all(x, size(xs.map(y, y)) > 0)",
    "xs.exists(x, (x / 0 > 1 || xs.all(y, true)) && false)",
    "true || xs.all(x, xs.all(y, true)) ? xs.all(x, xs.all(y, true)) : false",
  ])("does no more steps than it may: %s", (text) => {
    const { list, looks } = counted(5000);
    expect(failureOf(text, given(list)).message).toContain(`at most ${MOST_STEPS} steps`);
    expect(looks()).toBeLessThan(4 * MOST_STEPS);
  });

  it("may look at 10,000 items once", () => {
    expect(evaluate("xs.all(x, x >= 0)", given(counted(10_000).list))).toBe(true);
  });

  it("pays for the text that it goes through", () => {
    const text = "a".repeat(1_000_000);
    for (const one of [
      "xs.all(x, size(t.x) > 0)",
      "xs.all(x, t.x == t.y)",
      "xs.all(x, t.x <= t.y)",
      "xs.all(x, !t.x.contains(t.y + 'b'))",
    ]) {
      const from: Values = {
        ...values,
        output: (key) =>
          key === "t" ? { x: text, y: one.includes("contains") ? "a".repeat(1000) : `${text}` } : counted(100).list,
      };
      expect(failureOf(one, from).message, one).toContain("steps");
    }
  });

  it("pays for the fields that it counts", () => {
    const wide = Object.fromEntries(Array.from({ length: 100_000 }, (_, index) => [`f${index}`, index]));
    const from: Values = { ...values, output: (key) => (key === "wide" ? wide : counted(100).list) };
    expect(failureOf("xs.all(x, size(wide) > 0)", from).message).toContain("steps");
    expect(failureOf("xs.all(x, wide.all(k, true))", from).message).toContain("steps");
  });

  it("builds no text longer than it may", () => {
    const doubled = (times: number) => `[${"t,".repeat(times)}t].join()`;
    expect(failureOf("t + t", given("a".repeat(40_000))).message).toContain(`at most ${MOST_CHARACTERS} characters`);
    expect(failureOf(doubled(50), given("a".repeat(2000))).message).toContain(`at most ${MOST_CHARACTERS} characters`);
  });

  it("has no result larger than it may be, though the same value stands in it many times", () => {
    expect(failureOf("[t, t, t, t, t]", given("a".repeat(20_000))).message).toContain("characters");
    const list = Array.from({ length: 300 }, (_, index) => index);
    expect(failureOf("xs.map(x, xs)", given(list)).message).toContain("characters");
    expect(evaluate("size(xs.map(x, xs)) == 300", given(list))).toBe(true);
  });

  it("says what is wrong in few words, however large the value is", () => {
    for (const huge of ["x".repeat(5_000_000), Array(100_000).fill("x"), { x: "x".repeat(5_000_000) }])
      expect(failureOf("v > 5", given(huge)).message.length).toBeLessThan(250);
  });

  it.each([
    ["too long a text", `${"1 + ".repeat(600)}1`],
    ["too many parts", "a".padEnd(1999, "+a")],
    ["brackets too deep", `${"(".repeat(900)}a${")".repeat(900)}`],
    ["lists too deep", `${"[".repeat(900)}${"]".repeat(900)}`],
    ["negations without end", `${"!".repeat(1900)}a`],
    ["fields without end", `a${".a".repeat(900)}`],
    ["four macros inside each other", "a.all(w, a.all(x, a.all(y, a.all(z, true))))"],
  ])("is refused as it is read: %s", (_, text) => {
    expect(() => compileExpression(text)).toThrow(ExpressionError);
  });
});
