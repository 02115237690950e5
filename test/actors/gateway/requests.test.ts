import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { z } from "zod";
import { worker } from "../../../src/index.ts";
import { connectPlainly, type PlainClient, toBytes } from "../../support/plain-client.ts";
import { describeOnNats } from "../../support/runtime.ts";

const measure = worker("measure", {
  input: z.object({ text: z.string(), times: z.number().min(1).optional() }),
  output: z.object({ length: z.number() }),
  run: ({ input }) => ({ length: input.text.length * (input.times ?? 1) }),
});
const echo = worker("echo", { run: ({ input }) => input });
const repeat = worker("repeat", {
  input: z.object({ times: z.number() }),
  run: ({ input }) => "x".repeat(input.times),
});
const fail = worker("fail", {
  retry: { attempts: 1 },
  run: () => {
    throw new Error("out of paper");
  },
});

describeOnNats("a request from any NATS client", (runtime) => {
  let client: PlainClient;
  let executions = 0;
  const counted = worker("counted", { run: () => ++executions });
  const subject = (rest: string) => `${runtime.prefix}.${rest}`;
  const run = (type: string, body?: unknown, headers?: Record<string, string>) =>
    client.request(subject(`run.${type}`), body, headers);
  const runs = async () => (await client.request(subject("api.runs.list"))).json as { run: string }[];

  beforeEach(async () => {
    executions = 0;
    await runtime.start({ workers: [measure, echo, repeat, fail, counted] });
    client = await connectPlainly(runtime.server.url);
  });
  afterEach(() => client.close());

  test("is answered with the output and the run's id", async () => {
    const answer = await run("measure", { text: "four" });
    expect(answer.json).toEqual({ length: 4 });
    const { "Tutti-Run": id, ...others } = answer.headers;
    expect(others).toEqual({});
    expect((await client.request(subject("api.runs.get"), { run: id })).json).toMatchObject({ status: "succeeded" });
  });

  test("is given an id that the caller chose", async () => {
    expect((await run("measure", { text: "" }, { "Tutti-Run": "mine" })).headers["Tutti-Run"]).toBe("mine");
  });

  test("finds its headers whatever their case", async () => {
    expect((await run("measure", { text: "" }, { "tutti-run": "small" })).headers["Tutti-Run"]).toBe("small");
  });

  test.each([
    ["null", "null"],
    ["false", "false"],
    ["zero", "0"],
    ["an empty text", '""'],
    ["an empty array", "[]"],
    ["a text of two lines", '"a\\nb"'],
    ["half a surrogate pair", '"\\ud800"'],
    ["fields named like properties of objects", '{"__proto__":{"a":1},"constructor":2,"toString":3}'],
    ["what looks like a reference", '{"$ref":"nobody#/x"}'],
    ["what looks like a literal", '{"$literal":{"$ref":"x"}}'],
  ])("carries %s through a task unchanged", async (_, body) => {
    expect((await run("echo", body)).text).toBe(body);
  });

  test("that fails is answered with 422, the failing task's path and its error", async () => {
    const answer = await run("fail", {});
    expect(answer.headers).toMatchObject({ "Nats-Service-Error-Code": "422" });
    expect(answer.json).toEqual({
      error: {
        code: 422,
        message: "task - failed: out of paper",
        name: "Error",
        stack: expect.stringContaining("requests.test"),
        path: "-",
        task: "-",
        run: answer.headers["Tutti-Run"],
      },
    });
  });

  test("that does not end within its deadline is answered with 408", async () => {
    // No worker of this type is alive, but it has been registered: its tasks wait.
    const gone = await runtime.start({ orchestrator: false, workers: [worker("away", { run: () => 1 })] });
    await gone.stop();
    const answer = await run("away", {}, { "Tutti-Deadline": "50ms" });
    expect(answer.json).toMatchObject({ error: { code: 408, run: answer.headers["Tutti-Run"] } });
  });

  const malformed: [string, string, unknown, Record<string, string>, object][] = [
    ["no body", "measure", undefined, {}, { code: 400, expected: "JSON", received: "nothing" }],
    ["no JSON", "measure", "{text", {}, { code: 400, expected: "JSON (UTF-8)", received: '"{text"' }],
    ["two documents", "measure", "{} {}", {}, { code: 400 }],
    ["no UTF-8", "echo", new Uint8Array([0x22, 0xff, 0x22]), {}, { code: 400, expected: "JSON (UTF-8)" }],
    ["a number beyond all numbers", "echo", "1e999", {}, { code: 400, path: "", received: "1e999" }],
    [
      "an integer that cannot be held",
      "echo",
      '{"a":[{"id":653247040368672768}]}',
      {},
      { code: 400, path: "/a/0/id", received: "653247040368672768" },
    ],
    ["100,000 brackets", "echo", "[".repeat(100_000) + "]".repeat(100_000), {}, { code: 400, expected: "JSON" }],
    [
      "a field of the wrong type",
      "measure",
      { text: 5 },
      {},
      { code: 400, path: "/text", expected: "string", received: "5" },
    ],
    ["a field too few", "measure", {}, {}, { code: 400, path: "/text", received: "nothing" }],
    [
      "a number out of range",
      "measure",
      { text: "", times: 0 },
      {},
      { code: 400, path: "/times", expected: ">= 1", received: "0" },
    ],
    ["null for an object", "measure", null, {}, { code: 400, path: "", expected: "object", received: "null" }],
    ["a type that nobody registered", "nope", {}, {}, { code: 404, received: "nope" }],
    ["a type named like a property of objects", "constructor", {}, {}, { code: 404 }],
    ["a type with dots", "measure.it", {}, {}, { code: 400, received: '"measure.it"' }],
    ["a type with odd characters", "a$b", {}, {}, { code: 400, received: '"a$b"' }],
    ["a type beyond ASCII", "maß", {}, {}, { code: 400 }],
    ["a type that begins with _", "__proto__", {}, {}, { code: 400 }],
    ["a type of 65 characters", "t".repeat(65), {}, {}, { code: 400 }],
    ["a run id with dots", "echo", 1, { "Tutti-Run": "a.b" }, { code: 400, path: "/Tutti-Run", received: '"a.b"' }],
    ["a run id that is a wildcard", "echo", 1, { "Tutti-Run": "*" }, { code: 400, path: "/Tutti-Run" }],
    ["a run id of 65 characters", "echo", 1, { "Tutti-Run": "r".repeat(65) }, { code: 400, path: "/Tutti-Run" }],
    ["a bad tenant", "echo", 1, { "Tutti-Tenant": ">" }, { code: 400, path: "/Tutti-Tenant", received: '">"' }],
    ["an unknown priority", "echo", 1, { "Tutti-Priority": "now" }, { code: 400, path: "/Tutti-Priority" }],
    ["a deadline that is no duration", "echo", 1, { "Tutti-Deadline": "soon" }, { code: 400, path: "/Tutti-Deadline" }],
    ["a deadline of nothing", "echo", 1, { "Tutti-Deadline": "0s" }, { code: 400, path: "/Tutti-Deadline" }],
    ["a deadline in the past", "echo", 1, { "Tutti-Deadline": "-5s" }, { code: 400, path: "/Tutti-Deadline" }],
  ];
  describe.each(["run", "submit"])("%s", (verb) => {
    test.each(malformed)("with %s is refused, and nothing is started", async (_, type, body, headers, error) => {
      const answer = await client.request(subject(`${verb}.${type}`), body, headers);
      expect(answer.json).toMatchObject({ error });
      const { code, message } = (answer.json as { error: { code: number; message: string } }).error;
      expect(answer.headers["Nats-Service-Error-Code"]).toBe(String(code));
      expect(answer.headers["Nats-Service-Error"]).toBe(message.slice(0, 500));
      expect(await runs()).toEqual([]);
    });
  });

  test("tells everything that is wrong with an input", async () => {
    const { json } = await run("measure", { text: 5, times: 0 });
    const { problems } = (json as { error: { problems: { path: string }[] } }).error;
    expect(problems.map((one) => one.path).sort()).toEqual(["/text", "/times"]);
  });

  test("is answered even when 100,000 things are wrong with it", async () => {
    const list = worker("list", { input: z.object({ items: z.array(z.string()) }), run: () => 1 });
    await runtime.start({ orchestrator: false, workers: [list] });
    const { json } = await run("list", { items: Array(100_000).fill(1) });
    expect(json).toMatchObject({ error: { code: 400, path: "/items/0" } });
  });

  test("is refused with 409 when its id is another request's", async () => {
    await run("echo", { a: 1 }, { "Tutti-Run": "one" });
    for (const [type, body] of [
      ["echo", { a: 2 }],
      ["measure", { text: "" }],
    ] as const) {
      const answer = await run(type, body, { "Tutti-Run": "one" });
      expect(answer.json).toMatchObject({ error: { code: 409, run: "one" } });
    }
    expect((await run("echo", { a: 1 }, { "Tutti-Run": "one" })).json).toEqual({ a: 1 });
  });

  test("that is repeated after its end is the same run", async () => {
    const headers = { "Tutti-Run": "again" };
    expect((await run("counted", { a: 1, b: 2 }, headers)).json).toBe(1);
    expect((await run("counted", '{ "b": 2, "a": 1 }', headers)).json).toBe(1);
    expect(executions).toBe(1);
  });

  test("that is made by many at once is one run, and all are answered", async () => {
    const headers = { "Tutti-Run": "together" };
    const answers = await Promise.all(Array.from({ length: 20 }, () => run("counted", {}, headers)));
    expect(answers.map((one) => one.json)).toEqual(Array(20).fill(1));
    expect(executions).toBe(1);
  });

  test("may use the id of another tenant's run", async () => {
    await run("counted", 1, { "Tutti-Run": "same", "Tutti-Tenant": "one" });
    expect((await run("counted", 2, { "Tutti-Run": "same", "Tutti-Tenant": "two" })).json).toBe(2);
  });

  test("may have an input larger than what travels inline", async () => {
    const text = "ü".repeat(200_000);
    expect((await run("measure", { text })).json).toEqual({ length: 200_000 });
    expect((await run("echo", { text })).json).toEqual({ text });
  });

  test("whose output is larger than a message is answered with its reference", async () => {
    const answer = await run("repeat", { times: 2_000_000 });
    expect(answer.headers["Tutti-Output"]).toBe("ref");
    expect(answer.json).toEqual({ outputRef: expect.any(String), bytes: 2_000_002 });
    const reader = await runtime.start({ orchestrator: false });
    expect(await reader.result(answer.headers["Tutti-Run"]!)).toBe("x".repeat(2_000_000));
  });

  test("submitted, is answered with the run's id at once", async () => {
    const answer = await client.request(subject("submit.measure"), { text: "abc" }, { "Tutti-Run": "later" });
    expect(answer.json).toEqual({ run: "later" });
    expect((await run("measure", { text: "abc" }, { "Tutti-Run": "later" })).json).toEqual({ length: 3 });
  });

  test("finds Tutti as a micro service", async () => {
    const found = await client.request(`$SRV.INFO.${runtime.prefix}`);
    const { endpoints } = found.json as { endpoints: { name: string; subject: string }[] };
    const subjects = endpoints.map((one) => one.subject);
    expect(subjects).toEqual(expect.arrayContaining([subject("run.>"), subject("submit.>"), subject("api.runs.get")]));
  });

  test("is refused when its answer is to go where only Tutti, or the server, may write", async () => {
    const victim = subject("log.default.0.victim.result");
    const written: string[] = [];
    client.nc.subscribe(victim, { callback: (_, message) => void written.push(message.subject) });
    client.nc.publish(subject("run.echo"), toBytes({ v: 1, results: [] }), { reply: victim });
    client.nc.publish(subject("api.types.list"), toBytes(""), { reply: victim });
    // Asked later, answered: what came before has been dealt with.
    expect((await run("echo", 1)).json).toBe(1);
    expect(written).toEqual([]);
    expect(runtime.logged.filter((line) => line.includes("no inbox"))).toHaveLength(2);
  });
});
