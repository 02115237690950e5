import { type EventObject, fromCallback } from "xstate";
import type { Stoppable } from "../../bus/port.ts";
import { assignShards } from "../../core/assignment.ts";
import { type Claim, claim } from "../../core/claim.ts";
import { type OrchestratorPresence, orchestratorPresence } from "../../core/registration.ts";
import type { OrchestratorMachineEvent } from "../../machines/orchestrator.ts";
import { EntryReader, parseBy } from "../host/bucket-entry.ts";
import { BucketMirror } from "../host/bucket-mirror.ts";
import { bucketStream, hasLost } from "../host/losses.ts";
import type { Runtime } from "../host/runtime.ts";
import { Claims } from "./claims.ts";
import { Membership } from "./membership.ts";
import type { RunLoad } from "./run-load.ts";
import { ShardVersions } from "./shard-versions.ts";
import type { Shards } from "./shards.ts";

type Report = (event: OrchestratorMachineEvent) => void;

/**
 * The actor `lease` of the orchestrator's chart. It renews this process's presence, follows those of other
 * orchestrators, and reports the shards assigned to this process, or that its lease is lost.
 */
export class LeaseHolder {
  readonly logic = fromCallback<EventObject>(({ sendBack }) => {
    const report: Report = sendBack;
    this.#joining = this.#join(report);
    this.#joining.catch((error: unknown) => report({ type: "leaseFailed", error }));
    return () => void this.leave();
  });
  /** The versions of the log that the shards need. */
  readonly versions: ShardVersions;
  readonly #runtime: Runtime;
  readonly #shards: () => Shards;
  readonly #load: RunLoad;
  readonly #presences: EntryReader<OrchestratorPresence>;
  #joining: Promise<void> | undefined;
  #leaving: Promise<void> | undefined;
  #claims: Claims | undefined;
  #membership: Membership | undefined;
  #claimed: Stoppable | undefined;
  #unlisten: () => void = () => {};

  constructor(runtime: Runtime, shards: () => Shards, load: RunLoad) {
    this.#runtime = runtime;
    this.#shards = shards;
    this.#load = load;
    this.versions = new ShardVersions(runtime.id, runtime.log);
    const { name } = runtime.topology.buckets.orchestrators;
    this.#presences = new EntryReader({ bucket: name, parse: parseBy(orchestratorPresence), log: runtime.log });
  }

  /** Whether the lease holds. Without it nothing may be dispatched. */
  get holds(): boolean {
    return this.#membership?.holds === true;
  }

  /** The claims; available once the first assignment has been reported. */
  get claims(): Claims {
    return this.#claims!;
  }

  /** Releases the lease, so that the other orchestrators know at once that this process is gone. Never rejects. */
  leave(): Promise<void> {
    this.#leaving ??= this.#leave();
    return this.#leaving;
  }

  async #join(report: Report): Promise<void> {
    const { bus, topology, clock, log, id } = this.#runtime;
    const claimBucket = await bus.bucket(topology.buckets.shards);
    const presences = await bus.bucket(topology.buckets.orchestrators);
    this.#claims = new Claims(claimBucket, presences, id);
    const since = new Date(clock.now()).toISOString();
    const membership = new Membership(presences, id, () => this.#describe(since), {
      clock,
      log,
      leaseMs: topology.presenceTtlMs,
      expiryMs: topology.buckets.orchestrators.ttlMs!,
      onMembers: (members) => report({ type: "shardsAssigned", ours: this.#assign(members) }),
      onLost: () => {
        log("warn", "the lease has run out: all shards are abandoned until the presence can be renewed");
        report({ type: "leaseLost" });
      },
      onPresence: (other, value) => this.#takePresence(other, value),
    });
    this.#membership = membership;
    this.#unlisten = bus.onEvent((event) => {
      // The log or the claims were lost: this process owns no shard until it has claimed and replayed it again.
      if (hasLost(event, topology.streams.log.name, bucketStream(topology.buckets.shards)))
        report({ type: "leaseLost" });
      if (event.type === "reconnected" || event.type === "lost") membership.beatSoon();
    });
    await membership.start();
    const { name } = topology.buckets.shards;
    const claimed = await BucketMirror.open(claimBucket, { bucket: name, parse: parseBy(claim), log });
    this.#claimed = claimed;
    claimed.onChange((key, changed) => this.#claimChanged(Number(key), changed));
    for (const [key, present] of claimed.entries) this.#claimChanged(Number(key), present);
  }

  async #leave(): Promise<void> {
    await this.#joining?.catch(() => {});
    this.#unlisten();
    await this.#claimed?.stop();
    await this.#membership?.leave();
  }

  #describe(since: string): OrchestratorPresence {
    const { live: shards, runs } = this.#shards();
    const { most: maxRuns } = this.#load;
    return { v: 1, orchestrator: this.#runtime.id, since, shards, runs, maxRuns, ...this.versions.describe() };
  }

  #assign(members: readonly string[]): ReadonlySet<number> {
    const { id, shards } = this.#runtime;
    const owners = assignShards(shards, members, this.versions.canRead);
    this.versions.assigned(owners);
    return new Set(owners.flatMap((owner, shard) => (owner === id ? [shard] : [])));
  }

  #claimChanged(shard: number, changed: Claim | undefined): void {
    if (changed) this.versions.claimed(shard, changed);
    this.#shards().send(shard, { type: "claimChanged" });
  }

  /** Takes the presence of another orchestrator. One that cannot be read was not written by an orchestrator. */
  #takePresence(id: string, value: Uint8Array | undefined): void {
    const presence = value && this.#presences.read(id, value);
    if (!value) this.#presences.forget(id);
    this.versions.setPresence(id, presence);
    if (presence) this.#load.setPresence(id, presence);
    else this.#load.gone(id);
  }
}
