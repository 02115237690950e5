import { fromPromise } from "xstate";
import { messageOf } from "../../core/error.ts";
import type { EffectsOf } from "../../machines/effects.ts";
import { shardMachine } from "../../machines/shard.ts";
import type { Runtime } from "../host/runtime.ts";
import type { ShardDependencies } from "../shard/effect-handler.ts";
import { ShardOwner } from "../shard/shard-owner.ts";
import type { Claims } from "./claims.ts";

export interface ShardKeeperOptions {
  readonly dependencies: ShardDependencies;
  readonly claims: () => Claims;
  /**
   * Called when the shard's log cannot be folded here: the fold threw, or the log needs `version`, which this build
   * cannot read. The shard is suspended and has to be released.
   */
  readonly onUnreadable: (shard: number, version: number | undefined) => void;
}

/** The effects of the `shard` chart for one shard. It has a {@link ShardOwner} while this process owns the shard. */
export class ShardKeeper {
  readonly shard: number;
  /** The epoch of this process's last claim. */
  epoch = 0;
  readonly #runtime: Runtime;
  readonly #options: ShardKeeperOptions;
  /** The version that the log needs, as far as this process has read it. */
  #needs = 1;
  #owner: ShardOwner | undefined;
  #claiming: Promise<number | undefined> | undefined;

  constructor(runtime: Runtime, shard: number, options: ShardKeeperOptions) {
    this.#runtime = runtime;
    this.shard = shard;
    this.#options = options;
  }

  /** The owner, from the beginning of the replay until the shard is released. */
  get owner(): ShardOwner | undefined {
    return this.#owner;
  }

  claim = (): Promise<boolean> =>
    this.#logged("claimed", async () => {
      this.#claiming = this.#options.claims().take(this.shard);
      const epoch = await this.#claiming;
      if (epoch === undefined) return false;
      this.epoch = epoch;
      return true;
    });

  replay = (): Promise<void> =>
    this.#logged("replayed", async () => {
      const { dependencies, onUnreadable } = this.#options;
      this.#owner = new ShardOwner(this.#runtime, this.shard, dependencies, (newer) => {
        if (newer) this.#needs = newer.version;
        onUnreadable(this.shard, newer?.version);
      });
      await this.#owner.start();
    });

  suspend = (): void => this.#owner?.suspend();

  release = (): Promise<void> =>
    this.#logged("released", async () => {
      await this.#stopOwner({ isReleased: true });
      // A claim that was interrupted may still be stored, and would then never be released.
      await this.#claiming?.catch(() => {});
      await this.#options.claims().giveBack(this.shard, this.#needs);
    });

  abandon = (): Promise<void> => this.#logged("abandoned", () => this.#stopOwner());

  async #stopOwner(options?: { readonly isReleased: boolean }): Promise<void> {
    const owner = this.#owner;
    this.#owner = undefined;
    await owner?.stop(options);
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

/** The `shard` chart with its effects, which each actor takes from the keeper of its shard. */
export function shardLogic(keeperOf: (shard: number) => ShardKeeper): typeof shardMachine {
  const effects: EffectsOf<typeof shardMachine> = {
    actors: {
      claim: fromPromise(({ input }) => keeperOf(input.shard).claim()),
      replay: fromPromise(({ input }) => keeperOf(input.shard).replay()),
      release: fromPromise(({ input }) => keeperOf(input.shard).release()),
      abandon: fromPromise(({ input }) => keeperOf(input.shard).abandon()),
    },
    actions: { suspend: ({ context }) => keeperOf(context.shard).suspend() },
  };
  return shardMachine.provide(effects);
}
