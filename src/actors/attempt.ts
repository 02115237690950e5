import type { z } from "zod";
import { type Delivery, isPassing } from "../bus/port.ts";
import { parseTaskSubject } from "../bus/subjects.ts";
import { sleep } from "../core/clock.ts";
import { messageOf, RetryableError, type TaskError, TerminalError } from "../core/error.ts";
import { findNonJson, type Json } from "../core/json.ts";
import type { Usage } from "../core/model.ts";
import { depthOf } from "../core/names.ts";
import { checkPlan } from "../core/plan-check.ts";
import { describeProblems, problemsOf } from "../core/problem.ts";
import type { TaskMessage } from "../core/task-message.ts";
import { PlanOf } from "../define/plan.ts";
import type { HandlerContext, Worker } from "../define/worker.ts";
import { INLINE_LIMIT } from "./blobs.ts";
import type { WorkerHost } from "./worker-host.ts";

/** What an attempt came to. */
export interface Outcome {
  /** The fields of a result that say so, as JSON text: `"output":{"n":1}`. Encoded once, however often it is sent. */
  readonly json: string;
  readonly error?: TaskError;
}

export const failed = (error: TaskError): Outcome => ({ json: `"error":${JSON.stringify(error)}`, error });

/** Why an attempt was aborted. `signal.reason` of the handler. */
export class AttemptAborted extends Error {
  override readonly name = "AbortError";
  readonly why: "timeout" | "cancelled" | "stopping";
  constructor(why: AttemptAborted["why"], message: string) {
    super(message);
    this.why = why;
  }
}

/** Left for the other fields of a result, bytes. */
const ENVELOPE = 4096;

/** One attempt in execution. */
export class Attempt {
  readonly message: TaskMessage;
  readonly tenant: string;
  readonly #host: WorkerHost;
  readonly #worker: Worker;
  /** Made when the handler asks for it: most never look. */
  #abort: AbortController | undefined;
  #aborted: AttemptAborted | undefined;
  #settle: (outcome: Outcome | undefined) => void = () => {};
  /** How many children the returned plan has. */
  planned: number | undefined;
  #usage: Usage | undefined;
  #disarm: (() => void) | undefined;

  constructor(host: WorkerHost, worker: Worker, delivery: Delivery, message: TaskMessage) {
    this.#host = host;
    this.#worker = worker;
    this.message = message;
    this.tenant = parseTaskSubject(host.topology.subjects, delivery.subject).tenant;
  }

  get usage(): Usage | undefined {
    return this.#usage;
  }

  /** Ends the attempt for its worker, whether the handler takes notice or not. The first reason counts. */
  abort(reason: AttemptAborted): void {
    if (this.#aborted) return;
    this.#aborted = reason;
    this.#settle(reason.why === "stopping" ? undefined : failed(this.#describe(reason)));
    this.#abort?.abort(reason);
  }

  /** Never rejects: whatever happens is an outcome. Undefined when it was aborted because the worker stops. */
  execute(): Promise<Outcome | undefined> {
    return new Promise((resolve) => {
      this.#settle = (outcome) => {
        this.#disarm?.();
        resolve(outcome);
      };
      this.#armTimeout();
      this.#run().then(this.#settle, (error) => this.#settle(failed(this.#describe(error))));
    });
  }

  get #signal(): AbortSignal {
    if (!this.#abort) {
      this.#abort = new AbortController();
      if (this.#aborted) this.#abort.abort(this.#aborted);
    }
    return this.#abort.signal;
  }

