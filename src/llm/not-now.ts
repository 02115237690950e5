import { DeferredError, isDeferred } from "../core/error.ts";

/**
 * "Not now": nothing has failed, and the same call may be made after `retryAfterMs`. A breaker is open, or a limit is
 * reached. The task whose handler lets it through is tried again then, and none of its attempts is used up.
 */
export const notNow = (message: string, retryAfterMs: number): DeferredError =>
  new DeferredError(message, { retryAfterMs });

export const isNotNow: (error: unknown) => error is DeferredError = isDeferred;
