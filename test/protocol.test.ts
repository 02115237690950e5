import { readFileSync } from "node:fs";
import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import { Kvm } from "@nats-io/kv";
import { Objm } from "@nats-io/obj";
import { connect } from "@nats-io/transport-node";
import { describe, expect, it, onTestFinished } from "vitest";
import type { z } from "zod";
import { createSubjects } from "../src/bus/subjects.ts";
import { createTopology } from "../src/bus/topology.ts";
import { claim } from "../src/core/claim.ts";
import { deadRequest, deadTask } from "../src/core/dead-letter.ts";
import { ERROR_CODES, taskError, wireError } from "../src/core/error.ts";
import { EVENT_SCHEMAS, type EventKind, result } from "../src/core/event.ts";
import { LIVE_KINDS, liveMessage } from "../src/core/live.ts";
import { PRIORITIES } from "../src/core/names.ts";
import { plan, plannedTask } from "../src/core/plan.ts";
import { policy, retry } from "../src/core/policy.ts";
import { QUERIES } from "../src/core/query.ts";
import { orchestratorPresence, typeRegistration, workerPresence } from "../src/core/registration.ts";
import { HEADERS, requestHeaders } from "../src/core/request.ts";
import { taskMessage } from "../src/core/task-message.ts";
import { plan as planOf, tutti, worker } from "../src/index.ts";
import { startNatsServer } from "./support/nats-server.ts";
import { readShape, type Shape, shapeOf } from "./support/protocol-shape.ts";

const page = readFileSync(new URL("../docs/protocol.md", import.meta.url), "utf8");

