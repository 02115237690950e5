import { isPassing } from "../../bus/port.ts";
import { mostBytes } from "../../bus/sizes.ts";
import { messageOf, TuttiError } from "../../core/error.ts";
import type { Answered } from "../../core/event.ts";
import { encodeJson } from "../../core/json.ts";
import { attemptOf, stateOf, type TaskRecord } from "../../fold/task-record.ts";
import { insist } from "../host/insist.ts";
import type { Runtime } from "../host/runtime.ts";
import type { LogWriter } from "../log/log-writer.ts";
import type { Heard } from "./heard.ts";
import { hearEnd } from "./run-listener.ts";
import { type StartRun, startRunOf } from "./run-starter.ts";
import { hearMessage } from "./subject-listener.ts";

const WAITS = { one: "wait is not listened for yet", many: "waits are not listened for yet" } as const;
/** Left for the other fields of `answered`, bytes. */
const ENVELOPE = 512;

/** Listens for what the tasks of a live shard wait for outside their own run, and appends what was heard. */
export class Listeners {
  readonly #runtime: Runtime;
  readonly #writer: LogWriter;
  readonly #startRun: StartRun;
  readonly #listening = new Map<TaskRecord, AbortController>();

  constructor(runtime: Runtime, writer: LogWriter, startRun: StartRun) {
    this.#runtime = runtime;
    this.#writer = writer;
    this.#startRun = startRun;
  }

  /** A task that is listened for already stays so. */
  listen(task: TaskRecord): void {
    if (this.#listening.has(task)) return;
    const controller = new AbortController();
    this.#listening.set(task, controller);
    void this.#listen(task, controller.signal);
  }

  unlisten(task: TaskRecord): void {
    this.#listening.get(task)?.abort();
    this.#listening.delete(task);
  }

  /** Nothing more is appended from this very turn on. */
  stop(): void {
    for (const task of [...this.#listening.keys()]) this.unlisten(task);
  }

  async #listen(task: TaskRecord, signal: AbortSignal): Promise<void> {
    const { run } = task;
    const wanted = () => !signal.aborted && stateOf(task) === "awaiting";
    const heard = await insist(this.#runtime, () => this.#hear(task, signal), {
      work: WAITS,
      name: () => `task ${task.id} of run ${run.run}`,
      wanted,
      signal,
      passes,
    }).catch((error) => ({ error: { kind: "terminal" as const, message: messageOf(error) } }));
    if (!heard) return;
    const answered: Answered = { v: 2, task: task.id, attempt: attemptOf(task), ...heard };
    await this.#writer.write(run, "answered", answered, wanted);
  }

  async #hear(task: TaskRecord, signal: AbortSignal): Promise<Heard> {
    const { subject, start } = task.run.waits!.open.get(task)!.awaited;
    if (start) return startRunOf(this.#runtime, task, this.#startRun);
    const heard = await (subject === undefined ? hearEnd : hearMessage)(this.#runtime, task, signal);
    if (!heard || !("output" in heard)) return heard;
    const data = encodeJson(heard.output);
    if (data.length <= mostBytes(this.#runtime.bus) - ENVELOPE) return heard;
    return { outputRef: await this.#runtime.blobs.put(data) };
  }
}

/** A server that is away, and an end that only a newer build can read: its owner may be replaced. */
const passes = (error: unknown): boolean => isPassing(error) || (error instanceof TuttiError && error.code === 503);
