import { isBusError, isPassing } from "../../bus/port.ts";
import { mostBytes } from "../../bus/sizes.ts";
import { parseDeadTaskSubject } from "../../bus/subjects.ts";
import { type DeadTask, deadTask } from "../../core/dead-letter.ts";
import { messageOf } from "../../core/error.ts";
import { decodeJson, encodeJson, type Json } from "../../core/json.ts";
import { failedTaskOf, type RunState } from "../../fold/run-state.ts";
import { attemptOf, type TaskRecord } from "../../fold/task-record.ts";
import { viewError } from "../../fold/view.ts";
import { InProgress } from "../host/in-progress.ts";
import { insist } from "../host/insist.ts";
import type { Runtime } from "../host/runtime.ts";
import type { WaitingWork } from "../host/trouble.ts";

const STORED: WaitingWork = { one: "dead letter is not stored yet", many: "dead letters are not stored yet" };
const REMOVED: WaitingWork = {
  one: "redriven dead letter is not removed yet",
  many: "redriven dead letters are not removed yet",
};

/** An error's message is cut to this where a letter does not fit into a message of the bus. */
const SHORT_CHARACTERS = 300;
/** Around what the attempt was given, bytes. */
const FRAME = 16;

/**
 * Keeps the dead letters of an owner's runs: one for each run that a task has failed, none once it is redriven. It is a
 * list to look at, and no truth: what may be redriven, the log says. A letter is stored before the `ended` that it goes
 * with, so that an owner that takes over in between stores it again; the subject is the attempt's, and takes one message.
 */
export class DeadLetters {
  readonly #runtime: Runtime;
  readonly #envelopeOf: (task: TaskRecord, most?: number) => Promise<Uint8Array>;
  readonly #inProgress = new InProgress();
  readonly #stopping = new AbortController();

  constructor(runtime: Runtime, envelopeOf: (task: TaskRecord, most?: number) => Promise<Uint8Array>) {
    this.#runtime = runtime;
    this.#envelopeOf = envelopeOf;
  }

  /** To be called before `ended` is appended. Resolves when the list is right, or `wanted` says that this has lost its purpose. */
  async record(run: RunState, wanted: () => boolean): Promise<void> {
    const task = failedTaskOf(run);
    if (run.redriven) await this.#removeStale(run, wanted);
    if (task) await this.#bury(task, wanted);
  }

  /** A redrive was read. */
  redriven(run: RunState): void {
    this.#inProgress.add(this.#removeStale(run, () => true));
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#inProgress.finished();
  }

  async #bury(task: TaskRecord, wanted: () => boolean): Promise<void> {
    const { tenant, run } = task.run;
    const subject = this.#runtime.topology.subjects.deadTask(tenant, run, task.id, attemptOf(task));
    await this.#insist(STORED, run, wanted, async () => {
      const data = await this.#encode(task);
      if (!wanted()) return;
      await this.#runtime.bus.append(subject, data, { expectLastSubjectSequence: 0 }).catch((error) => {
        if (!isBusError(error, "wrong-sequence")) throw error;
      });
    });
  }

  /** Removes the letters of attempts that were followed by others: right at any time, and by any owner. */
  async #removeStale(run: RunState, wanted: () => boolean): Promise<void> {
    const { bus, topology } = this.#runtime;
    const { name } = topology.streams.dead;
    await this.#insist(REMOVED, run.run, wanted, async () => {
      for (const subject of await bus.listSubjects(name, topology.subjects.deadTasksOfRun(run.tenant, run.run))) {
        const { task, attempt } = parseDeadTaskSubject(topology.subjects, subject);
        const record = run.tasks.get(task);
        if (record && attempt < attemptOf(record)) await bus.removeSubject(name, subject);
      }
    });
  }

  /** The letter, with as much of what the attempt was given as a message holds: the rest is stored apart, or left out. */
  async #encode(task: TaskRecord): Promise<Uint8Array> {
    const most = mostBytes(this.#runtime.bus);
    let bare = encodeJson(this.#describe(task));
    if (bare.length > most) bare = encodeJson(this.#describe(task, SHORT_CHARACTERS));
    const letter = { ...(decodeJson(bare) as object), ...(await this.#envelope(task, most - bare.length - FRAME)) };
    const whole = encodeJson(letter);
    return whole.length <= most ? whole : bare;
  }

  #describe(task: TaskRecord, mostCharacters?: number): DeadTask {
    const error = task.error ?? { kind: "terminal", message: "no reason was given" };
    const { kind, message } = error;
    const cut = mostCharacters === undefined ? viewError(error) : { kind, message: message.slice(0, mostCharacters) };
    return {
      v: 1,
      tenant: task.run.tenant,
      run: task.run.run,
      task: task.id,
      type: task.spec.type,
      attempt: attemptOf(task),
      error: deadTask.shape.error.parse(cut),
      ...(task.worker !== undefined && { worker: task.worker }),
      ...(task.losses && { lost: { times: task.losses.times, workers: [...task.losses.workers] } }),
    };
  }

  async #envelope(task: TaskRecord, most: number): Promise<Pick<DeadTask, "message">> {
    try {
      return { message: decodeJson(await this.#envelopeOf(task, most)) as { [key: string]: Json } };
    } catch (error) {
      if (isPassing(error)) throw error;
      this.#runtime.log("debug", `what ${task.id} of run ${task.run.run} was given is lost: ${messageOf(error)}`);
      return {};
    }
  }

  /** Repeats what trouble of the bus has prevented. An error that is final is logged, and the run ends all the same. */
  async #insist(work: WaitingWork, run: string, wanted: () => boolean, attempt: () => Promise<void>): Promise<void> {
    const { signal } = this.#stopping;
    try {
      await insist(this.#runtime, attempt, { work, name: () => `run ${run}`, wanted, signal });
    } catch (error) {
      this.#runtime.log("error", `run ${run}: its ${work.one}, and will not be: ${messageOf(error)}`);
    }
  }
}
