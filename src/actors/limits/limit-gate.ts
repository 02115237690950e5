import type { Bucket } from "../../bus/port.ts";
import type { HeldTask } from "../../core/held.ts";
import { type LimitEntry, limitEntry } from "../../core/limit-entry.ts";
import type { RunState } from "../../fold/run-state.ts";
import { attemptOf, type TaskRecord } from "../../fold/task-record.ts";
import type { QueueGate } from "../dispatch/queue-gate.ts";
import { parseBy } from "../host/bucket-entry.ts";
import { BucketMirror } from "../host/bucket-mirror.ts";
import type { Runtime } from "../host/runtime.ts";
import type { Gate } from "./gate.ts";
import { PermitHolders } from "./permit-holders.ts";
import { PermitPool } from "./permit-pool.ts";
import type { LimitHead } from "./stored-limit.ts";
import { limitsOf, SetLimits } from "./task-limits.ts";

/** A run may have more tasks than a message holds. */
const MOST_LISTED = 1000;

/** A task that waits for a permit, of the limit at `index`; it has found permits of those before. */
interface Waiting {
  readonly pools: readonly PermitPool[];
  readonly index: number;
}

/**
 * Limits by type, tenant and key: before an attempt goes to the queue, it takes a permit of each limit that holds for its
 * task ({@link PermitPool}), and keeps them until its worker's word is read in the log ({@link PermitHolders}).
 *
 * Permits are taken all at once: a task that waits for one keeps none, so that nested limits cannot block each other.
 */
export class LimitGate implements Gate {
  readonly #runtime: Runtime;
  readonly #behind: QueueGate;
  readonly #holds: () => boolean;
  readonly #set = new SetLimits();
  readonly #pools = new Map<string, PermitPool>();
  readonly #holders: PermitHolders;
  readonly #waiting = new Map<TaskRecord, Waiting>();
  /** Those that are live here. */
  readonly #shards = new Set<number>();
  #bucket: Bucket | undefined;
  #mirror: BucketMirror<LimitEntry> | undefined;

  /** `holds`: whether the lease of the shards holds. */
  constructor(runtime: Runtime, behind: QueueGate, holds: () => boolean) {
    this.#runtime = runtime;
    this.#behind = behind;
    this.#holds = holds;
    this.#holders = new PermitHolders(runtime);
  }

