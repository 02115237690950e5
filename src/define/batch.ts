import { DURATION_EXPECTED, type Duration, parseDuration } from "../core/duration.ts";
import { TuttiError } from "../core/error.ts";
import { checkOptions } from "../core/known-options.ts";
import { show } from "../core/problem.ts";

/**
 * How tasks are gathered for a worker that takes many.
 *
 * @example
 * ```ts
 * const batch: Batch = { size: 50, wait: "20ms" };
 * ```
 */
export interface Batch {
  /** Tasks in one call at most: 2 to 10,000. */
  readonly size: number;
  /** How long the first of them waits for others, if they do not come at once. Default: 10 ms. */
  readonly wait?: Duration;
}

export const DEFAULT_WAIT_MS = 10;
const MOST = 10_000;

/** Throws a {@link TuttiError} (400) with the place. */
export function readBatch(type: string, stated: unknown): { readonly size: number; readonly waitMs: number } {
  checkOptions<Batch>(`worker ${type}: batch`, stated, { size: true, wait: true });
  const { size, wait = DEFAULT_WAIT_MS } = stated as Batch;
  if (!Number.isInteger(size) || size < 2 || size > MOST)
    throw new TuttiError(
      400,
      `worker ${type}: batch.size: expected an integer from 2 to ${MOST}, received ${show(size)}`,
    );
  const waitMs = parseDuration(wait);
  if (waitMs === undefined)
    throw new TuttiError(400, `worker ${type}: batch.wait: expected ${DURATION_EXPECTED}, received ${show(wait)}`);
  return { size, waitMs };
}