  #armTimeout(): void {
    const timeoutMs = this.message.timeoutMs ?? this.#worker.policy.timeout;
    if (timeoutMs === undefined) return;
    const message = `the attempt took longer than its timeout of ${timeoutMs} ms`;
    this.#disarm = this.#host.clock.timer(timeoutMs, () => this.abort(new AttemptAborted("timeout", message)));
  }

  async #run(): Promise<Outcome> {
    const input = parseBy(this.#worker.input, await this.#input(), "input", this.#worker.type);
    const returned = await this.#worker.handler(this.#context(input, await this.#needs()));
    if (returned instanceof PlanOf) return this.#plan(returned);
    const output = parseBy(this.#worker.output, returned === undefined ? null : returned, "output", this.#worker.type);
    const odd = findNonJson(output);
    if (odd) throw new TerminalError(`the output of ${this.#worker.type} is no JSON: ${odd}`);
    return this.#inlineOrRef("output", JSON.stringify(output));
  }

  async #input(): Promise<unknown> {
    const { input, inputRef } = this.message;
    return inputRef === undefined ? input : this.#host.blobs.getJson(inputRef);
  }

  async #needs(): Promise<{ readonly [key: string]: Json }> {
    const { needs, needsRef } = this.message;
    return needsRef === undefined
      ? (needs ?? {})
      : ((await this.#host.blobs.getJson(needsRef)) as { [key: string]: Json });
  }

  async #plan({ wire }: PlanOf<unknown>): Promise<Outcome> {
    const odd = findNonJson(wire);
    if (odd) throw new TerminalError(`the plan of ${this.#worker.type} is no JSON: ${odd}`);
    await this.#host.types.findAll(Object.values(wire.tasks).map((one) => one.type));
    const knows = (type: string) => this.#host.types.peek(type) !== undefined;
    const checked = checkPlan(wire, { depth: depthOf(this.message.task), knows });
    if ("problems" in checked)
      throw new TerminalError(`the plan of ${this.#worker.type} is refused: ${describeProblems(checked.problems)}`);
    this.planned = Object.keys(wire.tasks).length;
    return this.#inlineOrRef("plan", JSON.stringify(wire));
  }

  async #inlineOrRef(field: "output" | "plan", text: string): Promise<Outcome> {
    // No character has more than three bytes in UTF-8; most texts are told without counting.
    const fits = text.length * 3 <= INLINE_LIMIT - ENVELOPE || Buffer.byteLength(text) <= INLINE_LIMIT - ENVELOPE;
    if (fits) return { json: `"${field}":${text}` };
    return { json: `"${field}Ref":"${await this.#store(new TextEncoder().encode(text))}"` };
  }

  /** What was made is not made again because there is no room for it just now, or nobody answers: it is repeated. */
  async #store(data: Uint8Array): Promise<string> {
    this.#disarm?.();
    for (let tries = 0; ; tries++) {
      try {
        return await this.#host.blobs.put(data);
      } catch (error) {
        if (!isPassing(error) || this.#aborted) throw error;
        if (tries % 10 === 0)
          this.#host.log("warn", `what task ${this.message.task} made is not stored yet: ${messageOf(error)}`);
        await sleep(this.#host.clock, Math.min(100 * 2 ** tries, 5000), this.#signal);
      }
    }
  }

  #context(input: unknown, needs: HandlerContext["needs"]): HandlerContext {
    const { run, task, attempt } = this.message;
    const host = this.#host;
    const where = { tenant: this.tenant, run, task, attempt };
    const attemptSignal = () => this.#signal;
    const onUsage = (usage: Usage) => {
      const before = this.#usage ?? { calls: 0, inputTokens: 0, outputTokens: 0 };
      this.#usage = {
        calls: before.calls + usage.calls,
        inputTokens: before.inputTokens + usage.inputTokens,
        outputTokens: before.outputTokens + usage.outputTokens,
      };
    };
    return {
      input,
      needs,
      get signal() {
        return attemptSignal();
      },
      attempt,
      run,
      tenant: this.tenant,
      task,
      idempotencyKey: `${this.tenant}/${run}/${task}`,
      progress: (value) => host.live.tell("progress", where, value),
      log: (message, level = "info") => host.live.tell("log", where, { level, message }),
      get llm() {
        const llm = host.models.forAttempt({ signal: attemptSignal(), onUsage });
        Object.defineProperty(this, "llm", { value: llm });
        return llm;
      },
      blobs: host.blobs,
      types: async () => host.types.list(),
      openFile: host.openFile,
    };
  }

  #describe(error: unknown): TaskError {
    // Where in the user's code it came from: the result carries only the message.
    if (error instanceof Error && !(error instanceof AttemptAborted) && error.stack)
      this.#host.log("debug", `task ${this.message.task} of run ${this.message.run}: ${error.stack}`);
    const message = cut(messageOf(error)) || "the handler failed without a message";
    const { policy } = this.#worker;
    if (error instanceof AttemptAborted && error.why === "cancelled") return { kind: "cancelled", message };
    if (error instanceof TerminalError) return { kind: "terminal", message };
    const after = error instanceof RetryableError ? Number(error.retryAfterMs) : 0;
    return { kind: "retryable", message, policy, ...(after > 0 && Number.isFinite(after) && { retryAfterMs: after }) };
  }
}

/** An error's message must fit into a result, and into all that tells of it later. */
const LONGEST_MESSAGE = 8192;
const cut = (text: string): string => (text.length > LONGEST_MESSAGE ? `${text.slice(0, LONGEST_MESSAGE)}…` : text);

/** Validates by the type's schema; what does not match is final: the same value would fail again. */
function parseBy(schema: z.ZodType, value: unknown, what: "input" | "output", type: string): unknown {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new TerminalError(
    `the ${what} of ${type} does not match its schema: ${describeProblems(problemsOf(parsed.error, value))}`,
  );
}
