import { BlobStore } from "../../src/actors/host/blobs.ts";
import { QueuesInUse } from "../../src/actors/host/queues-in-use.ts";
import { Trouble } from "../../src/actors/host/trouble.ts";
import { TypeRegistry } from "../../src/actors/host/type-registry.ts";
import { Orchestrator } from "../../src/actors/orchestrator.ts";
import { createMemoryBus } from "../../src/bus/memory/bus.ts";
import { type Bucket, type Bus, BusError } from "../../src/bus/port.ts";
import { createTopology } from "../../src/bus/topology.ts";
import type { Claim } from "../../src/core/claim.ts";
import { decodeJson, encodeJson } from "../../src/core/json.ts";
import { createVirtualClock } from "../../src/core/virtual-clock.ts";

const SHARDS = 2;

/** Stands before `inner`, and rejects calls of the named methods while `isRefused` says so. */
function refusing<T extends object>(inner: T, methods: readonly string[], isRefused: () => boolean): T {
  return new Proxy(inner, {
    get(target, name) {
      const value = Reflect.get(target, name) as unknown;
      if (typeof value !== "function") return value;
      if (!methods.includes(String(name))) return value.bind(target);
      return (...args: unknown[]) =>
        isRefused() ? Promise.reject(new BusError("unconfirmed", "not now")) : value.apply(target, args);
    },
  });
}

/** One orchestrator, "us", in virtual time, on a bus that refuses its renewals, or its service, when the test says so. */
export async function createOrchestratorBench() {
  const clock = createVirtualClock();
  const bus = createMemoryBus({ clock });
  const topology = createTopology();
  const passing = <T>(promise: Promise<T>) => clock.runUntilSettled(promise);
  for (const stream of Object.values(topology.streams)) await passing(bus.ensureStream(stream));
  const log: string[] = [];
  const say = (_: string, message: string) => void log.push(message);
  const types = await passing(TypeRegistry.open(bus, topology, say));
  const queues = await passing(QueuesInUse.open(bus, topology, say));
  const blobs = await passing(BlobStore.open(bus, topology, clock));
  const trouble = new Trouble(clock, say);
  const refused = { renewals: false, service: false };
  const presences = refusing(
    await passing(bus.bucket(topology.buckets.orchestrators)),
    ["put"],
    () => refused.renewals,
  );
  const served = refusing(bus, ["serve"], () => refused.service);
  const ownBus: Bus = new Proxy(served, {
    get(target, name) {
      if (name !== "bucket") return Reflect.get(target, name);
      return async (definition: Parameters<Bus["bucket"]>[0]): Promise<Bucket> =>
        definition.name === topology.buckets.orchestrators.name ? presences : bus.bucket(definition);
    },
  });
  const host = { bus: ownBus, topology, clock, blobs, types, queues, log: say, trouble, id: "us", shards: SHARDS };
  const orchestrator = new Orchestrator(host);
  const claims = await passing(bus.bucket(topology.buckets.shards));
  const isAnswered = (subject: string, body: unknown) =>
    passing(
      bus.request(subject, encodeJson(body), { timeoutMs: 100 }).then(
        () => true,
        () => false,
      ),
    );
  return {
    clock,
    log,
    orchestrator,
    leaseMs: topology.presenceTtlMs,
    refuse(what: keyof typeof refused, isRefused: boolean): void {
      refused[what] = isRefused;
    },
    /** Owners of the shards, as the claims have it. */
    async claimed(): Promise<(string | null)[]> {
      const entries = await passing(claims.entries());
      return entries.map(({ value }) => (decodeJson(value) as Claim).owner);
    },
    isPresent: async () => (await passing(presences.get("us"))) !== undefined,
    /** Whether requests and queries are answered. */
    serves: () => isAnswered(`${topology.subjects.prefix}.api.types.list`, {}),
    /** For how many shards an owner works. */
    async owned(): Promise<number> {
      let owned = 0;
      for (let shard = 0; shard < SHARDS; shard++)
        if (await isAnswered(topology.subjects.owner(shard), { run: "none", task: "-", attempt: 1 })) owned++;
      return owned;
    },
    shards: SHARDS,
    async [Symbol.asyncDispose](): Promise<void> {
      await passing(orchestrator.stop());
      trouble.stop();
      await passing(Promise.all([types.stop(), queues.stop()]));
      await passing(bus.close());
    },
  };
}

export type OrchestratorBench = Awaited<ReturnType<typeof createOrchestratorBench>>;
