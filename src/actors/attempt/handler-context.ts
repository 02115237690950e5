import { show } from "../../core/problem.ts";
import { cutMessage } from "../../core/thrown.ts";
import type { Usage } from "../../core/usage.ts";
import type { HandlerContext } from "../../define/worker.ts";
import type { WorkerRuntime } from "./worker-runtime.ts";

export interface HandlerGiven {
  readonly input: unknown;
  readonly needs: HandlerContext["needs"];
  readonly at: { readonly tenant: string; readonly run: string; readonly task: string; readonly attempt: number };
  /** Default: the same for all attempts of the task. */
  readonly idempotencyKey?: string | undefined;
  readonly signal: AbortSignal;
  onUsage(usage: Usage): void;
}

/**
 * What a handler is given. All fields are its own, so it may be taken apart or spread into another object, and none has a
 * getter: an object with two of them takes ten times as long to make.
 */
export function createHandlerContext(runtime: WorkerRuntime, given: HandlerGiven): HandlerContext {
  const { input, needs, at } = given;
  return {
    input,
    needs,
    signal: given.signal,
    attempt: at.attempt,
    run: at.run,
    tenant: at.tenant,
    task: at.task,
    idempotencyKey: given.idempotencyKey ?? `${at.tenant}/${at.run}/${at.task}`,
    progress: (value) => runtime.live.tell("progress", at, value),
    log: (message, level) => runtime.live.tell("log", at, { level: levelOf(level), message: textOf(message) }),
    llm: runtime.models.forAttempt(given),
    breaker: runtime.breaker,
    blobs: runtime.blobs,
    types: async () => runtime.types.list(),
    openFile: runtime.openFile,
  };
}

/** A handler written without types may log anything. */
const textOf = (message: unknown): string => cutMessage(typeof message === "string" ? message : show(message));

const LEVELS = ["debug", "info", "warn", "error"] as const;
const levelOf = (level: unknown): (typeof LEVELS)[number] => LEVELS.find((one) => one === level) ?? "info";
