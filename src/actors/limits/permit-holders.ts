import type { Message, Stoppable } from "../../bus/port.ts";
import { parseLiveSubject } from "../../bus/subjects.ts";
import { messageOf } from "../../core/error.ts";
import { decodeJson } from "../../core/json.ts";
import { type LiveMessage, liveMessage } from "../../core/live.ts";
import { attemptOf, type TaskRecord } from "../../fold/task-record.ts";
import type { Runtime } from "../host/runtime.ts";
import type { PermitPool } from "./permit-pool.ts";

/** An attempt that holds permits. */
interface Holder {
  readonly shard: number;
  readonly pools: Set<PermitPool>;
  /** Rates whose time counts since the attempt began: it takes no second permit of them. */
  readonly begun: Set<PermitPool>;
  /** It was ended without its worker: ends the time that it still holds its permits. */
  disarm: (() => void) | undefined;
}

const nameOf = (tenant: string, run: string, task: string, attempt: number): string =>
  `${tenant}/${run}/${task}#${attempt}`;
const attemptName = (task: TaskRecord, attempt = attemptOf(task)): string =>
  nameOf(task.run.tenant, task.run.run, task.id, attempt);

/**
 * Which attempts hold permits, and until when. They do until their worker's word is read in the log; one that was ended
 * without its worker may still be in a handler, and holds them until the worker has said so, or for the time after which a
 * worker that says nothing counts as dead. A permit of a rate comes back when its attempt began long enough ago: as long as
 * that is not known, it is not in use any less.
 */
export class PermitHolders {
  readonly #runtime: Runtime;
  readonly #holders = new Map<string, Holder>();
  /** Permits of rates whose attempts are over, by their timers. */
  readonly #cooling = new Map<() => void, { readonly shard: number }>();
  #subscription: Promise<Stoppable> | undefined;
  /** How many attempts were ended without their workers. */
  #withdrawn = 0;

  constructor(runtime: Runtime) {
    this.#runtime = runtime;
  }

  get isEmpty(): boolean {
    return this.#holders.size === 0;
  }

  /** Whether the task's present attempt holds permits; one that was withdrawn is taken up again. */
  reclaim(task: TaskRecord): boolean {
    const holder = this.#holders.get(attemptName(task));
    if (holder?.disarm) this.#endWithdrawal(holder);
    return holder !== undefined;
  }

  has(task: TaskRecord, attempt: number): boolean {
    return this.#holders.has(attemptName(task, attempt));
  }

  /** The task's present attempt takes a permit of each. */
  take(task: TaskRecord, pools: readonly PermitPool[]): void {
    const name = attemptName(task);
    const { shard } = task.run;
    const known = this.#holders.get(name);
    const holder: Holder = known ?? { shard, pools: new Set(), begun: new Set(), disarm: undefined };
    this.#holders.set(name, holder);
    for (const pool of pools) {
      if (holder.pools.has(pool) || holder.begun.has(pool)) continue;
      holder.pools.add(pool);
      pool.take(shard);
      if (pool.perMs !== undefined) this.#listen();
    }
  }

  /** The attempt has ended with its worker's word. By now, the task may have opened another one. */
  release(task: TaskRecord, attempt: number): void {
    this.#free(attemptName(task, attempt));
  }

  /** No worker was given the attempt, nor will be. */
  cancel(task: TaskRecord, attempt: number): void {
    const name = attemptName(task, attempt);
    const holder = this.#holders.get(name);
    if (!holder) return;
    if (holder.disarm) this.#endWithdrawal(holder);
    this.#holders.delete(name);
    for (const pool of holder.pools) pool.release(holder.shard);
  }

  withdraw(task: TaskRecord, attempt: number): void {
    const name = attemptName(task, attempt);
    const holder = this.#holders.get(name);
    if (!holder || holder.disarm) return;
    const { clock, topology } = this.#runtime;
    this.#withdrawn++;
    holder.disarm = clock.timer(topology.taskConsumer("any", "normal").ackWaitMs, () => this.#free(name));
  }

  /** A worker's word on attempts has been read, whether they were open or not. */
  spoke(tenant: string, run: string, results: readonly unknown[]): void {
    if (this.#withdrawn === 0) return;
    for (const one of results as readonly ({ task?: unknown; attempt?: unknown } | null)[]) {
      const name = nameOf(tenant, run, String(one?.task), Number(one?.attempt));
      if (this.#holders.get(name)?.disarm) this.#free(name);
    }
  }

  /** The limit is no more. */
  drop(pool: PermitPool): void {
    for (const { pools, begun } of this.#holders.values()) {
      pools.delete(pool);
      begun.delete(pool);
    }
  }

  /** The shard is another owner's, and so are its permits. */
  forget(shard: number): void {
    for (const [name, holder] of this.#holders) {
      if (holder.shard !== shard) continue;
      if (holder.disarm) this.#endWithdrawal(holder);
      this.#holders.delete(name);
    }
    for (const [disarm, one] of this.#cooling) {
      if (one.shard !== shard) continue;
      disarm();
      this.#cooling.delete(disarm);
    }
  }

  /** A permit of a rate comes back after the whole time, counted from now: the attempt began now or before. */
  cool(pool: PermitPool, shard: number): void {
    const disarm = this.#runtime.clock.timer(pool.perMs!, () => {
      this.#cooling.delete(disarm);
      pool.release(shard);
    });
    this.#cooling.set(disarm, { shard });
  }

  async stop(): Promise<void> {
    for (const { disarm } of this.#holders.values()) disarm?.();
    for (const disarm of this.#cooling.keys()) disarm();
    const subscription = await this.#subscription?.catch(() => undefined);
    await subscription?.stop();
  }

  #free(name: string): void {
    const holder = this.#holders.get(name);
    if (!holder) return;
    if (holder.disarm) this.#endWithdrawal(holder);
    this.#holders.delete(name);
    for (const pool of holder.pools) {
      if (pool.perMs === undefined) pool.release(holder.shard);
      else this.cool(pool, holder.shard);
    }
  }

  #endWithdrawal(holder: Holder): void {
    holder.disarm!();
    holder.disarm = undefined;
    this.#withdrawn--;
  }

  /** Workers report when attempts begin: from then on, and not only from their end, the time of a rate counts. */
  #listen(): void {
    if (this.#subscription) return;
    const { bus, topology, log } = this.#runtime;
    const subscription = bus.subscribe(topology.subjects.live("*", "*", "started"), (message) => this.#begun(message));
    this.#subscription = subscription;
    subscription.catch((error) => {
      // The next attempt with a rate tries again.
      this.#subscription = undefined;
      log("warn", `the beginnings of attempts are not heard of: ${messageOf(error)}`);
    });
  }

  #begun(message: Message): void {
    const { tenant, run } = parseLiveSubject(this.#runtime.topology.subjects, message.subject);
    for (const { task, attempt } of readItems(message.data)) {
      const holder = this.#holders.get(nameOf(tenant, run, task, attempt));
      for (const pool of holder?.pools ?? []) {
        if (pool.perMs === undefined) continue;
        holder!.pools.delete(pool);
        holder!.begun.add(pool);
        this.cool(pool, holder!.shard);
      }
    }
  }
}

/** Anybody may publish there. */
function readItems(data: Uint8Array): LiveMessage["items"] {
  try {
    return liveMessage.safeParse(decodeJson(data)).data?.items ?? [];
  } catch {
    return [];
  }
}
