import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { answerJson, startModelServer } from "./support/model-server.ts";
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

it("02-map-reduce counts the words of all texts", async () => {
  expect(await run("02-map-reduce")).toEqual({ code: 0, said: "6 words\n" });
});

it("03-hierarchy shows a tree of three levels, all of it succeeded", async () => {
  const { code, said } = await run("03-hierarchy");
  expect(code).toBe(0);
  expect(said).toContain("first: 'Strings: All about violin. All about cello.'");
  const tasks = said.split("\n").filter((line) => line.endsWith("  succeeded"));
  expect(tasks.map((line) => line.split("  ")[0])).toEqual(
    expect.arrayContaining(["-", "first", "second", "first/violin", "first/join", "second/oboe", "second/join"]),
  );
  expect(tasks).toHaveLength(9);
});

it("04-agent-loop calls tools until it knows", async () => {
  expect(await run("04-agent-loop")).toEqual({ code: 0, said: "How crowded is Iceland? 3.8 people per km²\n" });
});

it("05-when-things-fail tells each failure by its code", async () => {
  const { code, said } = await run("05-when-things-fail");
  expect(code).toBe(0);
  expect(said.trimEnd().split("\n")).toEqual([
    "succeeded at attempt 3",
    "422 task - failed: no further attempt would help",
    "422 task - failed: the attempt took longer than its timeout of 50 ms",
    "408 the run did not end within its deadline of 50 ms",
    "499 the run was cancelled: it takes too long",
  ]);
});

it("06-on-nats: a client, a worker and an orchestrator are three processes", async () => {
  const server = await startNatsServer();
  const env = { NATS_URL: server.url };
  try {
    await using orchestrator = startNode("src/cli/main.ts", ["orchestrator"], env);
    await orchestrator.says("orchestrator ready");
    await using worker = startNode("examples/06-on-nats/worker.ts", [], env);
    await worker.says("worker ready");
    await using client = startNode("examples/06-on-nats/client.ts", ["hello"], env);
    expect(await client.ended, client.said).toBe(0);
    expect(client.said).toMatch(/shout succeeded\nHELLO!\n$/);
    worker.signal("SIGTERM");
    expect(await worker.ended, worker.said).toBe(0);
  } finally {
    await server.stop();
  }
});

it("07-own-model says which variable to set where no model is configured", async () => {
  const { code, said } = await run("07-own-model");
  expect(code).toBe(1);
  expect(said).toContain("set OPENAI_API_KEY");
});

it("07-own-model takes its answer from the endpoint that is set", async () => {
  await using model = await startModelServer();
  model.always(answerJson({ mood: "happy", because: "the band plays" }));
  const { code, said } = await run("07-own-model", {
    OPENAI_BASE_URL: model.url,
    OPENAI_API_KEY: "none",
    TUTTI_MODEL: "mine",
  });
  expect({ code, said }).toEqual({ code: 0, said: "happy, because the band plays\n" });
  expect(model.requests[0]?.body.model).toBe("mine");
});

it("orchestrator-builder builds and executes", async () => {
  expect(await run("orchestrator-builder")).toEqual({ code: 0, said: "{ shout: 'TUTTI', count: 5 }\n" });
});
