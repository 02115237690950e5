import type { z } from "zod";
import { TuttiError } from "../core/error.ts";
import type { Json } from "../core/json.ts";
import { checkOptions } from "../core/known-options.ts";
import type { Model } from "../core/model.ts";
import { isOwnersType } from "../core/names.ts";
import type { OptionNames } from "../core/option-names.ts";
import { show } from "../core/problem.ts";
import type { TypeRegistration } from "../core/registration.ts";
import type { ServiceBreaker } from "../core/services.ts";
import { type Batch, readBatch } from "./batch.ts";
import type { PlanOf } from "./plan-of.ts";
import { TASK_OPTIONS, type Task, type TaskOptions, task } from "./task.ts";

/** What a handler is given for one attempt of one task. */
export interface HandlerContext<I = unknown> {
  /** Validated by the type's schema. */
  readonly input: I;
  /** The outputs of the siblings that the plan names in this task's `needs`, by key. */
  readonly needs: { readonly [key: string]: Json };
  /** Aborts on timeout, cancellation, and when the worker stops and its grace period is over. */
  readonly signal: AbortSignal;
  /** 1, 2, … */
  readonly attempt: number;
  readonly run: string;
  readonly tenant: string;
  /** The task's path of keys in the tree; `-` for the root. */
  readonly task: string;
  /**
   * The same for every attempt and delivery of this task: hand it to services that deduplicate. The attempts of a task's
   * fallback have one of their own.
   */
  readonly idempotencyKey: string;
  /** Reports to watchers how far it is: a fraction from 0 to 1, or anything else that is JSON. May be lost. */
  progress(value: Json): void;
  /** A line for watchers. May be lost. */
  log(message: string, level?: "debug" | "info" | "warn" | "error"): void;
  readonly llm: Model;
  /**
   * The circuit breaker of a service, by a name of your own. All processes share it: while the service keeps failing, calls
   * reject with a `DeferredError` at once, and tasks of types that say `uses` with this name stay on their queue.
   *
   * @example
   * ```ts
   * const customer = await breaker("crm").run(() => fetchCustomer(input.id, signal));
   * ```
   */
  breaker(name: string): ServiceBreaker;
  /** Content that travels beside the messages, by reference. */
  readonly blobs: Blobs;
  /** The task types that are registered, for handlers that plan. */
  types(): Promise<readonly TypeRegistration[]>;
  /**
   * Reads a file that the request names. Rejects with a TerminalError where the worker was given no folder, the folder
   * holds no file of that name, or it is not a regular file or a larger one than `maxBytes`.
   */
  openFile(path: string, limits?: FileLimits): Promise<Uint8Array>;
}

export interface FileLimits {
  /** The largest file that is read, in bytes. Default: 512 MiB. */
  readonly maxBytes?: number;
}

export interface Blobs {
  /** Stores content and returns its reference. */
  put(data: Uint8Array): Promise<string>;
  /** Rejects with a TerminalError when there is none of that reference (any more). */
  get(ref: string): Promise<Uint8Array>;
}

/** What a handler returns: the value that its output schema takes (`V`), or a plan whose output is what that gives (`O`). */
export type Returned<V, O = V> = V | PlanOf<O> | Promise<V | PlanOf<O>>;

/**
 * The function that executes a task.
 *
 * @example
 * ```ts
 * const shout: Handler<{ text: string }, string> = ({ input }) => input.text.toUpperCase();
 * ```
 */
export type Handler<I, V, O = V> = (context: HandlerContext<I>) => Returned<V, O>;

/**
 * The function that executes many tasks of one type in one call. It returns a result for each of them, in their order: a
 * value, a plan, a promise of either, or an `Error`, which fails that task alone. What it throws fails all of them. Each task has
 * a signal of its own.
 *
 * @example
 * ```ts
 * const embed: BatchHandler<{ text: string }, number[]> = async (tasks) =>
 *   (await embedAll(tasks.map(({ input }) => input.text))).map((one) => one.vector ?? new Error(one.problem));
 * ```
 */
