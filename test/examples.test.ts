import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { answer, answerJson, startModelServer } from "./support/model-server.ts";
import { startNatsServer } from "./support/nats-server.ts";
import { startProgram } from "./support/program.ts";

const path = (name: string) => fileURLToPath(new URL(`../${name}`, import.meta.url));

/** Nothing set, whatever this machine has set. */
const NOTHING_SET = {
  NATS_URL: undefined,
  TUTTI_PREFIX: undefined,
  OPENAI_API_KEY: undefined,
  OPENAI_BASE_URL: undefined,
  ANTHROPIC_API_KEY: undefined,
  TUTTI_MODEL: undefined,
  OTEL_EXPORTER_OTLP_ENDPOINT: undefined,
  NODE_OPTIONS: undefined,
};

const startNode = (script: string, args: readonly string[] = [], env: Record<string, string> = {}) =>
  startProgram(process.execPath, [path(script), ...args], { env: { ...NOTHING_SET, ...env } });

/** Runs an example to its end. */
async function run(name: string, env: Record<string, string> = {}) {
  await using example = startNode(`examples/${name}.ts`, [], env);
  const code = await example.ended;
  return { code, said: example.said };
}

it("01-first-worker greets", async () => {
  expect(await run("01-first-worker")).toEqual({ code: 0, said: "Hello, Ada!\n" });
});

/** A model at a local endpoint, as the examples are told of it. */
const modelAt = (url: string) => ({ OPENAI_BASE_URL: url, OPENAI_API_KEY: "none", TUTTI_MODEL: "mine" });

it.each(["02-research", "03-agent"])("%s says which variable to set where no model is configured", async (name) => {
  const { code, said } = await run(name);
  expect(code).toBe(1);
  expect(said).toContain("set OPENAI_API_KEY");
});

it("02-research explores what the model names, and reports", async () => {
  await using model = await startModelServer();
  model.script(
    answerJson({ angles: ["history", "physics"] }),
    answer("notes"),
    answer("more notes"),
    answer("A report."),
  );
  expect(await run("02-research", modelAt(model.url))).toEqual({ code: 0, said: "A report.\n" });
  const prompts = model.requests.map(({ body }) => body.messages.at(-1)!.content);
  expect(prompts[0]).toContain("Name angles on: Why do orchestras tune to an A?");
  expect(prompts.slice(1, 3).sort()).toEqual(["history", "physics"].map((one) => `Research in five sentences: ${one}`));
  expect(prompts[3]).toMatch(/^Write a report from:\n/);
  expect(model.requests[0]?.body.model).toBe("mine");
});

it("03-agent calls tools until it knows", async () => {
  await using model = await startModelServer();
  model.script(
    answerJson({ lookUp: ["people in Iceland", "km² of Iceland"] }),
    answerJson({ divide: [{ a: 389_000, b: 103_000 }] }),
    answerJson({ answer: "3.8 people per km²" }),
  );
  expect(await run("03-agent", modelAt(model.url))).toEqual({ code: 0, said: "3.8 people per km² (3 findings)\n" });
  expect(model.requests.at(-1)!.body.messages.at(-1)!.content).toContain("389000 / 103000 = 3.8");
});

it("04-map-reduce counts the words of all files", async () => {
  const { code, said } = await run("04-map-reduce");
  expect(code).toBe(0);
  expect(said).toMatch(/^\d{4} words in 4 files\n$/);
});

it("05-hierarchy shows a tree of three levels, all of it succeeded", async () => {
  const { code, said } = await run("05-hierarchy");
  expect(code).toBe(0);
  expect(said).toContain("first: 'Strings: All about violin. All about cello.'");
  const tasks = said.split("\n").filter((line) => line.endsWith("  succeeded"));
  expect(tasks.map((line) => line.split("  ")[0])).toEqual(
    expect.arrayContaining(["-", "first", "second", "first/violin", "first/join", "second/oboe", "second/join"]),
  );
  expect(tasks).toHaveLength(9);
});

it("06-when-things-fail tells each failure by its code", async () => {
  const { code, said } = await run("06-when-things-fail");
  expect(code).toBe(0);
  expect(said.trimEnd().split("\n")).toEqual([
    "succeeded at attempt 3",
    "422 task - failed: no further attempt would help",
    "422 task - failed: the attempt took longer than its timeout of 50 ms",
    "408 the run did not end within its deadline of 50 ms",
    "499 the run was cancelled: it takes too long",
  ]);
});

it("07-survive-kill pays every invoice, in spite of a kill and a closed bank", { timeout: 60_000 }, async () => {
  const server = await startNatsServer();
  try {
    const { code, said } = await run("07-survive-kill", { NATS_URL: server.url });
    expect(said).toContain("killed the worker in the middle of a payment");
    expect(said).toContain("task second failed: the bank is closed");
    expect(said).toMatch(/first: \{ paid: true \},\s+second: \{ paid: true \}/);
    expect(code).toBe(0);
  } finally {
    await server.stop();
  }
});

it("08-on-nats: a client, a worker and an orchestrator are three processes", async () => {
  const server = await startNatsServer();
  const env = { NATS_URL: server.url };
  try {
    await using orchestrator = startNode("src/cli/main.ts", ["orchestrator"], env);
    await orchestrator.says("orchestrator ready");
    await using worker = startNode("examples/08-on-nats/worker.ts", [], env);
    await worker.says("worker ready");
    await using client = startNode("examples/08-on-nats/client.ts", ["hello"], env);
    expect(await client.ended, client.said).toBe(0);
    expect(client.said).toMatch(/shout succeeded\nHELLO!\n$/);
    worker.signal("SIGTERM");
    expect(await worker.ended, worker.said).toBe(0);
  } finally {
    await server.stop();
  }
});

it("09-http starts a run by a request, and sends what happens as events", async () => {
  await using server = startNode("examples/09-http.ts");
  await server.says("listening on");
  const base = /http:\S+/.exec(server.said)![0];
  const started = await fetch(`${base}/greetings`, { method: "POST" });
  expect(started.status).toBe(202);
  const events = await (await fetch(base + started.headers.get("location")!)).text();
  expect(events).toMatch(/^event: run\ndata: \{/);
  expect(events).toContain('"output":{"Ada":"Hello, Ada!","Alan":"Hello, Alan!"}');
  server.signal("SIGTERM");
  expect(await server.ended, server.said).toBe(0);
});

it("11-testing lets an hour pass", async () => {
  expect(await run("11-testing")).toEqual({ code: 0, said: "an hour has passed\n" });
});

it("12-approval asks, and goes on with the answer", async () => {
  const { code, said } = await run("12-approval");
  expect({ code, lines: said.trim().split("\n") }).toEqual({
    code: 0,
    lines: [
      'wait waits for approve from ada: {"publish":"Hello, world!"}',
      'the signal is not what wait waits for: /data/ok: expected boolean, received "certainly"',
      "Published: Hello, world!",
    ],
  });
});

it("orchestrator-builder builds and executes", async () => {
  expect(await run("orchestrator-builder")).toEqual({ code: 0, said: "{ shout: 'TUTTI', count: 5 }\n" });
});
