import type { Bucket } from "../../bus/port.ts";
import { sleep } from "../../core/clock.ts";
import type { HeldTask } from "../../core/held.ts";
import type { LimitEntry, ShardPermits } from "../../core/limit-entry.ts";
import { viewLimit } from "../../core/limit-view.ts";
import { allot, heldOf, mostOf, mustGiveBack } from "../../core/permits.ts";
import type { TaskRecord } from "../../fold/task-record.ts";
import { insist } from "../host/insist.ts";
import type { Runtime } from "../host/runtime.ts";
import { PermitLine } from "./permit-line.ts";
import { decrease, increase } from "./shard-counts.ts";
import { type LimitHead, StoredLimit } from "./stored-limit.ts";

export interface PermitPoolDependencies {
  readonly bucket: Bucket;
  /** Whether this process owns the shard, and knows the attempts of it that are in progress. */
  isOwn(shard: number): boolean;
  ownShards(): Iterable<number>;
  /** Whether the task still waits for this limit. */
  isWaiting(task: TaskRecord, pool: PermitPool): boolean;
  /** The task may have a permit: it takes it, or goes to wait for another limit. */
  grant(task: TaskRecord): void;
  /** Whether the lease holds: without it, the shards may be another's. */
  holds(): boolean;
}

/** Permits that no task of the shard needs are kept this long: the next task has its permit at once. */
const IDLE_MS = 1000;
/** No event says when the lease holds again. */
const LEASE_LOOK_MS = 100;

/**
 * The permits of one limit that the shards of this process hold. They are taken and given back in batches, by
 * compare-and-set on the limit's entry, once a turn at most and one at a time: a permit that comes back goes to the next
 * waiting task here, unless other orchestrators have less than their share.
 *
 * What a shard uses is never more than what the stored entry says that it holds: that is why the sum over all processes
 * never exceeds the limit.
 */
export class PermitPool {
  readonly id: string;
  readonly head: LimitHead;
  readonly #runtime: Runtime;
  readonly #dependencies: PermitPoolDependencies;
  readonly #stored: StoredLimit;
  readonly #used = new Map<number, number>();
  readonly #line = new PermitLine();
  /** Tasks that have left the line to have the next permits. */
  #next: TaskRecord[] = [];
  /** Permits that came back and have not been used again, by shard: where others have less than their share, these go to them. */
  #freed = new Map<number, number>();
  /** How many tasks wait, by shard. */
  readonly #waiting = new Map<number, number>();
  /** How many tasks have found a permit here, and wait for a later limit, by shard. */
  readonly #passed = new Map<number, number>();
  /** The lowest number that tasks here have stated. */
  #stated: number | undefined;
  #isScheduled = false;
  #isWriting = false;
  #stopped = false;
  #disarmIdle: (() => void) | undefined;

  constructor(runtime: Runtime, id: string, head: LimitHead, dependencies: PermitPoolDependencies) {
    this.#runtime = runtime;
    this.id = id;
    this.head = head;
    this.#dependencies = dependencies;
    this.#stored = new StoredLimit(dependencies.bucket, id, head, runtime.id);
  }

  get perMs(): number | undefined {
    return this.#stored.entry?.perMs ?? this.head.perMs;
  }

  /** Whether nothing here uses it or waits for it. */
  get isIdle(): boolean {
    return this.#used.size === 0 && this.#waiting.size === 0;
  }

