import { BusError, type Delivery } from "../../bus/port.ts";
import { mostBytes } from "../../bus/sizes.ts";
import { tenantOfTask } from "../../bus/subjects.ts";
import { TerminalError } from "../../core/error.ts";
import { encodeText, findNonJson } from "../../core/json.ts";
import { depthOf } from "../../core/names.ts";
import { checkPlan } from "../../core/plan-check.ts";
import { describeProblems, type Problem } from "../../core/problem.ts";
import type { TaskMessage } from "../../core/task-message.ts";
import { addUsage, type Usage } from "../../core/usage.ts";
import { isPlan, type PlanOf } from "../../define/plan-of.ts";
import type { Worker } from "../../define/worker.ts";
import { insist } from "../host/insist.ts";
import { checkPlanWithTypes } from "../host/plan-types.ts";
import type { Batcher } from "./batcher.ts";
import { createHandlerContext } from "./handler-context.ts";
import { AttemptAborted, type Outcome, outcomeOfThrown } from "./outcome.ts";
import { parseBySchema } from "./parse-by-schema.ts";
import { asAttempt } from "./stray-errors.ts";
import { fetchGiven, type Given, givenIn } from "./task-input.ts";
import type { WorkerRuntime } from "./worker-runtime.ts";

/** Left for the other fields of a result, bytes; at most half of a message. */
const ENVELOPE = 4096;

/** One attempt in execution. */
export class Attempt {
  readonly message: TaskMessage;
  readonly delivery: Delivery;
  readonly tenant: string;
  readonly #runtime: WorkerRuntime;
  readonly #worker: Worker;
  readonly #batcher: Batcher | undefined;
  readonly #abort = new AbortController();
  #settle: (outcome: Outcome | undefined) => void = () => {};
  /** Whether it has come to its outcome. */
  isOver = false;
  /** How many children the returned plan has. */
  planned: number | undefined;
  #usage: Usage | undefined;
  #disarm: (() => void) | undefined;

  /** `batcher`: of a worker that takes many. */
  constructor(runtime: WorkerRuntime, worker: Worker, delivery: Delivery, message: TaskMessage, batcher?: Batcher) {
    this.#batcher = batcher;
    this.#runtime = runtime;
    this.#worker = worker;
    this.message = message;
    this.delivery = delivery;
    this.tenant = tenantOfTask(runtime.topology.subjects, delivery.subject);
  }

  get usage(): Usage | undefined {
    return this.#usage;
  }

  /** Ends the attempt for its worker, whether the handler takes notice or not. The first reason counts. */
  abort(reason: AttemptAborted): void {
    if (this.#abort.signal.aborted) return;
    this.#settleAborted(reason);
    this.#abort.abort(reason);
  }

  /**
   * Calls `settle` once: whatever happens is an outcome. Undefined when it was aborted because the worker stops. A
   * handler that returns a value, and no promise, is settled before this returns: a promise for every step would cost
   * more than the steps.
   */
  execute(settle: (outcome: Outcome | undefined) => void): void {
    this.#settle = (outcome) => {
      this.#settle = () => {};
      this.isOver = true;
      this.#disarm?.();
      settle(outcome);
    };
    // A span may have had to wait for room before this.
    if (this.#abort.signal.aborted) return this.#settleAborted(this.#abort.signal.reason);
    this.#armTimeout();
    const given = givenIn(this.message);
    if (given) this.#guard(() => this.#handle(given));
    else this.#wait(fetchGiven(this.#runtime.blobs, this.message), (fetched) => this.#handle(fetched));
  }

  #settleAborted(reason: AttemptAborted): void {
    this.#settle(reason.why === "stopping" ? undefined : outcomeOfThrown(reason, this.#worker.policy));
  }

  /** Ends the attempt with whatever was thrown. The first outcome counts. */
  fail(error: unknown): void {
    if (this.isOver) return;
    const outcome = outcomeOfThrown(error, this.#worker.policy);
    // Where in the user's code it came from, for those who read this process's log.
    if (outcome.error?.stack) this.#runtime.log("debug", `${this.title}: ${outcome.error.stack}`);
    this.#settle(outcome);
  }

  get title(): string {
    return `task ${this.message.task} of run ${this.message.run}`;
  }

  #guard(step: () => void): void {
    try {
      step();
    } catch (error) {
      this.fail(error);
    }
  }

