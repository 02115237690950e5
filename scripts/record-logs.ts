/**
 * Records the logs of real runs, and the states they fold to, into `test/fixtures/logs/v<LOG_VERSION>/`:
 * `node scripts/record-logs.ts`.
 *
 * Run it before raising `LOG_VERSION` (`src/core/version.ts`), with the last build of the old version: every later
 * build has to read these logs as they are. Recordings of earlier versions are never repeated.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { createMemoryBroker } from "../src/bus/memory/bus.ts";
import { createTopology } from "../src/bus/topology.ts";
import { systemClock } from "../src/core/clock.ts";
import { decodeJson, encodeJson, type Json } from "../src/core/json.ts";
import { LOG_VERSION } from "../src/core/version.ts";
import { builtinWorkers, plan, RetryableError, TerminalError, worker } from "../src/index.ts";
import { tutti } from "../src/tutti.ts";
import type { RecordedLog } from "../test/support/recorded-log.ts";

const folder = new URL(`../test/fixtures/logs/v${LOG_VERSION}/`, import.meta.url);
const clock = systemClock;
const broker = createMemoryBroker({ clock });
const bus = broker.connect();
const topology = createTopology();

let isBroken = true;
const retry = { attempts: 3, delay: 20 };
const add = worker("add", { run: ({ input }) => (input as number[]).reduce((a, b) => a + b, 0) });
const shaky = worker("shaky", {
  retry,
  run: ({ attempt }) => {
    if (attempt < 3) throw new RetryableError(`attempt ${attempt} of three`, { retryAfterMs: 5 });
    return 40;
  },
});
const fragile = worker("fragile", {
  run: () => {
    if (isBroken) throw new TerminalError("the service is gone");
    return 2;
  },
});
const slow = worker("slow", {
  run: ({ signal }) => new Promise<never>((_, no) => signal.addEventListener("abort", () => no(signal.reason))),
});
const tree = worker("tree", {
  run: () =>
    plan((p) => {
      const left = p.task(shaky, null, { key: "left" });
      const right = p.task(fragile, null, { key: "right" });
      return p.task(add, [left.output as never, right.output as never], { key: "sum" });
    }),
});
const parts = worker("parts", {
  run: () =>
    plan((p) => {
      p.task(shaky, null, { key: "done" });
      p.task(slow, null, { key: "never" });
    }),
});

const app = await tutti(
  { workers: [...builtinWorkers, add, shaky, fragile, slow, tree, parts], env: {}, id: "recorder" },
  { bus: broker.connect(), clock },
);
/** Registers the type `foreign`, which no worker here executes. */
const foreign = await tutti(
  { workers: [worker("foreign", { run: () => null })], orchestrator: false, env: {} },
  { bus: broker.connect(), clock },
);
await foreign.stop();

const failing = (run: Promise<unknown>) =>
  run.then(
    () => Promise.reject(new Error("expected the run to fail")),
    () => {},
  );
const documents = [
  { text: "The whole orchestra plays, and the audience loves it." },
  { text: "Das Konzert war leider eine Enttäuschung. Niemand hat geklatscht." },
];
await app.run("document", { documents }, { run: "documents", requester: "the recorder" });
isBroken = false;
await app.run("tree", {}, { run: "retries" });
isBroken = true;
await failing(app.run("tree", {}, { run: "failure" }));
await failing(app.run("tree", {}, { run: "redriven" }));
await failing(app.run("tree", {}, { run: "redriven-in-vain" }));
await app.dead.redrive("redriven-in-vain", { by: "the recorder", reason: "to see it fail again" });
await failing(app.result("redriven-in-vain"));
isBroken = false;
await app.dead.redrive("redriven");
await app.result("redriven");
await failing(app.run("parts", {}, { run: "deadline", deadline: 300 }));
const cancelled = failing(app.run("parts", {}, { run: "cancelled" }));
await until(async () => (await app.get("cancelled")).totals.succeeded === 1);
await app.cancel("cancelled", { by: "the recorder", reason: "to see it stop" });
await cancelled;
await recordByReference();
await app.submit("parts", {}, { run: "unfinished" });
await until(async () => (await app.get("unfinished")).totals.succeeded === 1);

/** Records a run whose plan and one output are in the object store, as a worker in another language may send them. */
async function recordByReference(): Promise<void> {
  await app.submit("foreign", {}, { run: "by-reference", priority: "high" });
  const put = (value: Json) => app.putBlob(encodeJson(value));
  const planRef = await put({ v: 1, tasks: { a: { type: "shaky" }, b: { type: "foreign", input: { $ref: "a" } } } });
  await answer("-", { planRef });
  await until(async () => (await app.get("by-reference")).totals.succeeded === 1);
  await answer("b", { outputRef: await put({ large: true }) });
  await app.result("by-reference");
}

async function answer(task: string, content: object): Promise<void> {
  const stored = await bus.getLastMessage(
    topology.streams.log.name,
    topology.subjects.logOfRun("default", "by-reference", "submitted"),
  );
  const result = { task, attempt: 1, startedAt: clock.now(), ...content };
  await bus.append(stored!.subject.replace("submitted", "result"), encodeJson({ results: [result] }));
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition().catch(() => false))) await new Promise((resolve) => setTimeout(resolve, 5));
}

mkdirSync(folder, { recursive: true });
const names = (await app.list({ limit: 100 })).map(({ run }) => run);
const objects = await bus.objects(topology.blobs);
for (const run of names) {
  const messages: RecordedLog["messages"][number][] = [];
  const blobs: Record<string, Json> = {};
  const read = Promise.withResolvers<void>();
  const follower = await bus.follow(
    topology.streams.log.name,
    topology.subjects.logOfRun("default", run, ">"),
    ({ subject, timestamp, data }) => messages.push({ subject, timestamp, body: decodeJson(data) as Json }),
    { onCaughtUp: read.resolve },
  );
  await read.promise;
  await follower.stop();
  for (const [, ref] of JSON.stringify(messages).matchAll(/"(?:plan|output|input)Ref":"([^"]+)"/g))
    blobs[ref!] = decodeJson((await objects.get(ref!))!) as Json;
  const recorded: RecordedLog = { run, messages, blobs, view: await app.get(run) };
  writeFileSync(new URL(`${run}.json`, folder), `${JSON.stringify(recorded, null, 1)}\n`);
}
await app.stop({ graceMs: 0 });
console.log(`${folder.pathname}: ${names.join(", ")}`);
