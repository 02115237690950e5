import { BlobStore } from "../src/actors/host/blobs.ts";
import { Trouble } from "../src/actors/host/trouble.ts";
import { readLogMessage } from "../src/actors/log/log-event.ts";
import { LogPump } from "../src/actors/log/log-pump.ts";
import { ShardFold } from "../src/actors/shard/shard-fold.ts";
import type { Tutti } from "../src/app.ts";
import { connectNats } from "../src/bus/nats/bus.ts";
import type { Bus, StoredMessage } from "../src/bus/port.ts";
import { createTopology, type Topology } from "../src/bus/topology.ts";
import { systemClock } from "../src/core/clock.ts";
import { encodeJson } from "../src/core/json.ts";
import { DEFAULT_RETRY } from "../src/core/policy.ts";
import { FOLD_VERSION } from "../src/fold/apply.ts";
import { tutti } from "../src/tutti.ts";
import type { Row } from "./report.ts";
import { inTurn, median, rounded } from "./rounds.ts";
import type { Workload } from "./workload.ts";

/** An event of a log: the part of its subject after prefix, tenant and shard, and its body. */
type LogLine = readonly [string, unknown];

const submitted = {
  v: 1,
  type: "root",
  input: {},
  policy: { retry: DEFAULT_RETRY },
  priority: "normal",
  digest: "none",
  fold: FOLD_VERSION,
};
const planOf = (count: number) => ({
  v: 1,
  tasks: Object.fromEntries(Array.from({ length: count }, (_, i) => [`part-${i}`, { type: "part", input: { i } }])),
});
const resultOf = (task: string, content: object) => ({
  task,
  attempt: 1,
  worker: "worker-1",
  startedAt: "2025-01-01T00:00:00.000Z",
  ...content,
});

/** The number of events in a message: each result counts. */
const eventsIn = ([, body]: LogLine): number => (body as { results?: unknown[] }).results?.length ?? 1;

/** One run of N tasks with `each` results per message; the last result is missing. */
function* oneRun(count: number, each: number): Generator<LogLine> {
  yield ["run.submitted", submitted];
  const root = { ...resultOf("-", {}), planRef: "plan" };
  yield ["run.result", { v: 1, results: [root] }];
  for (let i = 0; i < count - 1; i += each) {
    const results = Array.from({ length: Math.min(each, count - 1 - i) }, (_, k) =>
      resultOf(`part-${i + k}`, { output: { i: i + k } }),
    );
    yield ["run.result", { v: 1, results }];
  }
}

/** N runs of three tasks, each with one task that is not done. */
function* manyRuns(count: number): Generator<LogLine> {
  for (let i = 0; i < count; i++) {
    yield [`run-${i}.submitted`, submitted];
    yield [`run-${i}.result`, { v: 1, results: [resultOf("-", { plan: planOf(2) })] }];
    yield [`run-${i}.result`, { v: 1, results: [resultOf("part-0", { output: { i } })] }];
  }
}

/**
 * Measures the cost of a takeover: folding a log, from memory and from a server, and the whole start of an
 * orchestrator.
 */
export const recovery: Workload = {
  summary: "what a takeover costs: a shard's log is folded, from memory and from a server",
  sizesAre: "tasks of one unfinished run; a tenth of that many unfinished runs",
  sizes: [100_000],
  rounds: 3,
  async measure({ sizes, rounds, startServer, say }) {
    const server = await startServer();
    const rows: Row[] = [];
    for (const n of sizes) {
      const logs: Readonly<Record<string, () => Generator<LogLine>>> = {
        "one run, a result a message": () => oneRun(n, 1),
        "one run, 100 results a message": () => oneRun(n, 100),
        "many runs": () => manyRuns(n / 10),
      };
      for (const [name, linesOf] of Object.entries(logs)) {
        const prefix = `log${rows.length}`;
        const bus = await connectNats({ servers: server.url, name: "bench" });
        const topology = createTopology({ prefix });
        await write(bus, topology, linesOf(), n);
        const blobs = await BlobStore.open(bus, topology, systemClock);
        const stored = await readAll(bus, topology);
        const times = await inTurn(
          rounds,
          {
            fold: () => foldAlone(topology, stored, n),
            nats: () => foldFromServer(bus, topology, blobs, stored.length),
            takeover: () => takeOver(server.url, prefix),
          },
          (round, results) => say(`${n}, ${name}, round ${round}: ${JSON.stringify(results)}`),
        );
        const events = linesOf().reduce((sum, line) => sum + eventsIn(line), 0);
        const perSecond = (taken: readonly Taken[], of: (one: Taken) => number) =>
          rounded((events / median(taken.map(of))) * 1000);
        const wall = ({ ms }: Taken) => ms;
        const own = ({ cpuMs }: Taken) => cpuMs;
        rows.push({
          log: name,
          n,
          events,
          messages: stored.length,
          "fold, events/s": perSecond(times.fold, wall),
          "by processor time": perSecond(times.fold, own),
          "from NATS and fold, events/s": perSecond(times.nats, wall),
          "by its processor time": perSecond(times.nats, own),
          "orchestrator is up after, ms": rounded(median(times.takeover.map(wall))),
        });
        await bus.close();
      }
    }
    return rows;
  },
};

