import { hostname } from "node:os";
import { LiveReporter } from "./actors/attempt/live-reporter.ts";
import { watchStrayErrors } from "./actors/attempt/stray-errors.ts";
import { App } from "./actors/client/app.ts";
import { BlobStore } from "./actors/host/blobs.ts";
import { asTuttiError } from "./actors/host/bus-failure.ts";
import { createFileAccess } from "./actors/host/file-access.ts";
import { guardHook } from "./actors/host/guarded-hook.ts";
import { agreeOnLease, agreeOnMaxAge, agreeOnShards } from "./actors/host/log-settings.ts";
import { describeLoss, LossRepair } from "./actors/host/losses.ts";
import { QueuesInUse } from "./actors/host/queues-in-use.ts";
import type { Runtime } from "./actors/host/runtime.ts";
import { Trouble } from "./actors/host/trouble.ts";
import { TypeRegistry } from "./actors/host/type-registry.ts";
import { Orchestrator } from "./actors/orchestrator.ts";
import { WorkerProcess } from "./actors/worker/worker-process.ts";
import type { Tutti, TuttiOptions } from "./app.ts";
import { createMemoryBus } from "./bus/memory/bus.ts";
import { connectNats, readNatsOptions } from "./bus/nats/bus.ts";
import type { Bus } from "./bus/port.ts";
import { SMALLEST_PAYLOAD } from "./bus/sizes.ts";
import { createTopology, type Topology } from "./bus/topology.ts";
import { atMost, type Clock, systemClock } from "./core/clock.ts";
import { formatDuration } from "./core/duration.ts";
import { messageOf, TuttiError } from "./core/error.ts";
import { checkOptions } from "./core/known-options.ts";
import type { Logger } from "./core/logger.ts";
import { show } from "./core/problem.ts";
import { readDefaults, withDefaults } from "./default-options.ts";
import { isWorker, type Worker } from "./define/worker.ts";
import { orchestratorLimits } from "./limit-options.ts";
import { openModels } from "./model-options.ts";
import { topologyOptions } from "./topology-options.ts";
import { TUTTI_OPTIONS } from "./tutti-options.ts";

export const DEFAULT_SHARDS = 16;
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
  checkOptions("tutti()", options, TUTTI_OPTIONS);
  const env = options.env ?? process.env;
  const clock = parts.clock ?? systemClock;
  // A logger that throws has nobody to tell.
  const log = guardHook(options.onLog ?? (() => {}), () => {});
  checkWorkers(options.workers ?? []);
  const defaults = readDefaults(options);
  const workers = withDefaults(options.workers ?? [], defaults);
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
    if (type === "lost") log("error", describeLoss(event, bus.description));
  });
  try {
    if (bus.maxPayload < SMALLEST_PAYLOAD)
      throw new TuttiError(
        400,
        `${bus.description} takes messages of ${bus.maxPayload} bytes at most (max_payload); expected ${SMALLEST_PAYLOAD} or more`,
      );
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
    const repair = new LossRepair(host, async () => {
      // A mere client has stored nothing.
      if (!takesPart) return;
      await agreeOnMaxAge(bus, { ...stated, maxAgeMs });
      await agreeOnLease(bus, { ...stated, ...lease }, log);
      if (orchestrates) await agreeOnShards(bus, topology, shards, shards);
      await types.restore();
      await queues.restore();
    });
    bus.onEvent(({ type }) => type === "lost" && repair.begin());
    const outside = await openModels(options, { env, bus, topology, clock, log, id });
    const files = options.files ?? (options.bus === undefined ? "." : undefined);
    const workerHost = {
      ...host,
      models: outside.models,
      services: outside.services,
      breaker: (name: string) => outside.services.breaker(name),
      live: new LiveReporter(host),
      openFile: createFileAccess(files),
    };
    const worker = workers.length > 0 ? new WorkerProcess(workerHost, { workers, ...concurrency }) : undefined;
    const orchestrator = orchestrates
      ? new Orchestrator(host, {
          limits,
          ...(options.onRun && { onRun: guardHook(options.onRun, hookFailed("onRun", log)) }),
        })
      : undefined;
    const unwatch = worker ? watchStrayErrors() : () => {};
    const stop = async (graceMs: number) => {
      // Workers first: their results are still folded, so a restart finds less to do. A bus that is gone holds up nothing.
      if (worker) await atMost(clock, graceMs + LEAVE_MS, worker.stop(graceMs));
      if (orchestrator) await atMost(clock, LEAVE_MS, orchestrator.stop());
      repair.stop();
      outside.stop();
      unwatch();
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
    return new App(host, { stop, ...(defaults.deadlineMs !== undefined && { deadline: defaults.deadlineMs }) });
  } catch (error) {
    await atMost(clock, LEAVE_MS, bus.close());
    throw asTuttiError(error);
  }
}

const hookFailed = (hook: string, log: Logger) => (error: unknown) =>
  log("error", `${hook} has thrown: ${messageOf(error)}`);

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
export function processId(clock: Clock): string {
  const host =
    hostname()
      .split(".")[0]!
      .replaceAll(/[^A-Za-z0-9_-]/g, "-")
      .replace(/^[-_]+/, "")
      .slice(0, 32) || "host";
  return `${host}-${process.pid}-${clock.id().slice(-5)}`;
}
