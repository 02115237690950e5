import { parseTaskSubject } from "../../bus/subjects.ts";
import { sleep } from "../../core/clock.ts";
import { messageOf } from "../../core/error.ts";
import { type RunState, runKey } from "../../fold/run-state.ts";
import { attemptOf, isOpen, stateOf, type TaskRecord } from "../../fold/task-record.ts";
import type { Runtime } from "../host/runtime.ts";
import type { AttemptCanceller } from "./attempt-canceller.ts";
import type { QueueGate } from "./queue-gate.ts";

const RETRY_MS = 500;

/** The shard whose queue is compared with its fold. */
interface Swept {
  readonly shard: number;
  readonly runs: ReadonlyMap<string, RunState>;
  tasks(): Iterable<TaskRecord>;
  caughtUp(): Promise<void>;
}

/** Compares a shard's queue with its fold: what is on the queue and open, what is on it for nothing, and what is missing. */
export class QueueSweep {
  readonly #runtime: Runtime;
  readonly #swept: Swept;
  readonly #dependencies: { readonly gate: QueueGate; readonly withdrawals: AttemptCanceller };
  readonly #begun = Promise.withResolvers<void>();
  #sweeps: Promise<void> = Promise.resolve();
  #isOn = false;

  constructor(
    runtime: Runtime,
    swept: Swept,
    dependencies: { readonly gate: QueueGate; readonly withdrawals: AttemptCanceller },
  ) {
    this.#runtime = runtime;
    this.#swept = swept;
    this.#dependencies = dependencies;
  }

  /** The shard is live. */
  begin(): void {
    this.#isOn = true;
    this.#begun.resolve();
  }

  stop(): void {
    this.#isOn = false;
  }

  /** Calls `found` for every open attempt that is on the queue, and has removed what is no open attempt. */
  compare(queued: readonly string[], found: (task: TaskRecord) => void): void {
    for (const subject of queued) {
      const at = parseTaskSubject(this.#runtime.topology.subjects, subject);
      const task = this.#swept.runs.get(runKey(at.tenant, at.run))?.tasks.get(at.task);
      if (task && isOpen(task, at.attempt)) found(task);
      else this.#dependencies.withdrawals.removeStale(subject);
    }
  }

  /**
   * A server that was killed may have forgotten the last it did: it keeps the ack of a message and not its removal, and
   * then delivers it to nobody; or it has lost a message that it had confirmed. So after a reconnect the queue is compared
   * with the fold once more, in the order of a takeover: what was open, the queue, the log.
   */
  again(): void {
    this.#sweeps = this.#sweeps.then(() => this.#sweep());
  }

  async #sweep(): Promise<void> {
    await this.#begun.promise;
    const { bus, topology, clock, log } = this.#runtime;
    const { shard } = this.#swept;
    while (this.#isOn) {
      try {
        const missing = new Map<TaskRecord, number>();
        for (const task of this.#swept.tasks())
          if (stateOf(task) === "dispatched" && !this.#dependencies.gate.has(task)) missing.set(task, attemptOf(task));
        const queued = await bus.listSubjects(topology.streams.tasks.name, topology.subjects.tasksOfShard(shard));
        await this.#swept.caughtUp();
        this.compare(queued, (task) => void missing.delete(task));
        for (const [task, attempt] of missing) if (isOpen(task, attempt)) this.#dependencies.gate.add(task);
        return;
      } catch (error) {
        if (!this.#isOn) return;
        log("warn", `the queue of shard ${shard} could not be compared with its log yet: ${messageOf(error)}`);
        await sleep(clock, RETRY_MS);
      }
    }
  }
}
