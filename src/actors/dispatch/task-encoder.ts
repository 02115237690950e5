import { mostBytes } from "../../bus/sizes.ts";
import { TerminalError } from "../../core/error.ts";
import { encodeJson, type Json } from "../../core/json.ts";
import type { TaskMessage } from "../../core/task-message.ts";
import { givenOf, holdsRef, inputOf, inputRefs, outputOf, refsOf, soleOutput } from "../../fold/outputs.ts";
import { deadlineOf } from "../../fold/plan-node.ts";
import { attemptOf, type TaskRecord } from "../../fold/task-record.ts";
import { attemptBlobs } from "../host/attempt-blobs.ts";
import type { Runtime } from "../host/runtime.ts";

/** The number of tasks whose inputs are fetched from the object store at once: each may be large. */
const MOST_PREPARING = 16;

/** The bytes of outputs that are put into one input. More of them go to the worker as references: no text holds them all. */
const JOIN_LIMIT = 64 * 2 ** 20;

/** A task's message with every field in its place: those that are undefined leave no trace in JSON. */
type Body = { readonly [K in Exclude<keyof TaskMessage, "idempotencyKey">]-?: TaskMessage[K] | undefined } & {
  readonly idempotencyKey?: string;
};

/** Makes the messages that put tasks on the queue: references resolved, and what is large moved to the object store. */
export class TaskEncoder {
  readonly #runtime: Runtime;
  readonly #epochOf: (shard: number) => number;
  #preparing = 0;

  constructor(runtime: Runtime, epochOf: (shard: number) => number) {
    this.#runtime = runtime;
    this.#epochOf = epochOf;
  }

  /** Whether nothing has to be fetched for the task: its type is known, and the outputs it needs are in memory. */
  isSimple(task: TaskRecord): boolean {
    if (!this.#runtime.types.peek(task.spec.type)) return false;
    // A task of a plan of version 2 may be given more than its needs' outputs.
    if (task.node) return inputRefs(task).next().done === true;
    for (const need of task.needs) if (holdsRef(need)) return false;
    return true;
  }

  /** Whether no more should be prepared for the moment. */
  get isBusy(): boolean {
    return this.#preparing >= MOST_PREPARING;
  }

  /** The message of a simple task; a promise when a part of it has to be stored first. Throws for a broken reference. */
  encode(task: TaskRecord): Uint8Array | Promise<Uint8Array> {
    return this.#fit(this.#body(task, NOTHING_TO_LOAD));
  }

  /** The message of any task. Rejects with a TerminalError for a type that was never registered, a broken reference, a blob that is gone. */
  async prepare(task: TaskRecord): Promise<Uint8Array> {
    this.#preparing++;
    try {
      return await this.#fetchAndEncode(task);
    } finally {
      this.#preparing--;
    }
  }

  async #fetchAndEncode(task: TaskRecord): Promise<Uint8Array> {
    const { types } = this.#runtime;
    const { type } = task.spec;
    if (!(await types.find(type))) throw new TerminalError(`no worker ever registered the task type ${type}`);
    return this.recall(task);
  }

  /**
   * The message of any task, as it was or would be sent, whether its type is registered or not; `most`: its parts are stored
   * apart where it is larger, bytes. Rejects as {@link prepare} does.
   */
  async recall(task: TaskRecord, most?: number): Promise<Uint8Array> {
    if (task.node) return this.#fit(this.#body(task, await this.#runtime.blobs.loadAll(inputRefs(task))), most);
    const refs = task.needs.flatMap((need) => [...refsOf(need)]);
    // Each of them is larger than what travels in a message: this many are not fetched to be put together here.
    if (refs.length * mostBytes(this.#runtime.bus) > JOIN_LIMIT) return this.#fit(await this.#bodyInParts(task), most);
    const load = await this.#runtime.blobs.loadWithin(refs, JOIN_LIMIT);
    return this.#fit(load ? this.#body(task, load) : await this.#bodyInParts(task), most);
  }

  /** The message of a task whose outputs are too large to be put together: the worker reads them and does that. */
  async #bodyInParts(task: TaskRecord): Promise<Body> {
    const { input = {}, needs } = task.spec;
    const parts: Record<string, { ref: string } | { value: Json }> = {};
    for (const need of task.needs) {
      const sole = soleOutput(need);
      if (sole && "ref" in sole) parts[need.key] = { ref: sole.ref };
      else parts[need.key] = { value: outputOf(need, await this.#runtime.blobs.loadAll(refsOf(need))) };
    }
    const referred = needs?.length ? Object.fromEntries(needs.map((key) => [key, { $ref: `${key}#` }])) : undefined;
    return { ...this.#common(task), input, needs: referred, parts };
  }

  #body(task: TaskRecord, load: (ref: string) => Json): Body {
    const { run, spec } = task;
    const { needs } = spec;
    const { inputRef } = run.submitted;
    const body = this.#common(task);
    if (!task.parent && inputRef !== undefined) body.inputRef = inputRef;
    else body.input = inputOf(task, load);
    if (task.node?.hasFallenBack) body.idempotencyKey = `${run.tenant}/${run.run}/${task.id}/_fallback`;
    if (needs?.length) body.needs = Object.fromEntries(needs.map((key) => [key, givenOf(task, key, load)]));
    return body;
  }

  /** One that its caller fills in. */
  #common(task: TaskRecord): { -readonly [K in keyof Body]: Body[K] } {
    const { run, spec } = task;
    return {
      v: 1,
      run: run.run,
      task: task.id,
      attempt: attemptOf(task),
      epoch: this.#epochOf(run.shard),
      type: spec.type,
      input: undefined,
      inputRef: undefined,
      needs: undefined,
      needsRef: undefined,
      parts: undefined,
      partsRef: undefined,
      timeoutMs: spec.timeout,
      deadline: deadlineOf(task),
      reply: this.#runtime.topology.subjects.reply(run.tenant, run.shard, run.run),
    };
  }

  #fit(body: Body, most = Number.POSITIVE_INFINITY): Uint8Array | Promise<Uint8Array> {
    const data = encodeJson(body);
    return data.length <= Math.min(most, mostBytes(this.#runtime.bus)) ? data : this.#moveOut(body);
  }

  async #moveOut({ input, needs, parts, ...body }: Body): Promise<Uint8Array> {
    const { blobs } = this.#runtime;
    const names = attemptBlobs(body as TaskMessage);
    return encodeJson({
      ...body,
      ...(input !== undefined && { inputRef: await blobs.putJsonAs(names.input, input) }),
      ...(needs && { needsRef: await blobs.putJsonAs(names.needs, needs) }),
      ...(parts && { partsRef: await blobs.putJsonAs(names.parts, parts) }),
    });
  }
}

const NOTHING_TO_LOAD = (ref: string): never => {
  throw new TerminalError(`blob ${ref} was not fetched`);
};
