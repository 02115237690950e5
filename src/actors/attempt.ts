import type { z } from "zod";
import type { Delivery } from "../bus/port.ts";
import { parseTaskSubject } from "../bus/subjects.ts";
import { messageOf, RetryableError, type TaskError, TerminalError } from "../core/error.ts";
import type { Result } from "../core/event.ts";
import { findNonJson, type Json } from "../core/json.ts";
import type { Usage } from "../core/model.ts";
import { describeProblems, problemsOf } from "../core/problem.ts";
import type { TaskMessage } from "../core/task-message.ts";
import { depthOf } from "../core/names.ts";
import { checkPlan } from "../core/plan-check.ts";
import { PlanOf } from "../define/plan.ts";
import type { HandlerContext, Worker } from "../define/worker.ts";
import { INLINE_LIMIT } from "./blobs.ts";
import type { WorkerHost } from "./worker-host.ts";

/** What an attempt came to, before it is written down: the variable part of a result. */
export type Outcome = Pick<Result, "output" | "outputRef" | "planRef" | "plan" | "error">;

/** Why an attempt was aborted. `signal.reason` of the handler. */
export class AttemptAborted extends Error {
  override readonly name = "AbortError";
  readonly why: "timeout" | "cancelled" | "stopping";
  constructor(why: AttemptAborted["why"], message: string) {
    super(message);
    this.why = why;
  }
}

/** One attempt in execution. */
export class Attempt {
  readonly message: TaskMessage;
  readonly tenant: string;
  readonly #host: WorkerHost;
  readonly #worker: Worker;
  readonly #abort = new AbortController();
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

  abort(reason: AttemptAborted): void {
    this.#abort.abort(reason);
  }

  /** Never rejects: whatever happens is an outcome. Undefined when it was aborted because the worker stops. */
  async execute(): Promise<Outcome | undefined> {
    const aborted = new Promise<never>((_, reject) => {
      this.#abort.signal.addEventListener("abort", () => reject(this.#abort.signal.reason), { once: true });
    });
    aborted.catch(() => {});
    this.#armTimeout();
    try {
      return await Promise.race([this.#run(), aborted]);
    } catch (error) {
      if (error instanceof AttemptAborted && error.why === "stopping") return undefined;
      return { error: this.#describe(error) };
    } finally {
      this.#disarm?.();
    }
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
    const text = JSON.stringify(output);
    if (text.length <= INLINE_LIMIT / 4 || Buffer.byteLength(text) <= INLINE_LIMIT - 1024) return { output: output as Json };
    return { outputRef: await this.#host.blobs.put(new TextEncoder().encode(text)) };
  }

  async #input(): Promise<unknown> {
    const { input, inputRef } = this.message;
    return inputRef === undefined ? input : this.#host.blobs.getJson(inputRef);
  }

  async #needs(): Promise<{ readonly [key: string]: Json }> {
    const { needs, needsRef } = this.message;
    return needsRef === undefined ? (needs ?? {}) : ((await this.#host.blobs.getJson(needsRef)) as { [key: string]: Json });
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
    const text = JSON.stringify(wire);
    if (Buffer.byteLength(text) <= INLINE_LIMIT - 1024) return { plan: wire };
    return { planRef: await this.#host.blobs.put(new TextEncoder().encode(text)) };
  }

  #context(input: unknown, needs: HandlerContext["needs"]): HandlerContext {
    const { run, task, attempt } = this.message;
    const host = this.#host;
    const where = { tenant: this.tenant, run, task, attempt };
    const { signal } = this.#abort;
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
      signal,
      attempt,
      run,
      tenant: this.tenant,
      task,
      idempotencyKey: `${this.tenant}/${run}/${task}`,
      progress: (value) => host.live.tell("progress", where, value),
      log: (message, level = "info") => host.live.tell("log", where, { level, message }),
      get llm() {
        const llm = host.models.forAttempt({ signal, onUsage });
        Object.defineProperty(this, "llm", { value: llm });
        return llm;
      },
      blobs: host.blobs,
      types: async () => host.types.list(),
      openFile: host.openFile,
    };
  }

  #describe(error: unknown): TaskError {
    const message = messageOf(error) || "the handler failed without a message";
    const { policy } = this.#worker;
    if (error instanceof AttemptAborted && error.why === "cancelled") return { kind: "cancelled", message };
    if (error instanceof TerminalError) return { kind: "terminal", message };
    const retryAfterMs = error instanceof RetryableError ? error.retryAfterMs : undefined;
    return { kind: "retryable", message, policy, ...(retryAfterMs !== undefined && { retryAfterMs }) };
  }
}

/** Validates by the type's schema; what does not match is final: the same value would fail again. */
function parseBy(schema: z.ZodType, value: unknown, what: "input" | "output", type: string): unknown {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new TerminalError(`the ${what} of ${type} does not match its schema: ${describeProblems(problemsOf(parsed.error, value))}`);
}

