import type { Usage } from "../core/model.ts";
import type { HandlerContext } from "../define/worker.ts";
import type { WorkerHost } from "./worker-host.ts";

export interface HandlerGiven {
  readonly input: unknown;
  readonly needs: HandlerContext["needs"];
  readonly at: { readonly tenant: string; readonly run: string; readonly task: string; readonly attempt: number };
  readonly signal: AbortSignal;
  onUsage(usage: Usage): void;
}

/**
 * What a handler is given. All fields are its own, so it may be taken apart or spread into another object, and none has a
 * getter: an object with two of them takes ten times as long to make.
 */
export function createHandlerContext(host: WorkerHost, given: HandlerGiven): HandlerContext {
  const { input, needs, at } = given;
  return {
    input,
    needs,
    signal: given.signal,
    attempt: at.attempt,
    run: at.run,
    tenant: at.tenant,
    task: at.task,
    idempotencyKey: `${at.tenant}/${at.run}/${at.task}`,
    progress: (value) => host.live.tell("progress", at, value),
    log: (message, level = "info") => host.live.tell("log", at, { level, message }),
    llm: host.models.forAttempt(given),
    blobs: host.blobs,
    types: async () => host.types.list(),
    openFile: host.openFile,
  };
}
