import type { ActorRefFrom } from "xstate";
import type { ShardMachineEvent, shardMachine } from "../../machines/shard.ts";
import type { Runtime } from "../host/runtime.ts";
import type { ShardOwner } from "../shard/shard-owner.ts";
import { ShardKeeper, type ShardKeeperOptions, shardLogic } from "./shard-keeper.ts";

export type ShardActor = ActorRefFrom<typeof shardMachine>;

export interface ShardsOptions extends Pick<ShardKeeperOptions, "dependencies" | "claims"> {
  /** The shard actors of the orchestrator, one per shard, once it has begun. */
  readonly actors: () => readonly ShardActor[];
  /** Called when a shard's log needs a version that this build cannot read. */
  readonly onNewer: (shard: number, version: number) => void;
}

/** All shards of the log, with their state in this process. */
export class Shards {
  /** The logic of each shard actor. */
  readonly logic = shardLogic((shard) => this.#keepers[shard]!);
  readonly #keepers: readonly ShardKeeper[];
  readonly #actors: () => readonly ShardActor[];

  constructor(runtime: Runtime, { actors, onNewer, ...options }: ShardsOptions) {
    this.#actors = actors;
    const onUnreadable = (shard: number, version: number | undefined) => {
      if (version !== undefined) onNewer(shard, version);
      this.send(shard, { type: "unreadable" });
    };
    this.#keepers = Array.from(
      { length: runtime.shards },
      (_, shard) => new ShardKeeper(runtime, shard, { ...options, onUnreadable }),
    );
  }

  /** The owner of a shard, while it is live here. */
  ownerOf(shard: number): ShardOwner | undefined {
    return this.#actors()[shard]?.getSnapshot().hasTag("live") ? this.#keepers[shard]!.owner : undefined;
  }

  /** The epoch under which this process owns a shard. */
  epochOf(shard: number): number {
    return this.#keepers[shard]!.epoch;
  }

  /** The shards that are live here. */
  get live(): number[] {
    return this.#keepers.map(({ shard }) => shard).filter((shard) => this.ownerOf(shard));
  }

  /** The number of runs in progress in all shards that are live here. */
  get runs(): number {
    return this.#keepers.reduce((sum, { shard }) => sum + (this.ownerOf(shard)?.runCount ?? 0), 0);
  }

  /**
   * Whether no shard is being claimed, replayed or released. A shard that waits for its owner to release it is settled.
   */
  get areSettled(): boolean {
    return this.#actors().every((actor) => !actor.getSnapshot().hasTag("moving"));
  }

  send(shard: number, event: ShardMachineEvent): void {
    this.#actors()[shard]?.send(event);
  }
}