  /** The limit, and how full it is over all processes, as far as is known here. */
  get view(): HeldTask["limit"] {
    const { limit, tenant, what, most, perMs, held } = viewLimit(this.#stored.latest);
    return { limit, what, most, held, ...(tenant !== undefined && { tenant }), ...(perMs !== undefined && { perMs }) };
  }

  /** Takes what a watch has reported. Undefined: the entry was removed. */
  report(entry: LimitEntry | undefined): void {
    if (this.#stored.report(entry)) this.settle();
  }

  /** A task states this number for it. */
  lower(most: number): void {
    this.#stated = Math.min(this.#stated ?? most, most);
  }

  /** Whether tasks wait here: one that comes now is not to overtake them. */
  get hasLine(): boolean {
    return this.#waiting.size > 0;
  }

  /** Whether the shard has a permit that it may use: not one that is due to others. */
  isUsable(shard: number): boolean {
    return this.#available(shard) > (this.#freed.get(shard) ?? 0);
  }

  /** Permits that the shard has and does not use. */
  #available(shard: number): number {
    if (!this.#dependencies.isOwn(shard)) return 0;
    return this.#stored.heldBy(shard) - this.#usedIn(shard);
  }

  take(shard: number): void {
    this.#used.set(shard, this.#usedIn(shard) + 1);
  }

  release(shard: number): void {
    decrease(this.#used, shard);
    increase(this.#freed, shard);
    this.settle();
  }

  wait(task: TaskRecord): void {
    this.#line.push(task);
    increase(this.#waiting, task.run.shard);
    this.#schedule();
  }

  /** The task has left the line, or does not wait any more. */
  leave(task: TaskRecord): void {
    decrease(this.#waiting, task.run.shard);
    this.#schedule();
  }

  pass(shard: number): void {
    increase(this.#passed, shard);
  }

  unpass(shard: number): void {
    decrease(this.#passed, shard);
    this.#schedule();
  }

  /** The process does not own the shard any more: its permits are the next owner's. */
  forget(shard: number): void {
    this.#used.delete(shard);
  }

  /** How many permits the shard has, of those that an owner before has left, beyond what is known to be in progress. */
  surplus(shard: number): number {
    return Math.max(0, this.#stored.storedFor(shard) - this.#usedIn(shard));
  }

  stop(): void {
    this.#stopped = true;
    this.#disarmIdle?.();
  }

  /** Something has changed: lets in who can be, and has the entry written where that is needed. */
  settle(): void {
    if (this.#stopped) return;
    this.#letIn();
    this.#schedule();
  }

  #letIn(): void {
    if (!this.#stored.entry || !mustGiveBack(this.#stored.entry, this.#runtime.id)) this.#freed.clear();
    const left: TaskRecord[] = [];
    for (const task of this.#next) {
      if (!this.#dependencies.isWaiting(task, this)) continue;
      if (this.isUsable(task.run.shard)) this.#dependencies.grant(task);
      else left.push(task);
    }
    this.#next = left;
    while (this.#next.length === 0 && this.#hasUsable()) {
      const task = this.#line.shift();
      if (!task) return;
      if (!this.#dependencies.isWaiting(task, this)) continue;
      if (this.isUsable(task.run.shard)) this.#dependencies.grant(task);
      else this.#next.push(task);
    }
  }

  #hasUsable(): boolean {
    for (const shard of this.#dependencies.ownShards()) if (this.isUsable(shard)) return true;
    return false;
  }

  #schedule(): void {
    if (this.#isScheduled || this.#isWriting || this.#stopped) return;
    this.#isScheduled = true;
    this.#runtime.clock.endOfTurn(() => {
      this.#isScheduled = false;
      if (!this.#stopped && !this.#isWriting && this.#isWriteDue()) void this.#write();
    });
  }

  #isWriteDue(): boolean {
    this.#disarmIdle?.();
    this.#disarmIdle = undefined;
    const entry = this.#stored.entry;
    if (!entry) return !this.isIdle;
    const isShared = mustGiveBack(entry, this.#runtime.id);
    let hasSurplus = false;
    for (const [shard, own] of this.#ownDemand()) {
      const stored = entry.shards[shard];
      const heldNow = stored?.held ?? 0;
      if (stored && stored.owner !== this.#runtime.id) return true;
      if (own.held > heldNow) return true;
      if (own.held < heldNow) hasSurplus = true;
      // Waiting tasks of which the others do not know, or of much fewer.
      if (own.wanted > heldNow && (stored?.wanted ?? 0) <= heldNow) return true;
      if (own.wanted > heldNow && own.wanted > 2 * (stored?.wanted ?? 0)) return true;
      if (own.wanted <= heldNow && (stored?.wanted ?? 0) > heldNow) return true;
      if (own.wanted > heldNow && own.most !== undefined && stored?.most !== own.most) return true;
    }
    if (!hasSurplus) return this.#waiting.size > 0 && heldOf(entry) < mostOf(entry);
    if (isShared || this.#waiting.size > 0) return true;
    this.#disarmIdle = this.#runtime.clock.timer(IDLE_MS, () => {
      this.#disarmIdle = undefined;
      if (!this.#stopped && !this.#isWriting) void this.#write();
    });
    return false;
  }

  /** What each of this process's shards uses and wants. One permit is kept for tasks that wait for a later limit: else two processes could pass each other the permits that both need. */
  #ownDemand(): Map<string, ShardPermits> {
    const demand = new Map<string, ShardPermits>();
    let hasKept = false;
    for (const shard of this.#dependencies.ownShards()) {
      const used = this.#usedIn(shard);
      const isKept = !hasKept && this.#passed.has(shard) && this.#available(shard) > 0;
      if (isKept) hasKept = true;
      const held = used + (isKept ? 1 : 0);
      const wanted = held + (this.#waiting.get(shard) ?? 0);
      if (wanted === 0 && !this.#stored.entry?.shards[shard]) continue;
      const stated = this.#stated === undefined ? {} : { most: this.#stated };
      demand.set(String(shard), { owner: this.#runtime.id, held, wanted, ...stated });
    }
    return demand;
  }

  async #write(): Promise<void> {
    this.#isWriting = true;
    try {
      await insist(this.#runtime, () => this.#writeOnce(), {
        work: PERMITS,
        name: () => this.id,
        wanted: () => !this.#stopped,
        passes: () => true,
      });
    } finally {
      this.#isWriting = false;
    }
    this.settle();
  }

  async #writeOnce(): Promise<void> {
    const { clock, id: owner } = this.#runtime;
    while (!this.#dependencies.holds() && !this.#stopped) await sleep(clock, LEASE_LOOK_MS);
    const propose = (entry: LimitEntry) => {
      if (this.#stopped || !this.#dependencies.holds()) return undefined;
      const shards = this.#ownDemand();
      const next = this.#chooseNext(entry, shards);
      this.#freed.clear();
      return allot(entry, { owner, shards, next });
    };
    // What was granted meanwhile is used before it could be given back.
    await this.#stored.change(propose, () => this.#letIn());
  }

  /** The shards of the tasks that are to have the next permits, in turn: as many as there may be. */
  #chooseNext(entry: LimitEntry, own: ReadonlyMap<string, ShardPermits>): string[] {
    const others = Object.entries(entry.shards).reduce(
      (sum, [shard, { held }]) => sum + (own.has(shard) ? 0 : held),
      0,
    );
    const kept = Iterator.from(own.values()).reduce((sum, { held }) => sum + held, 0);
    const isWaiting = (task: TaskRecord) => this.#dependencies.isWaiting(task, this);
    this.#next = this.#next.filter(isWaiting);
    const most = mostOf({ ...entry, shards: { ...entry.shards, ...Object.fromEntries(own) } });
    while (this.#next.length < most - others - kept) {
      const task = this.#line.shift();
      if (!task) break;
      if (isWaiting(task)) this.#next.push(task);
    }
    return this.#next.map(({ run }) => String(run.shard));
  }

  #usedIn(shard: number): number {
    return this.#used.get(shard) ?? 0;
  }
}

const PERMITS = { one: "limit's permits cannot be changed yet", many: "limits' permits cannot be changed yet" };