export type BatchHandler<I, V, O = V> = (
  tasks: readonly HandlerContext<I>[],
) => readonly (Returned<V, O> | Error)[] | Promise<readonly (Returned<V, O> | Error)[]>;

/** A worker that takes many, as it is executed. */
export interface BatchExecution {
  readonly size: number;
  readonly waitMs: number;
  readonly handler: (tasks: readonly HandlerContext[]) => unknown;
}

/**
 * A task type and the function that executes it. It is also the contract itself: plans can name it.
 *
 * @example
 * ```ts
 * const workers: readonly Worker[] = [summarizer, merger];
 * ```
 */
export interface Worker<I extends z.ZodType = z.ZodType, O extends z.ZodType = z.ZodType> extends Task<I, O> {
  /** Of a worker that takes many, it executes one alone. */
  readonly handler: (context: HandlerContext) => unknown;
  /** Attempts of this type that one process executes at once; of a worker that takes many, batches. Default: a share of the 16 that such types have together; one batch. */
  readonly concurrency: number | undefined;
  /** Of a worker that takes many. */
  readonly batch: BatchExecution | undefined;
}

export interface WorkerOptions {
  /** Attempts of this type that one process executes at once: 1 or more. Default: a share of the process's 16. */
  readonly concurrency?: number;
}

/** How the worker of a contract is executed. */
export interface ContractWorkerOptions<B extends Batch | undefined = Batch | undefined> {
  /** Has the handler called once for many tasks. Default: once for each. */
  readonly batch?: B;
  /** Attempts of this type that one process executes at once, with `batch` the batches: 1 or more. Default: a share of the process's 16; one batch. */
  readonly concurrency?: number;
}

/** Contract and handler in one. */
export interface NamedWorkerOptions<I extends z.ZodType, O extends z.ZodType, R>
  extends TaskOptions<I, O>,
    WorkerOptions {
  readonly run: (context: HandlerContext<z.output<I>>) => R;
}

/** The schema of what comes out: the one that is stated, or what the handler returns (nothing is null, as JSON has it). */
type OutputSchema<O extends z.ZodType, R> = unknown extends z.output<O> ? z.ZodType<OutputOf<Awaited<R>>> : O;
type OutputOf<V> = V extends PlanOf<infer O> ? O : V extends void ? null : V;

/** The handler of a contract; or, where a type is only named, its contract and handler in one. */
type Execution<K, I extends z.ZodType, O extends z.ZodType, R> =
  K extends Task<infer CI, infer CO> ? Handler<z.output<CI>, z.input<CO>, z.output<CO>> : NamedWorkerOptions<I, O, R>;

/**
 * Declares a worker: of a contract made with {@link task}, or contract and handler in one.
 *
 * The handler returns a value (validated by the output schema) or a `plan()`. It fails the attempt by throwing: a
 * `TerminalError` is final, anything else is tried again as the policy says. Where no output schema is stated, the output's
 * type is what the handler returns.
 *
 * Throws a {@link TuttiError} (400) for a bad name, and for an unknown or bad option.
 *
 * @example
 * ```ts
 * const summarize = task("summarize", { input: z.object({ text: z.string() }), output: z.string() });
 * const summarizer = worker(summarize, { concurrency: 4 }, ({ input, llm }) => llm.text(`Summarize:\n${input.text}`));
 *
 * const greet = worker("greet", {
 *   input: z.object({ name: z.string() }),
 *   run: ({ input }) => ({ greeting: `Hello, ${input.name}!` }),
 * });
 *
 * // Called once for many tasks: a result for each of them, in their order.
 * const embedder = worker(embed, { batch: { size: 50, wait: "20ms" } }, (tasks) => embedAll(tasks.map(({ input }) => input)));
 * ```
 */
