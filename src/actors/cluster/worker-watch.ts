import type { Bucket, Stoppable } from "../../bus/port.ts";
import { parseTaskSubject, type TaskAddress } from "../../bus/subjects.ts";
import { messageOf } from "../../core/error.ts";
import type { Logger } from "../../core/logger.ts";
import { PRIORITIES } from "../../core/names.ts";
import { type WorkerPresence, workerPresence } from "../../core/registration.ts";
import { parseBy, readAs } from "../host/bucket-entry.ts";
import { BucketMirror } from "../host/bucket-mirror.ts";
import { InProgress } from "../host/in-progress.ts";
import type { Runtime } from "../host/runtime.ts";
import type { ShardOwner } from "../shard/shard-owner.ts";
import { WorkerHoldings } from "./worker-holdings.ts";

/** A worker whose presence has been seen, and not its orderly end. */
interface Watched {
  readonly presence: WorkerPresence;
  /** When its presence was last renewed, monotonic, ms. */
  seenMs: number;
  /** `silent`: it does not answer; `gone`: nobody listens where it would. */
  state: "alive" | "silent" | "gone";
}

/** What the workers of a type that are alive have. */
interface HeldOfType {
  /** Subjects. */
  readonly held: ReadonlySet<string>;
  /** Whether all of them have said so: what is unsettled and not held is then a lost worker's. */
  readonly isAll: boolean;
}

/** An attempt that was lost. */
interface Loss {
  readonly at: TaskAddress;
  readonly owner: ShardOwner;
  /** The workers of which one had it. */
  readonly suspects: readonly Watched[];
  /** The worker was executing nothing else. */
  readonly alone: boolean;
}

/**
 * Notices when a worker is lost, and reports it to the owners of the attempts that it had.
 *
 * A worker whose presence expires is asked for what it has. When nobody listens there any more, its process is gone, or cut
 * off; when there is no answer, its event loop is blocked. What it had is what the queue has delivered and nobody has ended, but
 * for what the workers that are alive say they have. That needs all of them to answer: where a worker takes the same type and
 * cannot be asked, which a foreign one may well not be, only what the lost worker has said itself counts, and the rest is
 * delivered again once its ack wait is over.
 */
export class WorkerWatch {
  readonly #runtime: Runtime;
  readonly #ownerOf: (shard: number) => ShardOwner | undefined;
  readonly #holdings: WorkerHoldings;
  readonly #workers = new Map<string, Watched>();
  readonly #inProgress = new InProgress();
  #bucket: Bucket | undefined;
  #mirror: Stoppable | undefined;
  #isLooking = false;
  #isStopped = false;
  /** Until then (monotonic, ms) no worker is taken for lost: after a reconnect the others have to come back, too. */
  #graceMs = 0;
  #disarm: () => void = () => {};
  #unlisten: () => void = () => {};

  constructor(runtime: Runtime, ownerOf: (shard: number) => ShardOwner | undefined) {
    this.#runtime = runtime;
    this.#ownerOf = ownerOf;
    this.#holdings = new WorkerHoldings(runtime);
  }

