import { afterEach, describe, expect, it } from "vitest";
import { type Orchestrator, OrchestratorBuilder, Task, Worker } from "../src/pattern.ts";
import { answerJson, startModelServer } from "./support/model-server.ts";

const counter = Worker({ name: "counter", taskTypes: ["count"], handler: ({ input }) => String(input).length });
const adder = Worker({
  name: "adder",
  taskTypes: ["add", "multiply"],
  concurrencyLimit: 1,
  handler: ({ type, input }) => {
    const [a, b] = input as [number, number];
    return type === "add" ? a + b : a * b;
  },
});
const splitter = Worker({
  name: "splitter",
  taskTypes: ["split"],
  handler: ({ input }) =>
    String(input)
      .split(" ")
      .map((word) => Task({ id: word, type: "count", input: word })),
});

let orchestrator: Orchestrator;
afterEach(() => orchestrator?.stop());
const build = async (builder = OrchestratorBuilder()) => {
  orchestrator = await builder.addWorker(counter).addWorker(adder).addWorker(splitter).build({ env: {} });
  return orchestrator;
};

describe("the pattern", () => {
  it("executes tasks by their dependencies, and returns the outputs by id", async () => {
    await build();
    const tasks = [
      Task({ id: "sum", type: "add", input: [{ $ref: "one" }, { $ref: "two" }] }),
      Task({ id: "one", type: "count", input: "abc" }),
      Task({ id: "two", type: "multiply", input: [2, 5], dependencies: ["one"] }),
    ];
    expect(await orchestrator.execute(tasks)).toEqual({ sum: 13, one: 3, two: 10 });
  });

  it("returns the output of a single task, and lets handlers decompose theirs", async () => {
    await build(new OrchestratorBuilder());
    expect(await orchestrator.execute(Task({ id: "x", type: "count", input: "four" }))).toBe(4);
    expect(await orchestrator.execute(Task({ id: "x", type: "split", input: "a bb ccc" }))).toEqual({
      a: 1,
      bb: 2,
      ccc: 3,
    });
  });

  it("lets a model decompose an objective over its workers' types, and no others", async () => {
    await using server = await startModelServer();
    server.script(answerJson({ tasks: { n: { type: "count", input: "tides" } }, output: "n" }));
    await build(OrchestratorBuilder().withModel({ model: "test", baseUrl: server.url, apiKey: "key" }));
    expect(await orchestrator.execute("How long is the word tides?")).toBe(5);
    const listed = server.requests[0]!.body.messages[1]!.content.match(/"type":"[a-z-]+"/g)!.slice(0, 5);
    expect(listed).toEqual(["add", "count", "multiply", "split"].map((type) => `"type":"${type}"`));
  });

  it.each<[string, () => unknown, string]>([
    [
      "an unknown option of a task",
      () => Task({ id: "a", type: "b", dependecies: [] } as never),
      "did you mean dependencies?",
    ],
    ["a bad id", () => Task({ id: "a b", type: "b" }), "Task: /id: expected 1 to 64 characters"],
    [
      "no task types",
      () => Worker({ name: "w", taskTypes: [], handler: () => 1 }),
      "Worker w: /taskTypes: expected names",
    ],
    [
      "a worker that is none",
      () => OrchestratorBuilder().addWorker({} as never),
      "addWorker: expected what Worker() makes",
    ],
    ["no worker", () => OrchestratorBuilder().build(), "expected at least one addWorker(…)"],
    ["text without a model", async () => (await build()).execute("text"), "which needs withModel(…)"],
    [
      "two tasks of one id",
      async () => (await build()).execute([Task({ id: "a", type: "count" }), Task({ id: "a", type: "count" })]),
      "the id a is there twice",
    ],
  ])("refuses %s", async (_, use, message) => {
    await expect(async () => use()).rejects.toThrow(message);
  });
});
