import { LiveReporter } from "../../src/actors/attempt/live-reporter.ts";
import { BlobStore } from "../../src/actors/host/blobs.ts";
import { QueuesInUse } from "../../src/actors/host/queues-in-use.ts";
import { Trouble } from "../../src/actors/host/trouble.ts";
import { TypeRegistry } from "../../src/actors/host/type-registry.ts";
import { WorkerProcess } from "../../src/actors/worker/worker-process.ts";
import { createMemoryBus } from "../../src/bus/memory/bus.ts";
import { type Bus, BusError } from "../../src/bus/port.ts";
import { createTopology } from "../../src/bus/topology.ts";
import { decodeJson, encodeJson } from "../../src/core/json.ts";
import { type WorkerPresence, workerPresence } from "../../src/core/registration.ts";
import { createVirtualClock } from "../../src/core/virtual-clock.ts";
import { worker } from "../../src/define/worker.ts";
import { createModelProvider } from "../../src/llm/provider.ts";
import { ProcessServices } from "../../src/llm/services.ts";

/** An attempt whose handler waits until the test lets it return. */
export interface HeldAttempt {
  readonly signal: AbortSignal;
  finish(): void;
}

/** A worker process on a bus of its own, in virtual time, with one type of task whose handlers end when the test says so. */
export async function createWorkerBench(concurrency: number) {
  const clock = createVirtualClock();
  const bus = createMemoryBus({ clock });
  const refused = { results: false, queues: false };
  /** The bus, as the worker has it. */
  const workerBus: Bus = new Proxy(bus, {
    get(target, name) {
      if (name === "append" && refused.results)
        return () => Promise.reject(new BusError("unconfirmed", "no results from you"));
      if (name === "pull" && refused.queues) return () => Promise.reject(new BusError("closed", "no queue for you"));
      const value = Reflect.get(target, name) as unknown;
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  const topology = createTopology();
  const { subjects, streams } = topology;
  /** Nothing comes about while no time passes. */
  const passing = <T>(promise: Promise<T>) => clock.runUntilSettled(promise);
  for (const stream of Object.values(streams)) await passing(bus.ensureStream(stream));
  const log: string[] = [];
  const types = await passing(TypeRegistry.open(bus, topology, () => {}));
  const queues = await passing(QueuesInUse.open(bus, topology, () => {}));
  const blobs = await passing(BlobStore.open(bus, topology, clock));
  const say = (_: string, message: string) => void log.push(message);
  const trouble = new Trouble(clock, say);
  const host = { bus: workerBus, topology, clock, blobs, types, queues, log: say, trouble, id: "worker-1", shards: 1 };
  const held = new Set<HeldAttempt>();
  const slow = worker("slow", {
    run: ({ signal }) =>
      new Promise<string>((resolve) => {
        const finish = () => {
          held.delete(attempt);
          resolve("done");
        };
        const attempt = { signal, finish };
        held.add(attempt);
      }),
  });
  const models = createModelProvider({ env: {} });
  const fleet = () => ({
    id: "worker-1",
    follow: () => () => {},
    report: async () => {},
    claimTrial: async () => true,
  });
  const services = new ProcessServices({ models, clock, log: say, fleet });
  const surroundings = {
    ...host,
    models,
    services,
    breaker: (name: string) => services.breaker(name),
    live: new LiveReporter(host),
    openFile: () => Promise.reject(new Error("no files")),
  };
  const process = new WorkerProcess(surroundings, { workers: [slow], concurrency });
  const presences = await passing(bus.bucket(topology.buckets.workers));
  const presenceNow = async (): Promise<WorkerPresence | undefined> => {
    const entry = await passing(presences.get("worker-1"));
    return entry && workerPresence.parse(decodeJson(entry.value));
  };
  let tasks = 0;
  return {
    clock,
    process,
    log,
    /** Attempts whose handlers are waiting. */
    held,
    async queue(count: number): Promise<void> {
      for (let i = 0; i < count; i++) {
        const task = `task-${++tasks}`;
        const at = {
          type: "slow",
          priority: "normal",
          shard: 0,
          tenant: "default",
          run: "run-1",
          task,
          attempt: 1,
        } as const;
        const reply = subjects.reply("default", 0, "run-1");
        const body = { v: 1, run: "run-1", task, attempt: 1, type: "slow", input: {}, reply };
        await passing(bus.append(subjects.task(at), encodeJson(body)));
      }
    },
    /** From now on the bus stores nothing for the worker, or lets it open no queue. */
    refuse(what: keyof typeof refused): void {
      refused[what] = true;
    },
    queued: async () => (await passing(bus.listSubjects(streams.tasks.name, subjects.tasksOfShard(0)))).length,
    /** As the process says of itself, once it has had the time to say it again. */
    async presence(): Promise<WorkerPresence | undefined> {
      await clock.advance(topology.presenceTtlMs / 2);
      return presenceNow();
    },
    presenceNow,
    async [Symbol.asyncDispose](): Promise<void> {
      for (const attempt of held) attempt.finish();
      await passing(process.stop(0));
      await passing(types.stop());
      await passing(bus.close());
    },
  };
}

export type WorkerBench = Awaited<ReturnType<typeof createWorkerBench>>;
