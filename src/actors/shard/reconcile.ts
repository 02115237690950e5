import { parseTaskSubject } from "../../bus/subjects.ts";
import { obligationsOf } from "../../fold/obligations.ts";
import { runKey } from "../../fold/run-state.ts";
import { attemptOf, hasOpenAttempt, isOpen, type TaskRecord } from "../../fold/task-record.ts";
import type { AttemptCanceller } from "../dispatch/attempt-canceller.ts";
import { insist } from "../host/insist.ts";
import type { Runtime } from "../host/runtime.ts";
import type { Gate } from "../limits/gate.ts";
import type { EffectHandler } from "./effect-handler.ts";
import type { ShardFold } from "./shard-fold.ts";

const COMPARED = {
  one: "queue is not compared with its log yet",
  many: "queues are not compared with their logs yet",
};

interface ReconcilerDependencies {
  readonly gate: Gate;
  readonly withdrawals: AttemptCanceller;
  readonly handler: EffectHandler;
  /** Resolves when the shard's log, as it stands now, has been folded. */
  caughtUp(): Promise<void>;
}

/**
 * Brings the world in line with a shard's state: what is on the queue, what is armed, what is concluded. A takeover and a
 * reconnect do this alike, in the order that an append precedes its ack, which precedes the removal from the queue: list
 * the queue, fold the log to its end, and then dispatch what is in neither.
 */
export class Reconciler {
  readonly #runtime: Runtime;
  readonly #shard: number;
  readonly #fold: ShardFold;
  readonly #dependencies: ReconcilerDependencies;
  #sweeps: Promise<void> = Promise.resolve();
  #isOn = false;
  /** A reconnect came before the shard was live. */
  #isDue = false;

  constructor(runtime: Runtime, shard: number, fold: ShardFold, dependencies: ReconcilerDependencies) {
    this.#runtime = runtime;
    this.#shard = shard;
    this.#fold = fold;
    this.#dependencies = dependencies;
  }

  /** The subjects of the shard's queue. */
  listQueue(): Promise<readonly string[]> {
    const { bus, topology } = this.#runtime;
    return bus.listSubjects(topology.streams.tasks.name, topology.subjects.tasksOfShard(this.#shard));
  }

  /** The shard is live: its log has been folded since the queue was listed, and no other process dispatches its tasks. */
  begin(queued: readonly string[]): void {
    this.#isOn = true;
    this.#reconcile(queued);
    if (this.#isDue) this.again();
  }

  /**
   * A server that was killed may have forgotten the last it did: it keeps the ack of a message and not its removal, and
   * then never delivers it; or it has lost a message that it had confirmed. So the state is compared with the queue
   * once more after a reconnect.
   */
  again(): void {
    this.#isDue = !this.#isOn;
    if (this.#isOn) this.#sweeps = this.#sweeps.then(() => this.#sweep());
  }

  stop(): void {
    this.#isOn = false;
  }

  async #sweep(): Promise<void> {
    const compare = async () => {
      const sent = this.#sentAttempts();
      const queued = await this.listQueue();
      await this.#dependencies.caughtUp();
      if (this.#isOn) this.#reconcile(queued, sent);
    };
    await insist(this.#runtime, compare, {
      work: COMPARED,
      name: () => `shard ${this.#shard}`,
      wanted: () => this.#isOn,
      passes: () => true,
    });
  }

  /** Open attempts that should be on the queue by now. What is put there from here on may be missing in a list of it. */
  #sentAttempts(): ReadonlyMap<TaskRecord, number> {
    const sent = new Map<TaskRecord, number>();
    for (const { tasks } of this.#fold.states())
      for (const task of tasks.values())
        if (hasOpenAttempt(task) && !this.#dependencies.gate.has(task)) sent.set(task, attemptOf(task));
    return sent;
  }

  /** `sent`: the attempts that were to be on the queue before it was listed. Default: all that are open. */
  #reconcile(queued: readonly string[], sent?: ReadonlyMap<TaskRecord, number>): void {
    const { gate, withdrawals, handler } = this.#dependencies;
    const found = new Set<TaskRecord>();
    for (const subject of queued) {
      const at = parseTaskSubject(this.#runtime.topology.subjects, subject);
      const task = this.#fold.find(runKey(at.tenant, at.run))?.tasks.get(at.task);
      if (task && isOpen(task, at.attempt)) {
        found.add(task);
        gate.found(task);
      } else withdrawals.removeStale(subject);
    }
    const now = Math.max(this.#runtime.clock.now(), this.#fold.positions.lastAt);
    for (const run of this.#fold.states())
      for (const effect of obligationsOf(run)) {
        if (effect.kind === "open" && found.has(effect.task)) continue;
        if (effect.kind === "open" && sent && sent.get(effect.task) !== effect.attempt) continue;
        handler.ensure(effect, now);
      }
  }
}
