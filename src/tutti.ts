import { hostname } from "node:os";
import type { z } from "zod";
import { Client } from "./actors/client/client.ts";
import { watchRun } from "./actors/client/run-watch.ts";
import { BlobStore } from "./actors/host/blobs.ts";
import { asTuttiError, reading, translating } from "./actors/host/bus-failure.ts";
import { createFileAccess } from "./actors/host/file-access.ts";
import { agreeOnLease, agreeOnMaxAge, agreeOnShards } from "./actors/host/log-settings.ts";
import { QueuesInUse } from "./actors/host/queues-in-use.ts";
import type { Runtime } from "./actors/host/runtime.ts";
import { Trouble } from "./actors/host/trouble.ts";
import { TypeRegistry } from "./actors/host/type-registry.ts";
import { readLog } from "./actors/log/run-log.ts";
import { readRun, viewRun } from "./actors/log/run-reader.ts";
import { Orchestrator } from "./actors/orchestrator.ts";
import { LiveReporter } from "./actors/worker/live-reporter.ts";
import { WorkerProcess } from "./actors/worker/worker-process.ts";
import type { DeadLetterBox, RunOptions, Tutti, TuttiOptions, WatchEvent } from "./app.ts";
import { createMemoryBus } from "./bus/memory/bus.ts";
import { connectNats, readNatsOptions } from "./bus/nats/bus.ts";
import type { Bus } from "./bus/port.ts";
import { createTopology, type Topology } from "./bus/topology.ts";
import { atMost, type Clock, systemClock } from "./core/clock.ts";
import type { DeadLetter } from "./core/dead-letter.ts";
import { formatDuration } from "./core/duration.ts";
import { TuttiError } from "./core/error.ts";
import type { Json } from "./core/json.ts";
import { isName, NAME_EXPECTED } from "./core/names.ts";
import { show } from "./core/problem.ts";
import type { OrchestratorPresence, TypeRegistration, WorkerPresence } from "./core/registration.ts";
import { DEFAULT_TENANT } from "./core/request.ts";
import type { RunSummary } from "./core/run-view.ts";
import type { Task } from "./define/task.ts";
import { isWorker, type Worker } from "./define/worker.ts";
import { orchestratorLimits } from "./limit-options.ts";
import { createModelProvider } from "./llm/provider.ts";
import { topologyOptions } from "./topology-options.ts";

const DEFAULT_SHARDS = 16;
const DEFAULT_GRACE_MS = 10_000;
/** For each part to store what it was about to write and to take its leave. */
const LEAVE_MS = 3000;

/** What only tests and the simulator replace. */
export interface TuttiParts {
  readonly bus?: Bus;
  readonly clock?: Clock;
}

/**
 * Starts Tutti: embedded, on NATS, as an orchestrator, a worker process or a mere client, by its options. Rejects with
 * a {@link TuttiError}: 400 for wrong options, 503 when the bus cannot be reached, 409 when the log has another number
 * of shards.
 */
