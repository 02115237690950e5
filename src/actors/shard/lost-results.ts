import { sleep } from "../../core/clock.ts";
import { cutMessage, messageOf, type TaskError } from "../../core/error.ts";
import { type RunAddress, type RunState, runKey } from "../../fold/run-state.ts";
import { attemptOf, hasOpenAttempt, isOpen, type TaskRecord } from "../../fold/task-record.ts";
import { addressOf } from "../dispatch/dispatcher.ts";
import type { Runtime } from "../host/runtime.ts";

interface LostResultsDependencies {
  find(tenant: string, run: string): RunState | undefined;
  /** Whether the task is yet to be put on the queue. */
  isWaiting(task: TaskRecord): boolean;
  /** Resolves when the shard's log, as it stands now, has been folded. */
  caughtUp(): Promise<void>;
  /** Appends this as the attempt's result. */
  fail(task: TaskRecord, attempt: number, error: TaskError): void;
}

/** A worker acks at once after its result. One that is slow, or other attempts of the run, are looked at again and again. */
const FIRST_LOOK_MS = 100;
const MOST_PAUSE_MS = 5000;

/**
 * Ends the attempts whose results cannot be read. Such a message names its run by its subject, and no attempt; but a worker
 * that has sent it acks its task, so that no other worker is given it. So the attempts that were open then are compared
 * with the queue, in the order that an append precedes its ack: one that is on the queue no more, and open in the log, has
 * lost its result. It fails as by an error of its handler, and is tried again as its policy says.
 */
export class LostResults {
  readonly #runtime: Runtime;
  readonly #dependencies: LostResultsDependencies;
  readonly #watched = new Set<string>();
  readonly #stopping = new AbortController();

  constructor(runtime: Runtime, dependencies: LostResultsDependencies) {
    this.#runtime = runtime;
    this.#dependencies = dependencies;
  }

  /** A result of that run cannot be read, or names no attempt that it has had. */
  noticed({ tenant, shard, run }: RunAddress, problem: string): void {
    const key = runKey(tenant, run);
    if (this.#watched.has(key) || this.#stopping.signal.aborted) return;
    this.#watched.add(key);
    this.#watch({ tenant, shard, run }, problem)
      .catch((error) => {
        if (!this.#stopping.signal.aborted) this.#runtime.log("warn", `results of run ${run}: ${messageOf(error)}`);
      })
      .finally(() => this.#watched.delete(key));
  }

  stop(): void {
    this.#stopping.abort();
  }

  async #watch(address: RunAddress, problem: string): Promise<void> {
    const { clock, trouble } = this.#runtime;
    const { signal } = this.#stopping;
    for (let pauseMs = FIRST_LOOK_MS; ; pauseMs = Math.min(2 * pauseMs, MOST_PAUSE_MS)) {
      await sleep(clock, pauseMs, signal);
      try {
        if (!(await this.#look(address, problem))) return;
      } catch (error) {
        if (signal.aborted) return;
        trouble.mention(COMPARED, `run ${address.run}`, error);
      }
    }
  }

  /** Whether attempts of the run are still on the queue, so that one of them may be acked yet. */
  async #look({ tenant, shard, run }: RunAddress, problem: string): Promise<boolean> {
    const { bus, topology } = this.#runtime;
    const { subjects, streams } = topology;
    const { find, isWaiting, caughtUp, fail } = this.#dependencies;
    const sent = [...(find(tenant, run)?.tasks.values() ?? [])].flatMap((task) =>
      hasOpenAttempt(task) && !isWaiting(task)
        ? [{ task, attempt: attemptOf(task), subject: subjects.task(addressOf(task)) }]
        : [],
    );
    if (sent.length === 0) return false;
    const queued = new Set(await bus.listSubjects(streams.tasks.name, subjects.tasksOfRun(tenant, shard, run)));
    await caughtUp();
    let isAnyQueued = false;
    for (const { task, attempt, subject } of sent) {
      if (!isOpen(task, attempt)) continue;
      if (queued.has(subject)) isAnyQueued = true;
      else fail(task, attempt, { kind: "retryable", message: cutMessage(`its result cannot be read: ${problem}`) });
    }
    return isAnyQueued;
  }
}

const COMPARED = {
  one: "run's queue is not compared with its log yet",
  many: "runs' queues are not compared with their logs yet",
};
