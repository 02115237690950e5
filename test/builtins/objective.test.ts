import { describe, expect, test } from "vitest";
import { z } from "zod";
import { createObjective, objective } from "../../src/builtins/objective.ts";
import { TerminalError } from "../../src/core/error.ts";
import type { Model } from "../../src/core/model.ts";
import type { JsonSchema, TypeRegistration } from "../../src/core/registration.ts";
import { PlanOf } from "../../src/define/plan-of.ts";
import { task } from "../../src/define/task.ts";
import type { HandlerContext, Worker } from "../../src/define/worker.ts";
import { createModelProvider } from "../../src/llm/provider.ts";
import { connect, rejection } from "../llm/connection.ts";
import { answer, answerJson } from "../support/model-server.ts";

const register = (type: string, description: string, input: z.ZodType, output: z.ZodType): TypeRegistration => ({
  v: 1,
  type,
  description,
  input: z.toJSONSchema(input, { io: "input" }) as unknown as JsonSchema,
  output: z.toJSONSchema(output) as unknown as JsonSchema,
});

const TYPES: readonly TypeRegistration[] = [
  register(
    "search",
    "Finds texts about a topic",
    z.object({ topic: z.string() }),
    z.object({ texts: z.array(z.string()) }),
  ),
  register(
    "summarize",
    "Summarizes a text",
    z.object({ text: z.string(), most: z.int().optional() }),
    z.object({ summary: z.string() }),
  ),
  register("objective", "Plans", z.object({ objective: z.string() }), z.unknown()),
];

const GOOD = {
  tasks: {
    find: { type: "search", input: { topic: "tides" } },
    sum: { type: "summarize", input: { text: { $ref: "find#/texts/0" } } },
  },
  output: "sum",
};

/** Runs the handler for one attempt, as a worker would. */
function plan(llm: Model, input: unknown = { objective: "Explain tides" }, of: Worker = objective, over: object = {}) {
  const logs: string[] = [];
  const handler: HandlerContext = {
    input: of.input.parse(input),
    needs: {},
    signal: new AbortController().signal,
    attempt: 1,
    run: "r",
    tenant: "default",
    task: "-",
    idempotencyKey: "r/-",
    progress: () => {},
    log: (line) => logs.push(line),
    llm,
    breaker: () => ({ run: (call) => call() }),
    blobs: { put: () => Promise.reject(new Error("no blobs")), get: () => Promise.reject(new Error("no blobs")) },
    types: async () => TYPES,
    openFile: () => Promise.reject(new Error("no files")),
    ...over,
  };
  return Promise.resolve(of.handler(handler)).then((result) => {
    expect(result).toBeInstanceOf(PlanOf);
    return { wire: (result as PlanOf<unknown>).wire, logs };
  });
}

