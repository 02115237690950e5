import { mostBytes } from "../../bus/sizes.ts";
import { messageOf } from "../../core/error.ts";
import { encodeJson } from "../../core/json.ts";
import { outputOf, refsOf } from "../../fold/outputs.ts";
import { attemptOf, stateOf, type TaskRecord } from "../../fold/task-record.ts";
import { InProgress } from "../host/in-progress.ts";
import { insist } from "../host/insist.ts";
import type { Runtime } from "../host/runtime.ts";
import type { LogWriter } from "../log/log-writer.ts";

const CHANGES = { one: "change of a plan is not appended yet", many: "changes of plans are not appended yet" } as const;
/** Left for the other fields of the event, bytes. */
const ENVELOPE = 1024;

/** Appends the changes that tasks have asked for, so that they can be checked and carried out when they are read back. */
export class Replanner {
  readonly #runtime: Runtime;
  readonly #writer: LogWriter;
  /** Those of which the change is being appended. */
  readonly #asked = new Set<TaskRecord>();
  readonly #inProgress = new InProgress();
  #stopped = false;

  constructor(runtime: Runtime, writer: LogWriter) {
    this.#runtime = runtime;
    this.#writer = writer;
  }

  append(task: TaskRecord): void {
    if (this.#asked.has(task)) return;
    this.#asked.add(task);
    this.#inProgress.add(this.#append(task).finally(() => this.#asked.delete(task)));
  }

  /** Nothing more is appended from this very turn on. */
  stop(): void {
    this.#stopped = true;
  }

  async #append(task: TaskRecord): Promise<void> {
    const replanner = task.children!.plan!.replanner!;
    const attempt = attemptOf(replanner);
    const wanted = () => !this.#stopped && stateOf(task) === "replanning";
    const content = await insist(this.#runtime, () => this.#read(replanner), {
      work: CHANGES,
      name: () => `task ${task.id} of run ${task.run.run}`,
      wanted,
    }).catch((error) => ({ error: messageOf(error) }));
    if (content) await this.#writer.write(task.run, "replan", { v: 2, task: task.id, attempt, ...content }, wanted);
  }

  async #read(replanner: TaskRecord) {
    const { blobs, bus } = this.#runtime;
    const change = outputOf(replanner, await blobs.loadAll(refsOf(replanner)));
    const data = encodeJson(change);
    return data.length <= mostBytes(bus) - ENVELOPE ? { change } : { changeRef: await blobs.put(data) };
  }
}
