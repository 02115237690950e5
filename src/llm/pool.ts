import { type Clock, systemClock } from "../core/clock.ts";
import { formatDuration } from "../core/duration.ts";
import { RetryableError, TuttiError } from "../core/error.ts";
import type { StrategyName } from "../core/models-settings.ts";
import { Resource, Slots } from "./resource.ts";
import { type MemberFigures, STRATEGIES, type Strategy, type StrategyMaker, stickTo } from "./strategy.ts";

/** A resource of a pool, and how it is used. */
export interface PoolMember<T> {
  /** Unique in the pool. */
  readonly name: string;
  readonly item: T;
  /** Above 0. Default 1. */
  readonly weight?: number;
  /** Uses at once. Default: no limit. */
  readonly concurrency?: number;
  /** What other pools of the same resource count with. Default: this pool counts alone. */
  readonly resource?: Resource;
}

export interface PoolOptions<T> {
  /** Default: `least-loaded`. */
  readonly strategy?: StrategyName | StrategyMaker;
  /** Whether a member can be used now, an open breaker for example says no. Default: always. */
  readonly isUsable?: (item: T) => boolean;
  /** Default: the system's. */
  readonly clock?: Clock;
}

/** How one use of a pool is made. */
export interface UseOptions<T> {
  /** Uses of one key go to the same member as long as it can be used. */
  readonly key?: string;
  /** How long to wait while all members are in use, milliseconds. Default: 60,000. */
  readonly waitMs?: number;
  readonly signal?: AbortSignal;
  /** Members that are left out of this choice. */
  readonly except?: (item: T) => boolean;
}

/** The figures of a member. */
export interface PoolFigures extends MemberFigures {
  readonly completed: number;
  readonly failed: number;
}

/** A member in use. `end` gives it back; a second call does nothing. */
export interface Lease<T> {
  readonly item: T;
  /** `unused`: it was not used after all, and its figures stay as they were. */
  end(outcome?: "completed" | "failed" | "unused"): void;
}

const DEFAULT_WAIT_MS = 60_000;

class Member<T> implements PoolFigures {
  readonly name: string;
  readonly item: T;
  readonly weight: number;
  readonly resource: Resource;

  constructor({ name, item, weight = 1, concurrency, resource }: PoolMember<T>) {
    if (!(weight > 0))
      throw new TuttiError(400, `pool: ${name}: weight: expected a number above 0, received ${weight}`);
    this.name = name;
    this.item = item;
    this.weight = weight;
    this.resource = resource ?? new Resource(new Slots(concurrency));
  }

  get load(): number {
    return this.resource.load;
  }
  get latencyMs(): number | undefined {
    return this.resource.latencyMs;
  }
  get completed(): number {
    return this.resource.completed;
  }
  get failed(): number {
    return this.resource.failed;
  }
}

interface Waiter<T> {
  readonly options: UseOptions<T>;
  give(lease: Lease<T>): void;
}

/**
 * Resources that do the same, and a choice among them for each use: by load, by response time, in turns, at random, each
 * weighted. What finds all members in use waits its turn.
 *
 * @example
 * ```ts
 * const replicas = new Pool([{ name: "a", item: clientA }, { name: "b", item: clientB, weight: 2 }]);
 * const rows = await replicas.use((client) => client.query("select 1"));
 * ```
 */
export class Pool<T> {
  readonly #members: readonly Member<T>[];
  readonly #choose: Strategy;
  readonly #isUsable: (item: T) => boolean;
  readonly #clock: Clock;
  readonly #waiting: Waiter<T>[] = [];