/** The part of the page below a heading, up to the next of the same level or above. */
function section(heading: string): string {
  const level = heading.match(/^#+/)![0].length;
  const from = page.indexOf(`\n${heading}\n`);
  expect(from, `the page has the heading ${heading}`).toBeGreaterThan(0);
  const rest = page.slice(from + heading.length + 2);
  const end = rest.search(new RegExp(`\n#{1,${level}} `));
  return end < 0 ? rest : rest.slice(0, end);
}

/** The rows of the table with that first column, without its head; code spans and escapes as they read. */
function rows(text: string, firstColumn: string): string[][] {
  const lines = text.split("\n").filter((line) => line.startsWith("|"));
  const head = lines.findIndex((line) => cells(line)[0] === firstColumn);
  expect(head, `there is a table of ${firstColumn}`).toBeGreaterThanOrEqual(0);
  const found: string[][] = [];
  for (const line of lines.slice(head + 2)) {
    if (/^\|[ -]+\|/.test(line) || lines[lines.indexOf(line) + 1]?.startsWith("| ---")) break;
    found.push(cells(line));
  }
  return found;
}
const cells = (line: string): string[] =>
  line
    .split("|")
    .slice(1, -1)
    .map((cell) => cell.trim());
const codes = (text: string): string[] => Array.from(text.matchAll(/`([^`]+)`/g), ([, code]) => code!);

/** The shape whose brace is the last of `begin`, which is how it stands on the page. */
function shapeAfter(text: string, begin: string): Shape {
  const from = text.indexOf(begin);
  expect(from, `the page has ${begin}`).toBeGreaterThanOrEqual(0);
  return readShape(text.slice(from + begin.lastIndexOf("{")));
}

describe("the page of the protocol", () => {
  it("names every subject, and no other", () => {
    const subjects = createSubjects("tutti");
    const at = { type: "<type>", priority: "<priority>", shard: "<shard>", tenant: "<tenant>", run: "<run>" };
    const address = { ...at, task: "<task>", attempt: "<attempt>" } as never;
    const named = [
      subjects.run("<type>"),
      subjects.submit("<type>"),
      subjects.requests("<type>"),
      subjects.task(address),
      subjects.log("<tenant>", "<shard>" as never, "<run>", "<event>" as never),
      subjects.live("<tenant>", "<run>", "<kind>" as never),
      subjects.cancel("<tenant>", "<run>"),
      subjects.api("<resource>", "<verb>"),
      subjects.deadTask("<tenant>", "<run>", "<task>", "<attempt>" as never),
      subjects.deadRequest("<type>", "<sequence>" as never),
      subjects.worker("<worker>"),
      subjects.owner("<shard>" as never),
    ];
    const table = rows(section("## Subjects"), "subject");
    expect(table.map(([subject]) => codes(subject!)[0]).toSorted()).toEqual(named.toSorted());
    const what = (subject: string) => codes(table.find(([first]) => codes(first!)[0] === subject)![2]!);
    expect(what(subjects.api("<resource>", "<verb>")).toSorted()).toEqual(Object.keys(QUERIES).toSorted());
    expect(what(subjects.live("<tenant>", "<run>", "<kind>" as never))).toEqual([...LIVE_KINDS]);
    expect(what(subjects.task(address))).toEqual([...PRIORITIES]);
  });

  it("names every header of a request, and those of a reply", () => {
    const table = rows(section("## Requests"), "header").map(([header]) => codes(header!)[0]);
    expect(table.toSorted()).toEqual([...Object.keys(requestHeaders.shape), HEADERS.trace].toSorted());
    for (const header of [HEADERS.run, HEADERS.output]) expect(section("## Requests")).toContain(`\`${header}`);
    for (const header of [HEADERS.errorCode, HEADERS.error]) expect(section("## Errors")).toContain(`\`${header}\``);
  });

  it("names every stream, bucket and store", () => {
    const { streams, buckets, blobs } = createTopology();
    const named = [...Object.values(streams), ...Object.values(buckets), blobs].map(({ name }) => name);
    const table = rows(section("## Streams and buckets"), "name").flatMap(([name]) => codes(name!));
    expect(table.toSorted()).toEqual(named.toSorted());
  });

  it("describes the entries of the buckets", () => {
    const schemas: Record<string, z.ZodObject> = {
      TUTTI_types: typeRegistration,
      TUTTI_workers: workerPresence,
      TUTTI_orchestrators: orchestratorPresence,
      TUTTI_shards: claim,
    };
    const table = rows(section("### Entries of the buckets"), "bucket");
    for (const [bucket, schema] of Object.entries(schemas)) {
      const row = table.find(([first]) => codes(first!)[0] === bucket);
      expect(readShape(row![2]!), bucket).toEqual(shapeOf(schema));
    }
  });

  it("has every code of an error, and its body", () => {
    expect(rows(section("## Errors"), "code").map(([code]) => Number(code))).toEqual([...ERROR_CODES]);
    expect(shapeAfter(section("## Errors"), '{"error":{')).toEqual(shapeOf(wireError));
  });

  it("has every kind of a task's error, and its fields", () => {
    const text = section("### An error");
    expect(rows(text, "kind").map(([kind]) => codes(kind!)[0])).toEqual(taskError.shape.kind.options);
    expect(shapeAfter(text, "```\n{")).toEqual(shapeOf(taskError));
  });

  it("has every query with its body", () => {
    const table = [...rows(section("## Queries"), "request"), ...rows(section("## Dead letters"), "request")];
    const asked = Object.fromEntries(
      table.map(([subject, body]) => [codes(subject!)[0]!.slice("tutti.api.".length), readShape(body!)]),
    );
    expect(asked).toEqual(Object.fromEntries(Object.entries(QUERIES).map(([query, body]) => [query, shapeOf(body)])));
  });

  it("has every event of the log with its fields", () => {
    const lines = section("## Events of the log").split("```")[1]!.trim().split("\n");
    const described = Object.fromEntries(lines.map((line) => [line.split(" ")[0]!, line.slice(line.indexOf(" "))]));
    expect(Object.keys(described)).toEqual(Object.keys(EVENT_SCHEMAS));
    for (const [kind, shape] of Object.entries(described))
      if (kind !== "result") expect(readShape(shape), kind).toEqual(shapeOf(EVENT_SCHEMAS[kind as EventKind]));
  });

  it("has the fields of what workers read and write", () => {
    const text = section("## A worker");
    expect(shapeAfter(text, '{"v":1, "run"')).toEqual(shapeOf(taskMessage));
    expect(shapeAfter(text, '"results":[{')).toEqual(shapeOf(result));
    expect(shapeAfter(text, '"items":[{')).toEqual(shapeOf(liveMessage.shape.items.element));
    expect(shapeAfter(text, '`{"retry"?')).toEqual(shapeOf(policy));
    expect(shapeAfter(text, '"retry"?:{')).toEqual(shapeOf(retry));
  });

  it("has the fields of a plan", () => {
    expect(shapeAfter(section("## A plan"), "```\n{")).toEqual(shapeOf(plan));
    expect(shapeAfter(section("## A plan"), '"<key>":{')).toEqual(shapeOf(plannedTask));
  });

  it("has the fields of what is stored of the dead", () => {
    const [task, request] = section("## Dead letters").split("```")[1]!.trim().split("\n");
    expect(readShape(task!.slice(task!.indexOf("{")))).toEqual(shapeOf(deadTask));
    expect(readShape(request!.slice(request!.indexOf("{")))).toEqual(shapeOf(deadRequest));
  });
});

