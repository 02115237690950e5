import { createActor, fromPromise } from "xstate";
import { messageOf } from "../../core/error.ts";
import { shardMachine } from "../../machines/shard.ts";
import { actorClock } from "../host/actor-clock.ts";
import type { Runtime } from "../host/runtime.ts";
import type { ShardDependencies } from "../shard/effect-handler.ts";
import { ShardOwner } from "../shard/shard-owner.ts";
import type { Claims } from "./claims.ts";

/** Runs the `shard` machine for one shard, and has its owner while it is ours. */
export class ShardKeeper {
  readonly shard: number;
  /** Of our last claim. */
  epoch = 0;
  readonly #runtime: Runtime;
  readonly #dependencies: ShardDependencies;
  readonly #claims: Claims;
  readonly #actor;
  readonly #onNewer: (shard: number, version: number) => void;
  /** The version that its log needs, as far as we have met it. */
  #needs = 1;
  #owner: ShardOwner | undefined;
  #claiming: Promise<number | undefined> | undefined;

  constructor(
    runtime: Runtime,
    shard: number,
    options: {
      dependencies: ShardDependencies;
      claims: Claims;
      onChange: () => void;
      /** Its log needs a version that this build cannot read; it is being given back. */
      onNewer: (shard: number, version: number) => void;
    },
  ) {
    this.#runtime = runtime;
    this.shard = shard;
    this.#dependencies = options.dependencies;
    this.#claims = options.claims;
    this.#onNewer = options.onNewer;
    const machine = shardMachine.provide({
      actors: {
        claim: fromPromise(() => this.#logged("claimed", () => this.#claim())),
        replay: fromPromise(() => this.#logged("replayed", () => this.#replay())),
        release: fromPromise(() => this.#logged("released", () => this.#release())),
        abandon: fromPromise(() => this.#logged("abandoned", () => this.#stopOwner())),
      },
    });
    this.#actor = createActor(machine, { clock: actorClock(runtime.clock) });
    this.#actor.subscribe(options.onChange);
    this.#actor.start();
  }

  /** The owner, once its replay is over. */
  get live(): ShardOwner | undefined {
    return this.state === "live" ? this.#owner : undefined;
  }

  get state(): string {
    return this.#actor.getSnapshot().value;
  }

  assign(isOurs: boolean): void {
    this.#actor.send({ type: isOurs ? "assigned" : "unassigned" });
  }

  claimChanged(): void {
    this.#actor.send({ type: "claimChanged" });
  }

  /** Ends every effect for this shard in this very turn. */
  loseLease(): void {
    this.#owner?.suspend();
    this.#actor.send({ type: "leaseLost" });
  }

  /** Gives the shard back, if it is ours. */
  async stop(): Promise<void> {
    const isOurs = this.#owner !== undefined;
    this.#actor.stop();
    if (isOurs) await this.#logged("released", () => this.#release()).catch(() => {});
  }

  async #claim(): Promise<boolean> {
    this.#claiming = this.#claims.take(this.shard);
    const epoch = await this.#claiming;
    if (epoch === undefined) return false;
    this.epoch = epoch;
    return true;
  }

  async #replay(): Promise<void> {
    this.#owner = new ShardOwner(this.#runtime, this.shard, this.#dependencies, (newer) => {
      if (newer) {
        this.#needs = newer.version;
        this.#onNewer(this.shard, newer.version);
      }
      this.#actor.send({ type: "unreadable" });
    });
    await this.#owner.start();
  }

  async #release(): Promise<void> {
    await this.#stopOwner();
    // One that was interrupted may still land, and would then stay for ever.
    await this.#claiming?.catch(() => {});
    await this.#claims.giveBack(this.shard, this.#needs);
  }

  async #stopOwner(): Promise<void> {
    const owner = this.#owner;
    this.#owner = undefined;
    await owner?.stop();
  }

  async #logged<T>(what: string, act: () => Promise<T>): Promise<T> {
    try {
      return await act();
    } catch (error) {
      this.#runtime.log("warn", `shard ${this.shard} could not be ${what}: ${messageOf(error)}`);
      throw error;
    }
  }
}
