import {
  type DeferredError,
  isDeferred,
  isInvalid,
  isRetryable,
  isTerminal,
  type TaskError,
} from "../../core/error.ts";
import type { Policy } from "../../core/policy.ts";
import { describeThrown } from "../../core/thrown.ts";

/** What an attempt came to. */
export interface Outcome {
  /** The fields of a result that say so, as JSON text: `"output":{"n":1}`. Encoded once, however often it is sent. */
  readonly json: string;
  /** The event that says so, where it is not a `result` but an event of its own: a plan of version 2, "not now". */
  readonly event?: "planned" | "deferred";
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

/**
 * What an attempt comes to that ends with `error`. Never throws, whatever was thrown: a value that cannot be described is a
 * failure like any other. `policy` is that of the attempt's type.
 */
export function outcomeOfThrown(error: unknown, policy: Policy): Outcome {
  return deferralIn(error) ?? failed(describeFailure(error, policy));
}

function describeFailure(error: unknown, policy: Policy): TaskError {
  const { message, ...details } = describeThrown(error);
  const why = whyAborted(error);
  if (why === "cancelled") return { kind: "cancelled", message };
  if (why !== undefined) return { kind: "retryable", message, name: why, policy };
  if (isTerminal(error) || isInvalid(error)) return { kind: "terminal", message, ...details };
  return { kind: "retryable", message, policy, ...retryAfterOf(error), ...details };
}

/** A handler may throw the reason of its signal, or a proxy that cannot be asked what it is. */
function whyAborted(error: unknown): AttemptAborted["why"] | undefined {
  try {
    return error instanceof AttemptAborted ? error.why : undefined;
  } catch {
    return undefined;
  }
}

function retryAfterOf(error: unknown): Pick<TaskError, "retryAfterMs"> {
  try {
    const after = isRetryable(error) ? error.retryAfterMs : undefined;
    return typeof after === "number" && after > 0 && Number.isFinite(after) ? { retryAfterMs: after } : {};
  } catch {
    return {};
  }
}

/** What an attempt comes to whose handler has thrown a {@link DeferredError}; undefined where it threw something else. */
function deferralIn(error: unknown): Outcome | undefined {
  if (!isDeferred(error)) return undefined;
  const { message: why } = describeThrown(error);
  return { json: JSON.stringify({ why, ...momentsOf(error) }).slice(1, -1), event: "deferred" };
}

/** Of an error that another copy of this package may have made, and a handler may have changed. */
function momentsOf(error: DeferredError): { until?: number; retryAfterMs?: number } {
  try {
    const until = Number(error.until);
    const after = error.retryAfterMs;
    return {
      ...(error.until !== undefined && Number.isFinite(until) && { until }),
      ...(typeof after === "number" && after >= 0 && Number.isFinite(after) && { retryAfterMs: after }),
    };
  } catch {
    return {};
  }
}