  async start(): Promise<void> {
    const { bus, topology, log, clock } = this.#runtime;
    const { workers } = topology.buckets;
    this.#unlisten = bus.onEvent(() => {
      this.#graceMs = clock.monotonic() + 2 * topology.presenceTtlMs;
    });
    this.#bucket = await bus.bucket(workers);
    // The view of the workers warns of an entry that cannot be read.
    const options = { bucket: workers.name, parse: parseBy(workerPresence), log: toDebug(log) };
    const mirror = await BucketMirror.open(this.#bucket, options);
    this.#mirror = mirror;
    mirror.onChange((id, presence) => this.#seen(id, presence));
    for (const [id, presence] of mirror.entries) this.#seen(id, presence);
    if (!this.#isStopped) this.#tick();
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#disarm();
    this.#unlisten();
    await this.#mirror?.stop();
    await this.#inProgress.finished();
  }

  /** The worker that is alive and has taken this task message, other than the one that asks. */
  async heldBy(at: TaskAddress, asking: string | undefined): Promise<string | undefined> {
    const subject = this.#runtime.topology.subjects.task(at);
    const asked = this.#alive(at.type).filter(({ worker }) => worker !== asking);
    const found = asked.map(async (presence) => {
      const answer = await this.#holdings.askOnce(presence).catch(() => "silent" as const);
      return typeof answer === "object" && answer.has(subject) ? presence.worker : undefined;
    });
    return (await Promise.all(found)).find((id) => id !== undefined);
  }

  #seen(id: string, presence: WorkerPresence | undefined): void {
    const known = this.#workers.get(id);
    // A worker that leaves deletes its presence, once it has handed back what it had.
    if (!presence) return void this.#workers.delete(id);
    // Another process under the same name: the one before is gone.
    if (known && known.presence.since !== presence.since)
      this.#workers.set(`${id} since ${known.presence.since}`, { ...known, seenMs: Number.NEGATIVE_INFINITY });
    this.#workers.set(id, { presence, seenMs: this.#runtime.clock.monotonic(), state: "alive" });
  }

  #alive(type: string): WorkerPresence[] {
    return [...this.#workers.values()].flatMap((worker) =>
      worker.state === "alive" && !this.#isLate(worker) && worker.presence.types.includes(type)
        ? [worker.presence]
        : [],
    );
  }

  #isLate({ seenMs }: Watched): boolean {
    return this.#runtime.clock.monotonic() - seenMs > this.#runtime.topology.presenceTtlMs;
  }

  #tick(): void {
    const { clock, topology, log } = this.#runtime;
    this.#disarm = clock.timer(topology.presenceTtlMs / 5, () => this.#tick());
    if (this.#isLooking || clock.monotonic() < this.#graceMs) return;
    const late = [...this.#workers.values()].filter((worker) => this.#isLate(worker));
    if (late.length === 0) return;
    this.#isLooking = true;
    const looked = this.#look(late)
      .catch((error) => log("debug", `whether workers are lost is not known yet: ${messageOf(error)}`))
      .finally(() => {
        this.#isLooking = false;
      });
    this.#inProgress.add(looked);
  }

  async #look(late: readonly Watched[]): Promise<void> {
    const before = late.map(({ state }) => state);
    await Promise.all(late.map((worker) => this.#judge(worker)));
    const lost = late.filter(({ state }, i) => state !== "alive" && state !== before[i]);
    if (lost.length === 0 || this.#isStopped) return;
    try {
      await this.#report(lost);
    } catch (error) {
      // Looked at again at the next tick.
      late.forEach((worker, i) => {
        worker.state = before[i]!;
      });
      throw error;
    }
    for (const [id, { state }] of this.#workers) if (state === "gone") this.#workers.delete(id);
  }

  /** Finds out how a worker stands whose presence is late. */
  async #judge(worker: Watched): Promise<void> {
    const { presence } = worker;
    const entry = await this.#bucket!.get(presence.worker);
    const current = entry && readAs(workerPresence, entry.value);
    if (current && current.since !== presence.since) worker.state = "gone";
    else {
      const answer = current ? "unknown" : await this.#holdings.ask(presence);
      // One that cannot be asked is nobody's to judge: the queue delivers again what it does not end.
      worker.state = answer === "silent" || answer === "gone" ? answer : "alive";
      if (worker.state === "alive" && (current || answer !== "unknown"))
        worker.seenMs = this.#runtime.clock.monotonic();
      else if (worker.state === "alive") this.#workers.delete(presence.worker);
    }
  }

  /** In this order: what was delivered is listed before it is asked for, so that what is not held by then was ended before. */
  async #report(lost: readonly Watched[]): Promise<void> {
    const types = [...new Set(lost.flatMap(({ presence }) => presence.types))];
    const unsettled = (await Promise.all(types.map((type) => this.#listUnsettled(type)))).flat();
    const held = new Map(await Promise.all(types.map(async (type) => [type, await this.#heldOf(type)] as const)));
    const losses: Loss[] = [];
    for (const subject of unsettled) {
      const at = parseTaskSubject(this.#runtime.topology.subjects, subject);
      const owner = this.#ownerOf(at.shard);
      const { held: taken, isAll } = held.get(at.type)!;
      if (!owner || taken.has(subject)) continue;
      await owner.caughtUp();
      const holder = owner.holderOf(at);
      const suspects = [...this.#workers.values()].filter(
        ({ state, presence }) =>
          state !== "alive" && (holder ? holder.worker === presence.worker : isAll && presence.types.includes(at.type)),
      );
      if (suspects.some((worker) => lost.includes(worker)))
        losses.push({ at, owner, suspects, alone: holder?.alone ?? false });
    }
    const counts = this.#tell(losses);
    for (const worker of lost) this.#log(worker, counts.get(worker) ?? 0);
  }

  /** Reports to the owners. Returns how many attempts each worker had. */
  #tell(losses: readonly Loss[]): ReadonlyMap<Watched, number> {
    // What was beside an attempt that was executed alone, in the same worker, had not begun.
    const soloists = new Set(losses.flatMap(({ alone, suspects }) => (alone ? suspects : [])));
    const counts = new Map<Watched, number>();
    for (const { at, owner, suspects, alone } of losses) {
      const worker = suspects.map(({ presence }) => presence.worker).join(" or ");
      const gone = suspects.every(({ state }) => state === "gone");
      const begun = alone || !suspects.some((suspect) => soloists.has(suspect));
      if (owner.lose(at, { worker, gone, alone, begun }))
        for (const suspect of suspects) counts.set(suspect, (counts.get(suspect) ?? 0) + 1);
    }
    return counts;
  }

  #log({ presence: { worker }, state }: Watched, count: number): void {
    const attempts = `${count} ${count === 1 ? "attempt" : "attempts"} of the shards here`;
    const what =
      state === "gone"
        ? `is gone without having left: it had ${attempts}, which are opened again`
        : `does not answer: it is blocked, or cut off, and has ${attempts}`;
    this.#runtime.log("warn", `worker ${worker} ${what}`);
  }

  async #listUnsettled(type: string): Promise<string[]> {
    const { bus, topology, queues } = this.#runtime;
    const inUse = PRIORITIES.filter((priority) => queues.has(type, priority));
    const lists = inUse.map((priority) => {
      const { stream, name } = topology.taskConsumer(type, priority);
      return bus.listUnsettled(stream, name);
    });
    return (await Promise.all(lists)).flat();
  }

  /** Rejects while one that can be asked does not answer: it may be lost as well, which its presence has to show first. */
  async #heldOf(type: string): Promise<HeldOfType> {
    const answers = await Promise.all(this.#alive(type).map((presence) => this.#holdings.ask(presence)));
    if (answers.some((answer) => answer === "silent" || answer === "gone"))
      throw new Error(`another worker of ${type} does not answer`);
    const known = answers.filter((answer) => typeof answer === "object");
    return { held: new Set(known.flatMap((answer) => [...answer])), isAll: known.length === answers.length };
  }
}

const toDebug =
  (log: Logger): Logger =>
  (_, message) =>
    log("debug", message);
