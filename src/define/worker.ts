import type { z } from "zod";
import { TuttiError } from "../core/error.ts";
import type { Json } from "../core/json.ts";
import type { Model } from "../core/model.ts";
import { show } from "../core/problem.ts";
import type { TypeRegistration } from "../core/registration.ts";
import type { PlanOf } from "./plan-of.ts";
import { type Task, type TaskOptions, task } from "./task.ts";

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
  /** The same for every attempt and delivery of this task: hand it to services that deduplicate. */
  readonly idempotencyKey: string;
  /** Tells watchers how far it is: a fraction from 0 to 1, or anything else that is JSON. May be lost. */
  progress(value: Json): void;
  /** A line for watchers. May be lost. */
  log(message: string, level?: "debug" | "info" | "warn" | "error"): void;
  readonly llm: Model;
  /** Content that travels beside the messages, by reference. */
  readonly blobs: Blobs;
  /** The task types that are registered, for handlers that plan. */
  types(): Promise<readonly TypeRegistration[]>;
  /** Opens a file that the request names. Rejects with a TerminalError where the worker was given no folder, or the path leads outside it. */
  openFile(path: string): Promise<Uint8Array>;
}

export interface Blobs {
  /** Stores content and returns its reference. */
  put(data: Uint8Array): Promise<string>;
  /** Rejects with a TerminalError when there is none of that reference (any more). */
  get(ref: string): Promise<Uint8Array>;
}

export type Handler<I, O> = (context: HandlerContext<I>) => O | PlanOf<O> | Promise<O | PlanOf<O>>;

/** A task type and the function that executes it. It is also the contract itself: plans can name it. */
export interface Worker<I extends z.ZodType = z.ZodType, O extends z.ZodType = z.ZodType> extends Task<I, O> {
  readonly handler: (context: HandlerContext) => unknown;
  /** Attempts of this type that one process executes at once. Default: a share of the 16 that such types have together. */
  readonly concurrency: number | undefined;
}

export interface WorkerOptions {
  readonly concurrency?: number;
}

/**
 * Declares a worker: of a contract made with {@link task}, or contract and handler in one.
 *
 * The handler returns a value (validated by the output schema) or a `plan()`. It fails the attempt by throwing: a
 * `TerminalError` is final, anything else is tried again as the policy says.
 *
 * Throws a {@link TuttiError} (400) for a bad name or option.
 */
export function worker<I extends z.ZodType, O extends z.ZodType>(
  contract: Task<I, O>,
  handler: Handler<z.output<I>, z.input<O>>,
): Worker<I, O>;
export function worker<I extends z.ZodType, O extends z.ZodType>(
  contract: Task<I, O>,
  options: WorkerOptions,
  handler: Handler<z.output<I>, z.input<O>>,
): Worker<I, O>;
export function worker<I extends z.ZodType = z.ZodUnknown, O extends z.ZodType = z.ZodUnknown>(
  type: string,
  options: TaskOptions<I, O> & WorkerOptions & { readonly run: Handler<z.output<I>, z.input<O>> },
): Worker<I, O>;
export function worker(contract: Task | string, ...rest: readonly unknown[]): Worker {
  if (typeof contract === "string") {
    const { run, concurrency, ...options } = rest[0] as TaskOptions<z.ZodType, z.ZodType> &
      WorkerOptions & { run: Worker["handler"] };
    return withHandler(task(contract, options), run, concurrency);
  }
  const [options, handler] = (rest.length === 1 ? [{}, rest[0]] : rest) as [WorkerOptions, Worker["handler"]];
  return withHandler(contract, handler, options.concurrency);
}

function withHandler(contract: Task, handler: Worker["handler"], concurrency: number | undefined): Worker {
  if (typeof handler !== "function")
    throw new TuttiError(400, `worker ${contract.type}: expected a function to execute it, received ${show(handler)}`);
  if (concurrency !== undefined && !(Number.isInteger(concurrency) && concurrency > 0))
    throw new TuttiError(
      400,
      `worker ${contract.type}: concurrency: expected an integer above 0, received ${show(concurrency)}`,
    );
  return { ...contract, handler, concurrency };
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
