import { afterAll, beforeAll, expect, test } from "vitest";
import { worker } from "../../src/index.ts";
import { tutti as connect } from "../../src/tutti.ts";
import { eventually } from "../contract/wait.ts";
import { type NatsServer, startNatsServer } from "../support/nats-server.ts";
import { connectPlainly } from "../support/plain-client.ts";
import { startRuntimeProcess } from "../support/runtime-process.ts";
import { tutti } from "./tutti-process.ts";

/** What kills its workers is found, shown and redriven by who sits at the command line, with real processes that really die. */
let server: NatsServer;
beforeAll(async () => {
  server = await startNatsServer();
});
afterAll(() => server?.stop());

const call = (...args: string[]) => tutti(args, { env: { NATS_URL: server.url } });
async function callJson(...args: string[]): Promise<unknown> {
  const { code, stdout, stderr } = await call(...args, "--json");
  expect([code, stderr]).toEqual([0, ""]);
  return JSON.parse(stdout);
}

test("a task that kills its worker again and again is a dead letter, and succeeds once it is mended and redriven", async () => {
  const options = { bus: server.url, shards: 4, timing: { ackWaitMs: 1500, presenceTtlMs: 1000 } };
  const orchestrator = await startRuntimeProcess(options);
  const client = await connect({ bus: server.url, orchestrator: false, env: {} });
  // It may die before it says that it is ready.
  const victim = () =>
    startRuntimeProcess({ ...options, orchestrator: false, workers: ["deadly"] }).catch(() => undefined);
  let worker = await victim();
  expect(await call("submit", "deadly", "--input", "[1]", "--run", "poisoned")).toMatchObject({ code: 0 });
  const ended = client.result("poisoned").catch((error: Error) => error.message);
  const dies = async () =>
    worker === undefined || Promise.race([worker.exited.then(() => true), ended.then(() => false)]);
  let deaths = 0;
  for (; (await dies()) && deaths < 20; deaths++) worker = await victim();
  // One more may have been started meanwhile.
  expect(deaths).toBeGreaterThanOrEqual(3);
  await worker?.stop();
  expect(await ended).toMatch(/lost \d+ workers .*: it seems to kill them/);

  const letter = { id: "poisoned", kind: "task", task: "-", type: "deadly", error: { kind: "poison" } };
  const [listed] = (await callJson("dead", "ls")) as [{ attempt: number; lost: { times: number } }];
  expect(listed).toMatchObject(letter);
  expect(listed.lost.times).toBeGreaterThanOrEqual(3);
  const { attempt } = listed;
  expect(await callJson("dead", "show", "poisoned")).toMatchObject({ ...letter, message: { input: [1] } });
  const { stdout: list } = await call("dead", "ls");
  expect(list).toMatch(
    /^ID +SINCE +TYPE +TASK +ATTEMPT +WHY +ERROR\npoisoned .* deadly +- +\d+ +poison +it has lost \d+ workers/,
  );
  const { stdout: shown } = await call("dead", "show", "poisoned");
  expect(shown).toMatch(/lost +lost \d+ workers .*error +poison it has lost \d+ workers.*input +\[\n/s);

  const good = await startRuntimeProcess({ ...options, orchestrator: false, workers: ["deadly"] }, { MENDED: "1" });
  const { code, stdout } = await call("dead", "redrive", "poisoned", "--reason", "mended");
  expect([code, stdout]).toEqual([0, `run poisoned is redriven: task -, attempt ${attempt + 1}\n`]);
  expect(await call("watch", "poisoned")).toMatchObject({ code: 0 });
  expect(await callJson("show", "poisoned")).toMatchObject({
    status: "succeeded",
    output: [1],
    redriven: { times: 1 },
  });
  expect((await call("log", "poisoned")).stdout).toMatch(
    /redrive +task -, whose attempt \d+ had failed by the command line: mended/,
  );
  expect(await callJson("dead", "ls")).toEqual([]);
  // Said again, it does nothing; and what is not there is told.
  expect(await callJson("dead", "redrive", "poisoned")).toMatchObject({ run: "poisoned", already: true });
  expect(await call("dead", "drop", "poisoned")).toMatchObject({
    code: 1,
    stderr: expect.stringContaining("no dead letter"),
  });
  expect(await call("dead", "show", "a b")).toMatchObject({
    code: 2,
    stderr: expect.stringContaining("request:<number>"),
  });
  for (const one of [client, good, orchestrator]) await one.stop();
}, 240_000);

test("what a stranger published is shown with none of the characters that a terminal would obey", async () => {
  const note = worker("note", { run: () => 1 });
  const app = await connect({ bus: server.url, shards: 4, workers: [note], env: {} });
  const stranger = await connectPlainly(server.url);
  stranger.publish("tutti.requests.note", "{\n\t\x1b]0;mine\x07\u009b2J\r}", { "Tutti-Run": "r\x1b[2J" });
  const letter = await eventually("its letter", async () => (await app.dead.list())[0]);
  const { stdout } = await call("dead", "show", letter.id);
  expect(stdout).toContain("body       {\n\t\ufffd]0;mine\ufffd\ufffd2J\ufffd}\n");
  expect(stdout).not.toMatch(/[^\P{Cc}\n\t]/u);
  await stranger.close();
  await app.stop();
});

test("a redriven request is told of as a stored request that is taken up again, as the run that it becomes", async () => {
  const app = await connect({ bus: server.url, shards: 4, workers: [worker("jot", { run: () => 1 })], env: {} });
  const stranger = await connectPlainly(server.url);
  stranger.publish("tutti.requests.jot", "{no json", { "Tutti-Run": "jotted" });
  const isOurs = async () => (await app.dead.list()).find(({ run }) => run === "jotted");
  const letter = await eventually("its letter", isOurs);
  const { code, stdout } = await call("dead", "redrive", letter.id);
  const number = letter.id.slice("request:".length);
  expect([code, stdout]).toEqual([0, `stored request ${number} is started again, as run jotted\n`]);
  // As it was it cannot be started now either.
  expect((await eventually("its next letter", isOurs)).id).not.toBe(letter.id);
  await stranger.close();
  await app.stop();
});