export async function tutti(options: TuttiOptions = {}, parts: TuttiParts = {}): Promise<Tutti> {
  const env = options.env ?? process.env;
  const clock = parts.clock ?? systemClock;
  const log = options.onLog ?? (() => {});
  const workers = options.workers ?? [];
  checkWorkers(workers);
  const concurrency = options.concurrency === undefined ? {} : { concurrency: checkedConcurrency(options.concurrency) };
  const stated = topologyOptions(options, env);
  const limits = orchestratorLimits(options, env);
  const id = options.id ?? processId(clock);
  const bus = parts.bus ?? (await connect(options.bus, env, id, clock));
  bus.onEvent((event) => {
    const { type } = event;
    if (type === "stalled")
      log("warn", `this process stood still for ${formatDuration(event.ms)}: what the bus sent meanwhile comes now`);
    if (type === "disconnected") log("warn", `the connection to ${bus.description} is lost; reconnecting`);
    if (type === "reconnected") log("warn", `the connection to ${bus.description} is back`);
  });
  try {
    const orchestrates = options.orchestrator !== false;
    const takesPart = orchestrates || workers.length > 0;
    const maxAgeMs = await agreeOnMaxAge(bus, stated);
    // A mere client has no presence.
    const lease = takesPart ? { presenceTtlMs: await agreeOnLease(bus, stated, log) } : {};
    const topology = createTopology({ ...stated, maxAgeMs, ...lease });
    if (takesPart) await ensureTopology(bus, topology);
    const shards = orchestrates ? await agreeOnShards(bus, topology, wantedShards(options, env), DEFAULT_SHARDS) : 0;
    const blobs = await BlobStore.open(bus, topology, clock);
    const [types, queues] = await Promise.all([
      TypeRegistry.open(bus, topology, log),
      QueuesInUse.open(bus, topology, log),
    ]);
    const trouble = new Trouble(clock, log);
    const host: Runtime = { bus, topology, clock, blobs, types, queues, log, trouble, id, shards };
    const models = createModelProvider({ env, onLog: log });
    const files = options.files ?? (options.bus === undefined ? "." : undefined);
    const workerHost = { ...host, models, live: new LiveReporter(host), openFile: createFileAccess(files) };
    const worker = workers.length > 0 ? new WorkerProcess(workerHost, { workers, ...concurrency }) : undefined;
    const orchestrator = orchestrates
      ? new Orchestrator(host, { limits, ...(options.onRun && { onRun: options.onRun }) })
      : undefined;
    const stop = async (graceMs: number) => {
      // Workers first: their results are still folded, so a restart finds less to do. A bus that is gone holds up nothing.
      if (worker) await atMost(clock, graceMs + LEAVE_MS, worker.stop(graceMs));
      if (orchestrator) await atMost(clock, LEAVE_MS, orchestrator.stop());
      models.stop();
      await atMost(clock, LEAVE_MS, Promise.all([types.stop(), queues.stop()]));
      await atMost(clock, LEAVE_MS, bus.close());
      trouble.stop();
    };
    try {
      // Types first: a request that waits in the stream must find them.
      await worker?.start();
      await orchestrator?.start();
    } catch (error) {
      await stop(0);
      throw error;
    }
    return new App(host, stop);
  } catch (error) {
    await atMost(clock, LEAVE_MS, bus.close());
    throw asTuttiError(error);
  }
}

class App implements Tutti {
  readonly bus: string;
  readonly #host: Runtime;
  readonly #client: Client;
  readonly #stop: (graceMs: number) => Promise<void>;
  #stopped: Promise<void> | undefined;

  constructor(host: Runtime, stop: (graceMs: number) => Promise<void>) {
    this.bus = host.bus.description;
    this.#host = host;
    this.#client = new Client(host);
    this.#stop = stop;
  }

  run<I extends z.ZodType, O extends z.ZodType>(
    type: Task<I, O>,
    input: z.input<I>,
    options?: RunOptions,
  ): Promise<z.output<O>>;
  run(type: string, input: Json, options?: RunOptions): Promise<Json>;
  async run(type: Task | string, input: unknown, options: RunOptions = {}): Promise<unknown> {
    return this.#client.run(nameOf(type), input as Json, options, options.run ?? this.#host.clock.id());
  }

  async submit(type: Task | string, input: unknown, options: RunOptions = {}): Promise<string> {
    const run = options.run ?? this.#host.clock.id();
    await this.#client.submit(nameOf(type), input as Json, options, run);
    return run;
  }