  /** Throws a {@link TuttiError} (400) for members without a name of their own, a bad weight or a bad limit. */
  constructor(members: readonly PoolMember<T>[], options: PoolOptions<T> = {}) {
    const { strategy = "least-loaded", isUsable = () => true, clock = systemClock } = options;
    this.#members = members.map((one) => new Member(one));
    for (const slots of new Set(this.#members.map(({ resource }) => resource.slots)))
      slots.onFree(() => this.#serveWaiting());
    if (new Set(this.#members.map(({ name }) => name)).size < members.length)
      throw new TuttiError(400, "pool: expected members of different names");
    this.#clock = clock;
    this.#choose = (typeof strategy === "string" ? STRATEGIES[strategy] : strategy)(clock.random);
    this.#isUsable = isUsable;
  }

  get figures(): readonly PoolFigures[] {
    return this.#members;
  }

  get items(): readonly T[] {
    return this.#members.map(({ item }) => item);
  }

  /** Uses that wait for a member. */
  get queued(): number {
    return this.#waiting.length;
  }

  /** Does the work with a member; its failure is counted and passed on. Rejects as {@link acquire} does. */
  async use<R>(work: (item: T) => Promise<R>, options: UseOptions<T> = {}): Promise<R> {
    const lease = await this.acquire(options);
    try {
      const result = await work(lease.item);
      lease.end();
      return result;
    } catch (error) {
      lease.end("failed");
      throw error;
    }
  }

  /**
   * Takes a member. Rejects with a {@link RetryableError} when none can be used, or when all are still in use after
   * `waitMs`; with the signal's reason when it aborts.
   */
  async acquire(options: UseOptions<T> = {}): Promise<Lease<T>> {
    options.signal?.throwIfAborted();
    const lease = this.#take(options);
    if (lease) return lease;
    if (!this.canUse(options)) throw new RetryableError("no member of the pool can be used now");
    return this.#wait(options);
  }

  /** Whether there is a member that can be used, though it may be in use up to its limit. */
  canUse(options: Pick<UseOptions<T>, "except"> = {}): boolean {
    return this.#candidates(options).length > 0;
  }

  #candidates({ except }: UseOptions<T>): readonly Member<T>[] {
    return this.#members.filter(({ item }) => this.#isUsable(item) && !except?.(item));
  }

  #take(options: UseOptions<T>): Lease<T> | undefined {
    const free = this.#candidates(options).filter(({ resource }) => resource.slots.isFree);
    if (free.length === 0) return undefined;
    const { item, resource } = options.key === undefined ? this.#choose(free) : stickTo(free, options.key);
    return { item, end: resource.begin(this.#clock) };
  }

  #wait(options: UseOptions<T>): Promise<Lease<T>> {
    const { waitMs = DEFAULT_WAIT_MS, signal } = options;
    return new Promise((resolve, reject) => {
      const leave = () => {
        disarm();
        signal?.removeEventListener("abort", abort);
        const at = this.#waiting.indexOf(waiter);
        if (at >= 0) this.#waiting.splice(at, 1);
      };
      const abort = () => {
        leave();
        reject(signal?.reason);
      };
      const waiter: Waiter<T> = {
        options,
        give(lease) {
          leave();
          resolve(lease);
        },
      };
      const disarm = this.#clock.timer(waitMs, () => {
        leave();
        reject(new RetryableError(`all members of the pool were in use for ${formatDuration(waitMs)}`));
      });
      signal?.addEventListener("abort", abort, { once: true });
      this.#waiting.push(waiter);
    });
  }

  /** In the order of their coming; one whose members are all in use holds up no other. */
  #serveWaiting(): void {
    for (const waiter of [...this.#waiting]) {
      const lease = this.#take(waiter.options);
      if (lease) waiter.give(lease);
    }
  }
}

/**
 * Makes a {@link Pool}. Throws a {@link TuttiError} (400) for members without a name of their own, a bad weight or a bad
 * limit.
 *
 * @example
 * ```ts
 * const replicas = pool([{ name: "a", item: clientA }, { name: "b", item: clientB, weight: 2 }], { strategy: "random" });
 * ```
 */
export const pool = <T>(members: readonly PoolMember<T>[], options: PoolOptions<T> = {}): Pool<T> =>
  new Pool(members, options);