describe("an objective", () => {
  test("becomes the plan that the model writes", async () => {
    await using connection = await connect();
    connection.server.script(answerJson(GOOD));
    const { wire } = await plan(connection.model);
    expect(wire).toEqual({ v: 1, ...GOOD });
    expect(connection.server.requests.length).toBe(1);
  });

  test("is shown to the model with its context and the types it may use, itself excepted", async () => {
    await using connection = await connect();
    const { server, model } = connection;
    server.script(answerJson(GOOD));
    await plan(model, { objective: "Explain tides", context: { audience: "children" } });
    const { messages, response_format } = server.requests[0]!.body;
    expect(response_format).toEqual({ type: "json_object" });
    const [system, user] = messages;
    expect(system!.content).toContain('"$ref"');
    expect(system!.content).toContain("At most 50 tasks");
    expect(user!.content).toContain("Explain tides");
    expect(user!.content).toContain('{"audience":"children"}');
    const listed = user!.content.split("\n").filter((line) => line.startsWith('{"type"'));
    expect(listed.map((line) => JSON.parse(line))).toEqual(
      TYPES.slice(0, 2).map(({ type, description, input, output }) => ({ type, description, input, output })),
    );
  });

  test.each<[string, Worker, object]>([
    ["its planner", createObjective({ types: ["search"] }), {}],
    ["its planner by contract", createObjective({ types: [task("search")] }), {}],
    ["the request", objective, { types: ["search"] }],
  ])("is planned over the types that %s names, and the model is shown no others", async (_, planner, over) => {
    await using connection = await connect();
    connection.server.always(answerJson(GOOD));
    const error = await rejection(plan(connection.model, { objective: "Explain tides", ...over }, planner));
    expect(error.message).toMatch(/\/tasks\/sum\/type: .*"summarize"/);
    const [, user] = connection.server.requests[0]!.body.messages;
    expect(user!.content).toContain('{"type":"search"');
    expect(user!.content).not.toContain('{"type":"summarize"');
  });

  test("that names a type which is not there, or not its planner's, fails for good with those that are", async () => {
    await using connection = await connect();
    for (const planner of [objective, createObjective({ types: ["search", "summarize"] })]) {
      const error = await rejection(plan(connection.model, { objective: "x", types: ["google"] }, planner));
      expect(error).toBeInstanceOf(TerminalError);
      expect(error.message).toContain('that a plan may use (search, summarize), received "google"');
    }
  });

  test("is not planned with options that nobody knows", () => {
    expect(() => createObjective({ maxTask: 5 } as object)).toThrow(
      "createObjective objective: /maxTask: expected no field",
    );
    expect(() => createObjective({ maxTasks: 0 })).toThrow("/maxTasks: expected a whole number, 1 or more, received 0");
  });

  test("is planned again, with all that was wrong, until the plan is right", async () => {
    await using connection = await connect();
    const { server, model } = connection;
    const wrong = {
      tasks: {
        find: { type: "google", input: { topic: "tides" } },
        sum: { type: "summarize", input: { text: 5, most: "many" } },
        a: { type: "search", input: { topic: { $ref: "b#/x" } } },
        b: { type: "search", input: { topic: { $ref: "a#/x" } } },
      },
    };
    const better = { tasks: { find: { type: "search", input: { subject: "tides" } } } };
    server.script(answerJson(wrong), answerJson(better), answerJson(GOOD));
    const { wire, logs } = await plan(model);
    expect(wire).toEqual({ v: 1, ...GOOD });
    const [, second, third] = server.requests.map(({ body }) => body.messages);
    expect(second!.length).toBe(4);
    expect(JSON.parse(second![2]!.content)).toEqual(wrong);
    expect(second![3]!.content).toMatch(/- \/tasks\/find\/type: .*registered.*google/);
    expect(second![3]!.content).toMatch(/cycle/);
    expect(third!.length).toBe(6);
    expect(third![5]!.content).toMatch(/- \/tasks\/find\/input\/topic: expected a value/);
    expect(logs.filter((line) => line.startsWith("plan sent back")).length).toBe(2);
  });

  test("whose plan stays wrong fails for good with what is wrong", async () => {
    await using connection = await connect();
    connection.server.always(answerJson({ tasks: { x: { type: "objective", input: { objective: "again" } } } }));
    const error = await rejection(plan(connection.model));
    expect(error).toBeInstanceOf(TerminalError);
    expect(error.message).toMatch(/cannot be executed, after 2 repairs: \/tasks\/x\/type: .*"objective"/);
    expect(connection.server.requests.length).toBe(3);
  });

  test.each([
    ["no tasks", { tasks: {} }, "at least one task"],
    ["no plan", { steps: ["search"] }, "/steps"],
    [
      "too many tasks",
      { tasks: { a: { type: "search" }, b: { type: "search" }, c: { type: "search" } } },
      "at most 2 tasks",
    ],
    [
      "no input where one is required",
      { tasks: { a: { type: "search" } } },
      "/tasks/a/input/topic: expected a value, received nothing",
    ],
  ])("refuses a plan of %s", async (_, answered, message) => {
    await using connection = await connect();
    connection.server.always(answerJson(answered));
    const strict = createObjective({ maxTasks: 2, maxRepairs: 0 });
    expect((await rejection(plan(connection.model, undefined, strict))).message).toContain(message);
    expect(connection.server.requests.length).toBe(1);
  });

  test("refuses a plan that would be too deep in the tree", async () => {
    await using connection = await connect();
    connection.server.always(answerJson(GOOD));
    const task = Array(32).fill("a").join("/");
    const error = await rejection(plan(connection.model, undefined, objective, { task }));
    expect(error.message).toContain("deeper than level 32");
  });

  test.each([
    [
      "in prose and a fence",
      answer(`Here is the plan:\n\`\`\`json\n${JSON.stringify(GOOD, null, 2)}\n\`\`\`\nGood luck!`),
    ],
    ["wrapped in another object", answerJson({ plan: GOOD })],
    [
      "as a list with keys",
      answerJson({ ...GOOD, tasks: Object.entries(GOOD.tasks).map(([key, task]) => ({ key, ...task })) }),
    ],
    [
      "as a list with ids, and nulls",
      answerJson({
        ...GOOD,
        v: null,
        tasks: Object.entries(GOOD.tasks).map(([id, task]) => ({ id, ...task, needs: null })),
      }),
    ],
  ])("accepts a plan %s", async (_, reply) => {
    await using connection = await connect();
    connection.server.script(reply);
    expect((await plan(connection.model)).wire).toEqual({ v: 1, ...GOOD });
    expect(connection.server.requests.length).toBe(1);
  });

  test("does not lose a task of a list in which two have one key", async () => {
    await using connection = await connect();
    const { server, model } = connection;
    const twice = {
      tasks: [
        { key: "a", ...GOOD.tasks.find },
        { key: "a", ...GOOD.tasks.find },
      ],
    };
    server.script(answerJson(twice), answerJson(GOOD));
    expect((await plan(model)).wire).toEqual({ v: 1, ...GOOD });
    expect(server.requests[1]!.body.messages.at(-1)!.content).toContain("/tasks: expected an object of tasks by key");
  });

  test("needs a model and says which variables give it one", async () => {
    const provider = createModelProvider({ env: {} });
    const model = provider.forAttempt({ signal: new AbortController().signal, onUsage: () => {} });
    const error = await rejection(plan(model));
    expect(error).toBeInstanceOf(TerminalError);
    expect(error.message).toMatch(/OPENAI_API_KEY.*ANTHROPIC_API_KEY/);
  });

  test("needs a type to plan with", async () => {
    await using connection = await connect();
    const error = await rejection(plan(connection.model, undefined, objective, { types: async () => TYPES.slice(2) }));
    expect(error).toBeInstanceOf(TerminalError);
    expect(error.message).toContain("no registered task type may be used");
    expect(connection.server.requests.length).toBe(0);
  });

  test("is words", () => {
    expect(objective.input.safeParse({ objective: " " }).success).toBe(false);
    expect(objective.input.safeParse({}).success).toBe(false);
    expect(z.toJSONSchema(objective.input, { io: "input" })).toMatchObject({ required: ["objective"] });
  });
});