describe("the permissions that the page gives", () => {
  const block = section("### Leave needed").match(/```conf\n([\s\S]*?)```/)![1]!;
  const big = "x".repeat(300_000);

  async function start() {
    const server = await startNatsServer({ config: block });
    onTestFinished(() => server.stop());
    const wide = worker("wide", { run: ({ input }) => planOf((p) => p.task("resize", input)) });
    const app = await tutti({ bus: server.url, env: { NATS_USER: "tutti", NATS_PASSWORD: "secret" }, workers: [wide] });
    onTestFinished(() => app.stop());
    const as = async (user: string) => {
      const client = await connect({ servers: server.url, user, pass: "secret" });
      onTestFinished(() => client.close());
      return client;
    };
    return { app, as };
  }

  it("let a worker do all that it has to, and nothing that is not its business", async () => {
    const { app, as } = await start();
    const client = await as("worker");
    await (await new Kvm(client).open("TUTTI_types")).put("resize", JSON.stringify({ v: 1, type: "resize" }));
    const manager = await jetstreamManager(client);
    for (const priority of PRIORITIES)
      await manager.consumers.add("TUTTI_TASKS", {
        durable_name: `resize_${priority}`,
        ack_policy: "explicit",
        filter_subject: `tutti.tasks.resize.${priority}.>`,
      });
    const presence = { v: 1, worker: "w", types: ["resize"], concurrency: 1, running: 0, completed: 0, failed: 0 };
    const workers = await new Kvm(client).open("TUTTI_workers");
    await workers.put("w", JSON.stringify({ ...presence, since: Date.now() }));
    expect((await app.workers()).map((one) => one.worker)).toContain("w");
    const queues = await (await new Kvm(client).open("TUTTI_queues")).watch();
    queues.stop();
    expect((await (await new Kvm(client).open("TUTTI_shards")).get("0"))?.json()).toMatchObject({ v: 1, epoch: 1 });
    client.subscribe("tutti.cancel.*.*");

    const js = jetstream(client);
    const blobs = await new Objm(client).open("TUTTI_blobs");
    const messages = await (await js.consumers.get("TUTTI_TASKS", "resize_normal")).consume();
    onTestFinished(() => void messages.close());
    const ended = app.run("wide", { big });
    for await (const message of messages) {
      message.working();
      const { run, task, attempt, inputRef, reply } = message.json<Record<string, string>>();
      const live = { v: 1, items: [{ task, attempt, at: Date.now(), data: 0.5 }] };
      client.publish(`tutti.live.default.${run}.progress`, JSON.stringify(live));
      const query = JSON.stringify({ run, task, attempt });
      expect((await client.request("tutti.api.tasks.settled", query)).json()).toEqual({ settled: false });
      const input = await blobs.getBlob(inputRef!);
      await blobs.putBlob({ name: "mine" }, input!);
      await js.publish(`${reply}.result`, JSON.stringify({ v: 1, results: [{ task, attempt, outputRef: "mine" }] }));
      message.ack();
      break;
    }
    expect(await ended).toEqual({ big });
    for (const refused of ["tutti.run.wide", "tutti.log.default.0.r.cancel", "$JS.API.STREAM.PURGE.TUTTI_LOG"])
      await expect(client.request(refused, "{}"), refused).rejects.toThrow("Permissions Violation");
  });

  it("let a worker process of ours execute tasks", async () => {
    const { app } = await start();
    const resize = worker("resize", { run: ({ input }) => input });
    const env = { NATS_USER: "worker", NATS_PASSWORD: "secret" };
    const logged: string[] = [];
    const crew = await tutti({
      bus: app.bus.split(" ")[0]!,
      env,
      workers: [resize],
      orchestrator: false,
      onLog: (level, message) => void logged.push(`${level} ${message}`),
    });
    onTestFinished(() => crew.stop({ graceMs: 0 }));
    expect(await app.run("resize", { big })).toEqual({ big });
    expect(logged.filter((line) => /^(warn|error)/.test(line))).toEqual([]);
  });

  it("let a caller start runs, follow them and ask about them, and nothing else", async () => {
    const { app, as } = await start();
    const client = await as("caller");
    const echo = worker("resize", { run: ({ input }) => input });
    const env = { NATS_USER: "tutti", NATS_PASSWORD: "secret" };
    const crew = await tutti({ bus: app.bus.split(" ")[0]!, env, workers: [echo], orchestrator: false });
    onTestFinished(() => crew.stop());
    client.subscribe("tutti.live.>");
    const input = JSON.stringify({ text: "x".repeat(700_000) });
    const answer = await client.request("tutti.run.resize", input, { timeout: 20_000 });
    expect(answer.json()).toEqual(JSON.parse(input));
    expect((await client.request("tutti.api.runs.list")).json()).toHaveLength(1);
    const blobs = await new Objm(client).open("TUTTI_blobs");
    const stored = await app.putBlob(new TextEncoder().encode(big));
    expect(await blobs.getBlob(stored)).toHaveLength(big.length);
    for (const refused of ["tutti.log.default.0.r.cancel", "tutti.tasks.a.normal.0.default.r.t.1", "$KV.TUTTI_types.a"])
      await expect(client.request(refused, "{}"), refused).rejects.toThrow("Permissions Violation");
  });
});