async function write(bus: Bus, topology: Topology, lines: Iterable<LogLine>, n: number): Promise<void> {
  for (const stream of Object.values(topology.streams)) await bus.ensureStream(stream);
  // Registers the types, which no worker executes.
  const types = await bus.bucket(topology.buckets.types);
  for (const type of ["root", "part"]) await types.put(type, encodeJson({ v: 1, type }));
  const store = await bus.objects(topology.blobs);
  await store.put("plan", encodeJson(planOf(n)));
  let batch: Promise<unknown>[] = [];
  for (const [place, body] of lines) {
    batch.push(bus.append(`${topology.subjects.prefix}.log.default.0.${place}`, encodeJson(body)));
    if (batch.length < 2000) continue;
    await Promise.all(batch);
    batch = [];
  }
  await Promise.all(batch);
}

async function readAll(bus: Bus, topology: Topology): Promise<StoredMessage[]> {
  const messages: StoredMessage[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  const { streams, subjects } = topology;
  const follower = await bus.follow(streams.log.name, subjects.logOfShard(0), (one) => messages.push(one), {
    onCaughtUp: resolve,
  });
  await promise;
  await follower.stop();
  return messages;
}

const createFold = () => new ShardFold({ reload: async () => undefined, observerOf: () => undefined });

/** Puts the content in place of references, as the pump does from the object store. */
function hydrated(topology: Topology, message: StoredMessage, n: number) {
  const event = readLogMessage(topology.subjects, message);
  const { read } = event;
  if (!read) throw new Error(`message ${message.sequence}: ${event.problem}`);
  for (const one of read.kind === "result" ? (read.body.results as { planRef?: string; plan?: unknown }[]) : [])
    if (one.planRef !== undefined) {
      delete one.planRef;
      one.plan = planOf(n);
    }
  return { ...event, read };
}

/** `cpuMs` is the processor time of this process, since others may keep the machine busy. */
interface Taken {
  readonly ms: number;
  readonly cpuMs: number;
}

async function timed(run: () => Promise<void>): Promise<Taken> {
  globalThis.gc?.();
  const cpuBefore = process.cpuUsage();
  const began = performance.now();
  await run();
  const ms = performance.now() - began;
  const { user, system } = process.cpuUsage(cpuBefore);
  return { ms: rounded(ms), cpuMs: rounded((user + system) / 1000) };
}

async function foldAlone(topology: Topology, stored: readonly StoredMessage[], n: number): Promise<Taken> {
  const events = stored.map((message) => hydrated(topology, message, n));
  const fold = createFold();
  return timed(async () => {
    for (const event of events) void fold.apply(event);
  });
}

async function foldFromServer(bus: Bus, topology: Topology, blobs: BlobStore, events: number): Promise<Taken> {
  const fold = createFold();
  const { streams, subjects } = topology;
  let folded = 0;
  const pump = new LogPump(
    { subjects, blobs, clock: systemClock, log: () => {}, trouble: new Trouble(systemClock, () => {}) },
    (event) => {
      folded++;
      void fold.apply(event);
    },
    {
      needsCarried: () => true,
      onNewer(newer) {
        throw newer;
      },
      onThrown(error) {
        throw error;
      },
    },
  );
  const { promise, resolve } = Promise.withResolvers<void>();
  const options = { onCaughtUp: () => pump.whenDrained(resolve) };
  const taken = await timed(async () => {
    const push = (message: StoredMessage) => pump.push(message);
    const follower = await bus.follow(streams.log.name, subjects.logOfShard(0), push, options);
    await promise;
    await follower.stop();
  });
  if (folded !== events) throw new Error(`${folded} events were folded; expected ${events}`);
  return taken;
}

/** Measures a whole start: the shard is claimed, its queue listed, its log replayed. Ready tasks wait for workers. */
async function takeOver(url: string, prefix: string): Promise<Taken> {
  let app: Tutti | undefined;
  const taken = await timed(async () => {
    app = await tutti({ bus: url, prefix, shards: 1, env: {} });
  });
  await app?.stop();
  return taken;
}
