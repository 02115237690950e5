import { readdirSync, readFileSync } from "node:fs";
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import { describe, expect, it } from "vitest";
import { publishSchemas } from "../../scripts/publish-schemas.ts";
import { EVENT_SCHEMAS } from "../../src/core/event.ts";

const folder = new URL("../../schemas/", import.meta.url);
const published = publishSchemas();

function validator(name: string): ValidateFunction {
  return new Ajv2020({ allowUnionTypes: true }).compile(JSON.parse(published.get(`${name}.json`)!));
}

describe("schemas/", () => {
  it("holds exactly what the script writes (run it again if not: node scripts/publish-schemas.ts)", () => {
    const committed = new Map(readdirSync(folder).map((file) => [file, readFileSync(new URL(file, folder), "utf8")]));
    expect([...committed.keys()].sort()).toEqual([...published.keys()].sort());
    for (const [file, text] of published) expect(committed.get(file), file).toBe(text);
  });

  it("has every event, each file with an id, a title and a description", () => {
    for (const kind of Object.keys(EVENT_SCHEMAS)) expect(published.has(`event-${kind}.json`), kind).toBe(true);
    const schemas = [...published.values()].map((text) => JSON.parse(text));
    expect(new Set(schemas.map((schema) => schema.$id)).size).toBe(published.size);
    for (const schema of schemas)
      expect(schema).toMatchObject({ title: expect.any(String), description: expect.any(String) });
  });

  it("is valid JSON Schema throughout", () => {
    for (const file of published.keys()) expect(() => validator(file.replace(".json", "")), file).not.toThrow();
  });
});

describe("the schemas say what the protocol says", () => {
  it("of plans", () => {
    const valid = validator("plan");
    const task = {
      type: "t",
      input: { $ref: "a#/x" },
      needs: ["a"],
      timeout: "1h30m",
      retry: { attempts: 2, delay: 5 },
    };
    expect(valid({ tasks: { a: { type: "t" }, b: task }, output: "b" })).toBe(true);
    expect(valid({ v: 1, tasks: {} })).toBe(true);
    for (const broken of [
      {},
      { v: 2, tasks: {} },
      { tasks: { "a b": { type: "t" } } },
      { tasks: { a: {} } },
      { tasks: { a: { type: "t", timeout: "soon" } } },
      { tasks: { a: { type: "t", timeout: -1 } } },
      { tasks: { a: { type: "t", when: 1 } } },
    ])
      expect(valid(broken), JSON.stringify(broken)).toBe(false);
  });

  it("of plans of version 2, in two screens", () => {
    const text = published.get("plan-v2.json")!;
    const lines = text.trimEnd().split("\n");
    expect(lines.length).toBeLessThanOrEqual(120);
    expect(lines.filter((line) => line.length > 120)).toEqual([]);
    const valid = validator("plan-v2");
    const plan = (task: object) => ({ v: 2, tasks: { a: task } });
    for (const right of [
      {
        type: "t",
        input: { $ref: "#/x", default: [1] },
        needs: ["b"],
        when: "b > 1",
        join: { quorum: "95%", within: "5s" },
      },
      { plan: { tasks: { inner: { type: "t" } }, output: { x: { $ref: "inner" } }, finally: { type: "tidy" } } },
      { type: "t", each: { in: [1], reduce: { type: "combine", width: 20 }, join: "settled", concurrency: 2 } },
      { wait: { signal: "go", schema: { type: "object" }, within: "2d" }, fallback: { value: null } },
      { wait: { for: "3d" }, repeat: { until: "a.done", times: 3 }, tags: ["x"] },
    ])
      expect(valid(plan(right)), JSON.stringify(valid.errors)).toBe(true);
    for (const wrong of [
      {},
      { type: "t", wait: { for: 1 } },
      { type: "t", whne: "x" },
      { type: "t", each: {} },
      { type: "t", each: { in: [], reduce: { sum: "", count: "" } } },
      { wait: { signal: "a", subject: "b" } },
      { type: "t", join: { all: true, any: true } },
      { type: "t", fallback: { type: "f", value: 1 } },
      { plan: { tasks: { inner: { type: "t", retry: { times: 3 } } } } },
    ])
      expect(valid(plan(wrong)), JSON.stringify(wrong)).toBe(false);
    expect(valid({ tasks: {} })).toBe(false);
  });

  it("of task messages", () => {
    const valid = validator("task-message");
    const message = {
      v: 1,
      run: "r",
      task: "part-3/translate",
      attempt: 1,
      type: "t",
      input: {},
      reply: "tutti.log.default.3.r",
    };
    expect(valid(message)).toBe(true);
    expect(valid({ ...message, task: "-", later: "field" })).toBe(true);
    for (const broken of [{ task: "a//b" }, { task: "-/a" }, { attempt: 0 }, { run: "a.b" }, { v: 2 }])
      expect(valid({ ...message, ...broken }), JSON.stringify(broken)).toBe(false);
  });

  it("of results: exactly one of output, outputRef, plan, planRef and error", () => {
    const valid = validator("event-result");
    const results = (...outcomes: object[]) => ({
      results: outcomes.map((one) => ({ task: "a", attempt: 1, ...one })),
    });
    expect(
      valid(
        results(
          { output: null },
          { outputRef: "x" },
          { plan: { tasks: {} } },
          { error: { kind: "terminal", message: "" } },
        ),
      ),
    ).toBe(true);
    expect(valid({ v: 1, ...results({ planRef: "x", usage: { calls: 1 }, startedAt: 5 }) })).toBe(true);
    for (const broken of [
      {},
      { output: 1, plan: { tasks: {} } },
      { error: { kind: "odd", message: "" } },
      { plan: {} },
    ])
      expect(valid(results(broken)), JSON.stringify(broken)).toBe(false);
  });

  it("of errors", () => {
    const valid = validator("error-reply");
    expect(valid({ error: { code: 422, message: "failed", task: "a/b", run: "r" } })).toBe(true);
    expect(valid({ error: { code: 418, message: "teapot" } })).toBe(false);
    expect(valid({ code: 400, message: "bare" })).toBe(false);
  });
});