export function worker<I extends z.ZodType, O extends z.ZodType, const B extends Batch | undefined = undefined>(
  contract: Task<I, O>,
  options: ContractWorkerOptions<B>,
  handler: B extends Batch
    ? BatchHandler<z.output<I>, z.input<O>, z.output<O>>
    : Handler<z.output<I>, z.input<O>, z.output<O>>,
): Worker<I, O>;
export function worker<
  const K extends string | Task,
  I extends z.ZodType = z.ZodUnknown,
  O extends z.ZodType = z.ZodUnknown,
  R extends Returned<z.input<O>, z.output<O>> = Returned<z.input<O>, z.output<O>>,
>(
  contract: K,
  execution: Execution<K, I, O, R>,
): K extends Task<infer CI, infer CO> ? Worker<CI, CO> : Worker<I, OutputSchema<O, R>>;
export function worker(contract: Task | string, ...rest: readonly unknown[]): unknown {
  if (typeof contract === "string") return namedWorker(contract, ...rest);
  if (typeof contract?.type !== "string")
    throw new TuttiError(400, `worker: expected a contract or the name of a task type, received ${show(contract)}`);
  const [options, handler] = rest.length === 1 ? [{}, rest[0]] : rest;
  checkOptions<ContractWorkerOptions>(`worker ${contract.type}`, options, { batch: true, concurrency: true });
  const { batch, concurrency } = (options ?? {}) as ContractWorkerOptions;
  if (batch === undefined) return withHandler(contract, handler as Worker["handler"], concurrency);
  return batchWorker(contract, batch, concurrency, handler as BatchExecution["handler"]);
}

function batchWorker(
  contract: Task,
  batch: Batch,
  concurrency: number | undefined,
  handler: BatchExecution["handler"],
): Worker {
  const execution = { ...readBatch(contract.type, batch), handler };
  const one = async (context: HandlerContext) => ((await handler([context])) as readonly unknown[])[0];
  return { ...withHandler(contract, typeof handler === "function" ? one : handler, concurrency), batch: execution };
}

function namedWorker(type: string, options?: unknown, handler?: unknown): Worker {
  if (handler !== undefined)
    throw new TuttiError(
      400,
      `worker ${type}: expected a contract, worker(task(${show(type)}, …), options, handler), or the handler as the option run`,
    );
  if (typeof options !== "object" || options === null)
    throw new TuttiError(400, `worker ${type}: expected options with run, received ${show(options)}`);
  const { run, concurrency, ...contract } = options as NamedWorkerOptions<z.ZodType, z.ZodType, unknown>;
  checkOptions<NamedWorkerOptions<z.ZodType, z.ZodType, unknown>>(`task ${type}`, options, NAMED_WORKER_OPTIONS);
  return withHandler(task(type, contract), run as Worker["handler"], concurrency);
}

const NAMED_WORKER_OPTIONS: OptionNames<NamedWorkerOptions<z.ZodType, z.ZodType, unknown>> = {
  ...TASK_OPTIONS,
  concurrency: true,
  run: true,
};

function withHandler(contract: Task, handler: Worker["handler"], concurrency: number | undefined): Worker {
  if (typeof handler !== "function")
    throw new TuttiError(400, `worker ${contract.type}: expected a function to execute it, received ${show(handler)}`);
  if (concurrency !== undefined && !(Number.isInteger(concurrency) && concurrency > 0))
    throw new TuttiError(
      400,
      `worker ${contract.type}: concurrency: expected an integer above 0, received ${show(concurrency)}`,
    );
  if (isOwnersType(contract.type))
    throw new TuttiError(
      400,
      `worker ${contract.type}: expected another name: the orchestrator carries out tasks of this type itself`,
    );
  return { ...contract, handler, concurrency, batch: undefined };
}

export function isWorker(value: unknown): value is Worker {
  return (
    typeof value === "object" &&
    value !== null &&
    "handler" in value &&
    typeof value.handler === "function" &&
    "type" in value
  );
}