  #wait<T>(work: Promise<T>, step: (value: T) => void): void {
    work.then(
      (value) => this.#guard(() => step(value)),
      (error) => this.fail(error),
    );
  }

  #armTimeout(): void {
    const timeoutMs = this.message.timeoutMs ?? this.#worker.policy.timeout;
    if (timeoutMs === undefined) return;
    const message = `the attempt took longer than its timeout of ${timeoutMs} ms`;
    this.#disarm = this.#runtime.clock.timer(timeoutMs, () => this.abort(new AttemptAborted("timeout", message)));
  }

  #handle({ input, needs }: Given): void {
    const parsed = parseBySchema(this.#worker.input, input, "input", this.#worker.type);
    const { run, task, attempt } = this.message;
    const context = createHandlerContext(this.#runtime, {
      input: parsed,
      needs,
      at: { tenant: this.tenant, run, task, attempt },
      idempotencyKey: this.message.idempotencyKey,
      signal: this.#abort.signal,
      onUsage: (usage) => {
        this.#usage = addUsage(this.#usage, usage);
      },
    });
    const batcher = this.#batcher;
    const returned = batcher ? batcher.add(context) : asAttempt(this, () => this.#worker.handler(context));
    // By way of a promise: a thenable of the handler's may settle twice, throw late, or resolve to another thenable.
    if (isThenable(returned)) this.#wait(Promise.resolve(returned), (value) => this.#finish(value));
    else this.#finish(returned);
  }

  #finish(returned: unknown): void {
    const outcome = isPlan(returned) ? this.#plan(returned) : this.#output(returned);
    if (outcome instanceof Promise) this.#wait(outcome, (stored) => this.#settle(stored));
    else this.#settle(outcome);
  }

  #output(returned: unknown): Outcome | Promise<Outcome> {
    const output = returned === undefined ? this.#nothing() : this.#parseOutput(returned);
    const odd = findNonJson(output);
    if (odd) throw new TerminalError(`the output of ${this.#worker.type} is not JSON: ${odd}`);
    const text: string | undefined = JSON.stringify(output);
    // A proxy, or an object with getters, may show another face each time.
    if (text === undefined) throw new TerminalError(`the output of ${this.#worker.type} is not JSON`);
    return this.#inlineOrRef("output", text);
  }

  #parseOutput(returned: unknown): unknown {
    return parseBySchema(this.#worker.output, returned, "output", this.#worker.type);
  }

  /** The output of a handler that returns nothing: null, as JSON has it, where the schema takes either. */
  #nothing(): unknown {
    const parsed = this.#worker.output.safeParse(undefined);
    return parsed.success ? (parsed.data ?? null) : this.#parseOutput(null);
  }

  async #plan(plan: PlanOf<unknown>): Promise<Outcome> {
    const odd = plan.findNonJson();
    if (odd) throw new TerminalError(`the plan of ${this.#worker.type} is not JSON: ${odd}`);
    if (plan.version > 1) return this.#planV2(plan);
    const { types } = plan;
    await this.#runtime.types.findAll(types);
    const knows = (type: string) => this.#runtime.types.peek(type) !== undefined;
    // The rest of it is checked by the fold, which trusts nobody's plan; only types are not its to know.
    if (![...types].every(knows)) this.#refuse(checkPlan(plan.wire, { depth: depthOf(this.message.task), knows }));
    this.planned = plan.size;
    return this.#inlineOrRef("plan", plan.text);
  }

  async #planV2(plan: PlanOf<unknown>): Promise<Outcome> {
    this.#refuse(await checkPlanWithTypes(this.#runtime.types, plan.wire, depthOf(this.message.task)));
    this.planned = plan.size;
    return { ...(await this.#inlineOrRef("plan", plan.text)), event: "planned" };
  }

  #refuse(checked: { readonly problems: readonly Problem[] } | object): void {
    if ("problems" in checked)
      throw new TerminalError(`the plan of ${this.#worker.type} is refused: ${describeProblems(checked.problems)}`);
  }

  #inlineOrRef(field: "output" | "plan", text: string): Outcome | Promise<Outcome> {
    const limit = mostBytes(this.#runtime.bus);
    const room = limit - Math.min(ENVELOPE, limit / 2);
    // No character has more than three bytes in UTF-8; most texts are told without counting.
    if (text.length * 3 <= room || Buffer.byteLength(text) <= room) return { json: `"${field}":${text}` };
    return this.#store(encodeText(text)).then((ref) => ({ json: `"${field}Ref":"${ref}"` }));
  }

  /** What was made is not made again because there is no room for it just now, or nobody answers: it is repeated. */
  async #store(data: Uint8Array): Promise<string> {
    this.#disarm?.();
    const { signal } = this.#abort;
    const put = () => this.#runtime.blobs.put(data);
    const ref = await insist(this.#runtime, put, { work: OUTPUTS, name: () => `task ${this.message.task}`, signal });
    if (ref !== undefined) return ref;
    throw signal.aborted ? signal.reason : new BusError("closed", "the bus was closed");
  }
}

const isThenable = (value: unknown): value is PromiseLike<unknown> =>
  typeof value === "object" && value !== null && typeof (value as { then?: unknown }).then === "function";

const OUTPUTS = { one: "output is not stored yet", many: "outputs are not stored yet" };