  result = async (run: string, options: { tenant?: string; signal?: AbortSignal } = {}): Promise<Json> =>
    translating(this.#client.result(checkedRun(run), checkedTenant(options.tenant), options.signal));

  get = async (run: string, options: { tenant?: string } = {}) =>
    this.#read(checkedRun(run), checkedTenant(options.tenant));

  list = async (options: { tenant?: string; limit?: number } = {}) =>
    (await this.#client.query("runs.list", { ...options })) as RunSummary[];

  async *watch(run: string, options: { tenant?: string; signal?: AbortSignal } = {}): AsyncGenerator<WatchEvent> {
    yield* watchRun(this.#host, checkedTenant(options.tenant), checkedRun(run), options.signal);
  }

  log = async (run: string, options: { tenant?: string } = {}) =>
    this.#readLog(checkedRun(run), checkedTenant(options.tenant));

  async cancel(run: string, options: { tenant?: string; reason?: string; by?: string } = {}): Promise<void> {
    await this.#client.query("runs.cancel", { run, ...options });
  }

  readonly dead: DeadLetterBox = {
    list: async (options = {}) => (await this.#client.query("dead.list", { ...options })) as DeadLetter[],
    get: async (id, options = {}) => (await this.#client.query("dead.get", { id, ...options })) as DeadLetter,
    redrive: async (id, options = {}) => this.#client.redrive(id, options),
    drop: async (id, options = {}) => void (await this.#client.query("dead.drop", { id, ...options })),
  };

  workers = async () => (await this.#client.query("workers.list", {})) as WorkerPresence[];
  orchestrators = async () => (await this.#client.query("orchestrators.list", {})) as OrchestratorPresence[];
  types = async (): Promise<TypeRegistration[]> => this.#host.types.list();
  putBlob = (data: Uint8Array): Promise<string> => translating(this.#host.blobs.put(data));

  #read = (run: string, tenant: string) =>
    reading(this.#host.clock, async () => viewRun(this.#host, await readRun(this.#host, tenant, run)));
  #readLog = (run: string, tenant: string) => reading(this.#host.clock, () => readLog(this.#host, tenant, run));

  stop(options: { graceMs?: number } = {}): Promise<void> {
    this.#stopped ??= this.#stop(options.graceMs ?? DEFAULT_GRACE_MS);
    return this.#stopped;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

const nameOf = (type: Task | string): string => (typeof type === "string" ? type : type.type);

/** Ids become tokens of subjects: one that is no name would ask for something else. */
function checked(what: string, id: string): string {
  if (!isName(id)) throw new TuttiError(400, `${what} ${JSON.stringify(id)}: expected ${NAME_EXPECTED}`);
  return id;
}
const checkedRun = (run: string): string => checked("run", run);
const checkedTenant = (tenant: string = DEFAULT_TENANT): string => checked("tenant", tenant);

async function connect(
  servers: string | undefined,
  env: NonNullable<TuttiOptions["env"]>,
  id: string,
  clock: Clock,
): Promise<Bus> {
  if (servers === undefined) return createMemoryBus({ clock });
  try {
    return await connectNats({ ...readNatsOptions(env), servers, name: id, clock });
  } catch (error) {
    throw asTuttiError(error);
  }
}

async function ensureTopology(bus: Bus, topology: Topology): Promise<void> {
  for (const stream of Object.values(topology.streams)) await bus.ensureStream(stream);
}

function wantedShards(options: TuttiOptions, env: NonNullable<TuttiOptions["env"]>): number | undefined {
  const wanted = options.shards ?? (env.TUTTI_SHARDS ? Number(env.TUTTI_SHARDS) : undefined);
  if (wanted !== undefined && !(Number.isInteger(wanted) && wanted >= 1 && wanted <= 1024))
    throw new TuttiError(
      400,
      `shards: expected a whole number from 1 to 1024, received ${options.shards ?? env.TUTTI_SHARDS}`,
    );
  return wanted;
}

function checkedConcurrency(concurrency: number): number {
  if (!(Number.isInteger(concurrency) && concurrency >= 1))
    throw new TuttiError(400, `concurrency: expected a whole number, 1 or more, received ${concurrency}`);
  return concurrency;
}

function checkWorkers(workers: readonly unknown[]): void {
  if (!Array.isArray(workers))
    throw new TuttiError(400, `workers: expected an array of what worker() makes, received ${show(workers)}`);
  const odd = workers.findIndex((one) => !isWorker(one));
  if (odd >= 0)
    throw new TuttiError(400, `workers[${odd}]: expected what worker() makes, received ${show(workers[odd])}`);
  const types = (workers as readonly Worker[]).map(({ type }) => type);
  const double = types.find((type, i) => types.indexOf(type) !== i);
  if (double)
    throw new TuttiError(400, `two workers of the task type ${double}: a process executes each type by one handler`);
}

/** Runtime, process and a random part: one machine may run many, and process ids come again. */
function processId(clock: Clock): string {
  const host =
    hostname()
      .split(".")[0]!
      .replaceAll(/[^A-Za-z0-9_-]/g, "-")
      .replace(/^[-_]+/, "")
      .slice(0, 32) || "host";
  return `${host}-${process.pid}-${clock.id().slice(-5)}`;
}
