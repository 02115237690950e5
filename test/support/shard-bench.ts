import { createActor } from "xstate";
import { Claims } from "../../src/actors/cluster/claims.ts";
import { ShardKeeper, shardLogic } from "../../src/actors/cluster/shard-keeper.ts";
import { DeadLetters } from "../../src/actors/dead/dead-letters.ts";
import { AttemptCanceller } from "../../src/actors/dispatch/attempt-canceller.ts";
import { Dispatcher } from "../../src/actors/dispatch/dispatcher.ts";
import { PullBack } from "../../src/actors/dispatch/pull-back.ts";
import { QueueGate } from "../../src/actors/dispatch/queue-gate.ts";
import { actorClock } from "../../src/actors/host/actor-clock.ts";
import { BlobStore } from "../../src/actors/host/blobs.ts";
import { QueuesInUse } from "../../src/actors/host/queues-in-use.ts";
import { Trouble } from "../../src/actors/host/trouble.ts";
import { TypeRegistry } from "../../src/actors/host/type-registry.ts";
import { LimitGate } from "../../src/actors/limits/limit-gate.ts";
import { LogWriter } from "../../src/actors/log/log-writer.ts";
import { RunTraces } from "../../src/actors/shard/run-traces.ts";
import { createMemoryBus } from "../../src/bus/memory/bus.ts";
import { createTopology } from "../../src/bus/topology.ts";
import type { Claim } from "../../src/core/claim.ts";
import type { Submitted } from "../../src/core/event.ts";
import { decodeJson, encodeJson } from "../../src/core/json.ts";
import { DEFAULT_RETRY } from "../../src/core/policy.ts";
import { createVirtualClock } from "../../src/core/virtual-clock.ts";
import { FOLD_VERSION } from "../../src/fold/apply.ts";
import type { ShardMachineEvent } from "../../src/machines/shard.ts";

const SUBMITTED: Submitted = {
  v: 1,
  type: "any",
  input: {},
  policy: { retry: DEFAULT_RETRY },
  priority: "normal",
  digest: "",
  fold: FOLD_VERSION,
};

/** One shard in one orchestrator, "us", in virtual time, and "other", whose presence and claim are written by hand. */
export async function createShardBench({ onSubmitted = () => {} } = {}) {
  const clock = createVirtualClock();
  const bus = createMemoryBus({ clock });
  const topology = createTopology();
  /** Nothing comes about while no time passes. */
  const passing = <T>(promise: Promise<T>) => clock.runUntilSettled(promise);
  for (const stream of Object.values(topology.streams)) await passing(bus.ensureStream(stream));
  const log: string[] = [];
  const say = (_: string, message: string) => void log.push(message);
  const types = await passing(TypeRegistry.open(bus, topology, say));
  const queues = await passing(QueuesInUse.open(bus, topology, say));
  const blobs = await passing(BlobStore.open(bus, topology, clock));
  const trouble = new Trouble(clock, say);
  const host = { bus, topology, clock, blobs, types, queues, log: say, trouble, id: "us", shards: 1 };
  const claimBucket = await passing(bus.bucket(topology.buckets.shards));
  // Nobody renews here, so nobody expires.
  const presences = await passing(bus.bucket({ name: "presences" }));
  await passing(presences.put("us", encodeJson({})));
  const dispatcher: Dispatcher = new Dispatcher(host, {
    holds: () => true,
    epochOf: () => 1,
    traceparentOf: () => undefined,
    caughtUp: async () => {},
    fail: () => {},
  });
  const withdrawals = new AttemptCanceller(
    host,
    () => dispatcher,
    () => gate,
  );
  const gate = new LimitGate(host, new QueueGate(dispatcher, 1000), () => true);
  const dependencies = {
    dispatcher,
    gate,
    pullBack: new PullBack(host, dispatcher, gate),
    withdrawals,
    letters: new DeadLetters(host, (task) => dispatcher.envelopeOf(task)),
    traces: new RunTraces(host),
    writer: new LogWriter(host),
    onEnded() {},
    onSubmitted,
    onLive() {},
    onGivenUp() {},
    answer() {},
    startRun: async () => {},
    heldBy: async () => undefined,
  };
  const claims = new Claims(claimBucket, presences, "us");
  const keeper = new ShardKeeper(host, 0, {
    dependencies,
    claims: () => claims,
    onUnreadable: () => actor.send({ type: "unreadable" }),
  });
  const actor = createActor(
    shardLogic(() => keeper),
    { clock: actorClock(clock), input: { shard: 0 } },
  ).start();
  const claim = async (): Promise<Claim | undefined> => {
    const entry = await passing(claimBucket.get("0"));
    return entry && (decodeJson(entry.value) as Claim);
  };
  const writeClaim = async (owner: string | null) => {
    const epoch = ((await claim())?.epoch ?? 0) + 1;
    await passing(claimBucket.put("0", encodeJson({ v: 1, owner, epoch } satisfies Claim)));
  };
  return {
    clock,
    log,
    get state() {
      return actor.getSnapshot().value;
    },
    /** Whether its owner works here. */
    get isLive() {
      return actor.getSnapshot().hasTag("live") && keeper.owner !== undefined;
    },
    /** Sends an event to the actor of the shard. */
    send: (type: ShardMachineEvent["type"]) => actor.send({ type }),

    claim,
    writeClaim,
    setOtherAlive: (isAlive: boolean) =>
      passing(isAlive ? presences.put("other", encodeJson({})).then(() => {}) : presences.delete("other")),
    /** An orchestrator of a newer build writes something into the shard's log. */
    appendNewer: () => passing(bus.append(topology.subjects.log("default", 0, "r", "cancel"), encodeJson({ v: 3 }))),
    appendSubmitted: () =>
      passing(bus.append(topology.subjects.log("default", 0, "r", "submitted"), encodeJson(SUBMITTED))),
    /** Whether somebody answers for the shard. */
    async answers(): Promise<boolean> {
      const query = encodeJson({ run: "nobody", task: "-", attempt: 1 });
      const asked = bus.request(topology.subjects.owner(0), query, { timeoutMs: 100 });
      return passing(
        asked.then(
          () => true,
          () => false,
        ),
      );
    },
    async [Symbol.asyncDispose](): Promise<void> {
      actor.send({ type: "unassigned" });
      await clock.runUntil(() => !actor.getSnapshot().hasTag("moving"));
      actor.stop();
      await passing(Promise.all([types.stop(), queues.stop()]));
      await passing(bus.close());
    },
  };
}

export type ShardBench = Awaited<ReturnType<typeof createShardBench>>;