  /** Resolves when the limits are known. No task may come before. */
  async open(): Promise<void> {
    const { bus, topology, log } = this.#runtime;
    const definition = topology.buckets.limits;
    this.#bucket = await bus.bucket(definition);
    this.#mirror = await BucketMirror.open(this.#bucket, { bucket: definition.name, parse: parseBy(limitEntry), log });
    for (const [id, entry] of this.#mirror.entries) this.#set.report(id, entry);
    this.#mirror.onChange((id, entry) => this.#report(id, entry));
  }

  async stop(): Promise<void> {
    for (const pool of this.#pools.values()) pool.stop();
    await Promise.all([this.#holders.stop(), this.#mirror?.stop()]);
  }

  add(task: TaskRecord): void {
    if (this.#waiting.has(task)) return;
    if (this.#holders.reclaim(task)) return this.#behind.add(task);
    const pools = this.#poolsOf(task);
    if (pools.length === 0) return this.#behind.add(task);
    this.#try(task, pools, -1);
  }

  found(task: TaskRecord): void {
    const pools = this.#poolsOf(task);
    if (pools.length > 0) this.#holders.take(task, pools);
    this.#behind.found(task);
  }

  closed(task: TaskRecord, attempt: number): void {
    this.#leave(task);
    this.#behind.remove(task);
    if (!this.#holders.isEmpty) this.#holders.release(task, attempt);
  }

  remove(task: TaskRecord, attempt = attemptOf(task)): boolean {
    this.#leave(task);
    const wasLetIn = this.#behind.remove(task);
    if (this.#holders.isEmpty) return wasLetIn;
    if (wasLetIn) this.#holders.withdraw(task, attempt);
    else this.#holders.cancel(task, attempt);
    return wasLetIn;
  }

  /** Whether the attempt holds permits. */
  holdsPermits(task: TaskRecord, attempt: number): boolean {
    return this.#holders.has(task, attempt);
  }

  neverGiven(task: TaskRecord, attempt: number): void {
    this.#holders.cancel(task, attempt);
  }

  isInside(task: TaskRecord): boolean {
    return this.#behind.isInside(task);
  }

  has(task: TaskRecord): boolean {
    return this.#waiting.has(task) || this.#behind.has(task);
  }

  /** What a worker says of attempts has been read, whether they were open or not. */
  spoke(tenant: string, run: string, results: readonly unknown[]): void {
    this.#holders.spoke(tenant, run, results);
  }

  /** The tasks of the run that wait for permits: the first thousand. */
  listHeld(run: RunState): HeldTask[] {
    const held: HeldTask[] = [];
    for (const [task, { pools, index }] of this.#waiting) {
      if (task.run !== run) continue;
      held.push({ task: task.id, limit: pools[index]!.view });
      if (held.length === MOST_LISTED) break;
    }
    return held;
  }

  /** The shard is live here from now on; its attempts on the queue are reported in this turn. */
  live(shard: number): void {
    this.#shards.add(shard);
    this.#runtime.clock.endOfTurn(() => {
      for (const [id, entry] of this.#mirror?.entries ?? []) if (entry.shards[shard]) this.#inherit(id, entry, shard);
    });
  }

  /** The shard is another owner's from now on, and so are its permits. */
  givenUp(shard: number): void {
    this.#shards.delete(shard);
    this.#holders.forget(shard);
    for (const pool of this.#pools.values()) pool.forget(shard);
  }

  /** Permits of the owner before: those of attempts in progress are in use; of a rate, any other may have been used a moment ago. */
  #inherit(id: string, entry: LimitEntry, shard: number): void {
    if (!this.#shards.has(shard)) return;
    const pool = this.#ensure(id, entry);
    pool.report(entry);
    if (pool.perMs !== undefined)
      for (let left = pool.surplus(shard); left > 0; left--) {
        pool.take(shard);
        this.#holders.cool(pool, shard);
      }
    pool.settle();
  }

  #poolsOf(task: TaskRecord): PermitPool[] {
    return limitsOf(task, this.#set).map(({ id, head, stated }) => {
      const pool = this.#ensure(id, head);
      if (stated !== undefined) pool.lower(stated);
      return pool;
    });
  }

  #ensure(id: string, { by, of, tenant, most, perMs }: LimitHead): PermitPool {
    const known = this.#pools.get(id);
    if (known) return known;
    const head = { by, of, most, ...(tenant !== undefined && { tenant }), ...(perMs !== undefined && { perMs }) };
    const pool = new PermitPool(this.#runtime, id, head, {
      bucket: this.#bucket!,
      isOwn: (shard) => this.#shards.has(shard),
      ownShards: () => this.#shards,
      isWaiting: (task, asked) => {
        const waiting = this.#waiting.get(task);
        return waiting?.pools[waiting.index] === asked;
      },
      grant: (task) => this.#grant(task),
      holds: this.#holds,
    });
    this.#pools.set(id, pool);
    const entry = this.#mirror!.entries.get(id);
    if (entry) pool.report(entry);
    return pool;
  }

  #grant(task: TaskRecord): void {
    const { pools, index } = this.#waiting.get(task)!;
    this.#leave(task);
    this.#try(task, pools, index);
  }

  /** Takes all permits, or has the task wait for the first that is missing. `granted`: the limit whose turn the task has. */
  #try(task: TaskRecord, pools: readonly PermitPool[], granted: number): void {
    const { shard } = task.run;
    const lacking = pools.findIndex((pool, index) => !pool.isUsable(shard) || (index > granted && pool.hasLine));
    if (lacking < 0) {
      this.#holders.take(task, pools);
      return this.#behind.add(task);
    }
    this.#waiting.set(task, { pools, index: lacking });
    for (const pool of pools.slice(0, lacking)) pool.pass(shard);
    pools[lacking]!.wait(task);
  }

  #leave(task: TaskRecord): void {
    const waiting = this.#waiting.get(task);
    if (!waiting) return;
    const { pools, index } = waiting;
    this.#waiting.delete(task);
    for (const pool of pools.slice(0, index)) pool.unpass(task.run.shard);
    pools[index]!.leave(task);
  }

  #report(id: string, entry: LimitEntry | undefined): void {
    const hasChanged = this.#set.report(id, entry);
    const pool = this.#pools.get(id);
    pool?.report(entry);
    if (!pool && entry && Object.keys(entry.shards).some((shard) => this.#shards.has(Number(shard))))
      this.#ensure(id, entry).settle();
    if (!entry && pool && (hasChanged || pool.isIdle)) this.#drop(id, pool);
    if (hasChanged) this.#applySetting();
  }

  #drop(id: string, pool: PermitPool): void {
    pool.stop();
    this.#pools.delete(id);
    this.#holders.drop(pool);
  }

  /** An operator has set or removed a limit: what waits is looked at again, and what is on the queue counts from now on. */
  #applySetting(): void {
    const waiting = [...this.#waiting.keys()];
    for (const task of waiting) this.#leave(task);
    const outside = this.#behind.takeWaiting();
    for (const task of this.#behind.inside()) this.#holders.take(task, this.#poolsOf(task));
    for (const task of [...waiting, ...outside]) this.add(task);
  }
}
