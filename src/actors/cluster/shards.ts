import { assignShards } from "../../core/assignment.ts";
import { type Claim, claim } from "../../core/claim.ts";
import { type OrchestratorPresence, orchestratorPresence } from "../../core/registration.ts";
import { EntryReader, parseBy } from "../host/bucket-entry.ts";
import { BucketMirror } from "../host/bucket-mirror.ts";
import { bucketStream, hasLost } from "../host/losses.ts";
import type { Runtime } from "../host/runtime.ts";
import type { ShardDependencies } from "../shard/effect-handler.ts";
import type { ShardOwner } from "../shard/shard-owner.ts";
import { Claims } from "./claims.ts";
import { Membership } from "./membership.ts";
import type { RunLoad } from "./run-load.ts";
import { ShardKeeper } from "./shard-keeper.ts";
import { ShardVersions } from "./shard-versions.ts";

/** Which shards are ours: follows who is alive, and claims, replays and gives back shards accordingly. */
export class Shards {
  readonly #runtime: Runtime;
  readonly #dependencies: ShardDependencies;
  readonly #load: RunLoad;
  #keepers: readonly ShardKeeper[] = [];
  readonly #presences: EntryReader<OrchestratorPresence>;
  #membership: Membership | undefined;
  #claimed: BucketMirror<Claim> | undefined;
  #unlisten: () => void = () => {};
  #settled: PromiseWithResolvers<void> | undefined;
  readonly #versions: ShardVersions;

  constructor(runtime: Runtime, dependencies: ShardDependencies, load: RunLoad) {
    this.#runtime = runtime;
    this.#dependencies = dependencies;
    this.#load = load;
    this.#versions = new ShardVersions(runtime.id, runtime.log);
    const { name } = runtime.topology.buckets.orchestrators;
    this.#presences = new EntryReader({ bucket: name, parse: parseBy(orchestratorPresence), log: runtime.log });
  }

  /** The owner of a shard, while it is live here. */
  ownerOf(shard: number): ShardOwner | undefined {
    return this.#keepers[shard]?.live;
  }

  /** The epoch under which we own a shard. */
  epochOf(shard: number): number {
    return this.#keepers[shard]!.epoch;
  }

  /** Runs under way in all shards that are live here. */
  get runs(): number {
    return this.#keepers.reduce((sum, { live }) => sum + (live?.runCount ?? 0), 0);
  }

  /** Whether our lease holds: without it nothing may be dispatched. */
  get holds(): boolean {
    return this.#membership?.holds === true;
  }

  /** Resolves when every shard that is ours to take is live; those whose owner is still alive come later. */
  async start(): Promise<void> {
    const { bus, topology, clock, log, id, shards } = this.#runtime;
    const claimBucket = await bus.bucket(topology.buckets.shards);
    const presences = await bus.bucket(topology.buckets.orchestrators);
    const claims = new Claims(claimBucket, presences, id);
    const since = new Date(clock.now()).toISOString();
    const describe = (): OrchestratorPresence => {
      const owned = this.#keepers.filter((keeper) => keeper.live);
      const { runs } = this;
      const { most: maxRuns } = this.#load;
      const owns = owned.map((keeper) => keeper.shard);
      return { v: 1, orchestrator: id, since, shards: owns, runs, maxRuns, ...this.#versions.describe() };
    };
    const leaseMs = topology.presenceTtlMs;
    const expiryMs = topology.buckets.orchestrators.ttlMs!;
    const onChange = () => this.#assign();
    const onPresence = (other: string, value: Uint8Array | undefined) => this.#hear(other, value);
    const settings = { clock, log, leaseMs, expiryMs, onChange, onPresence };
    const membership = new Membership(presences, id, describe, settings);
    this.#membership = membership;
    const onNewer = (shard: number, version: number) => this.#versions.met(shard, version);
    const options = { dependencies: this.#dependencies, claims, onChange: () => this.#checkSettled(), onNewer };
    this.#settled = Promise.withResolvers();
    this.#keepers = Array.from({ length: shards }, (_, shard) => new ShardKeeper(this.#runtime, shard, options));
    this.#unlisten = bus.onEvent((event) => {
      if (hasLost(event, topology.streams.log.name, bucketStream(topology.buckets.shards))) this.#beginAgain();
      if (event.type === "reconnected" || event.type === "lost") membership.beatSoon();
    });
    await membership.start();
    const { name } = topology.buckets.shards;
    this.#claimed = await BucketMirror.open(claimBucket, { bucket: name, parse: parseBy(claim), log });
    this.#claimed.onChange((key, changed) => this.#claimChanged(Number(key), changed));
    for (const [key, present] of this.#claimed.entries) this.#claimChanged(Number(key), present);
    await this.#settled.promise;
  }

  /** Gives everything back, so that others can take over at once. */
  async stop(): Promise<void> {
    this.#unlisten();
    await this.#claimed?.stop();
    await this.#membership?.stop();
    await Promise.all(this.#keepers.map((keeper) => keeper.stop()));
    await this.#membership?.leave();
  }

  /** The log or the claims were lost: no shard is ours until it has been claimed and replayed once more. */
  #beginAgain(): void {
    for (const keeper of this.#keepers) keeper.loseLease();
  }

  #claimChanged(shard: number, changed: Claim | undefined): void {
    if (changed) this.#versions.claimed(shard, changed);
    this.#keepers[shard]?.claimChanged();
  }

  /** What another says of its load. What cannot be read was not written by us. */
  #hear(id: string, value: Uint8Array | undefined): void {
    const presence = value && this.#presences.read(id, value);
    if (!value) this.#presences.forget(id);
    this.#versions.told(id, presence);
    if (presence) this.#load.told(id, presence);
    else this.#load.gone(id);
  }

  #assign(): void {
    const { id, shards } = this.#runtime;
    if (!this.#membership!.holds) {
      this.#runtime.log("warn", "the lease has run out: all shards are given up until presence can be renewed");
      for (const keeper of this.#keepers) keeper.loseLease();
      return;
    }
    const owners = assignShards(shards, this.#membership!.members, this.#versions.canRead);
    this.#versions.assigned(owners);
    for (const keeper of this.#keepers) {
      keeper.assign(owners[keeper.shard] === id);
      // Its owner may have expired, of which nothing tells.
      keeper.claimChanged();
    }
    this.#checkSettled();
  }

  /** Whatever is being claimed or replayed is not settled; what waits for another's release is. */
  #checkSettled(): void {
    // The keepers tell of their first state while they are being made.
    if (this.#keepers.length > 0 && this.#keepers.every((keeper) => !UNSETTLED.has(keeper.state)))
      this.#settled?.resolve();
  }
}

const UNSETTLED: ReadonlySet<string> = new Set(["claiming", "replaying", "releasing", "abandoning"]);
