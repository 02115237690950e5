import { isBusError, isPassing } from "../../bus/port.ts";
import { pauseMs, sleep } from "../../core/clock.ts";
import type { Runtime } from "./runtime.ts";
import type { WaitingWork } from "./trouble.ts";

export interface Insistence {
  /** The kind of work, which the log counts while it waits. */
  readonly work: WaitingWork;
  /** The name of this piece of work, for the log. */
  readonly name: () => string;
  /** Called before every attempt: false ends the attempts, because the work is no longer needed. Default: true. */
  readonly wanted?: () => boolean;
  /** Ends the attempts at once, also during a pause. */
  readonly signal?: AbortSignal;
  /** Whether an error is transient. Default: transient errors of the bus. Any other error is final. */
  readonly passes?: (error: unknown) => boolean;
  /** The error of an attempt that was made before. Default: none. */
  readonly failure?: unknown;
}

/**
 * Repeats `attempt` until it succeeds, with pauses from 100 ms to 5 s. Resolves with its result, or with undefined when
 * the work is no longer wanted or the bus was closed. Rejects with an error that is final.
 *
 * @example
 * await insist(runtime, () => bus.append(subject, data), { work: RESULTS, name: () => subject, wanted: () => !stopped
 * });
 */
export async function insist<T>(
  { clock, trouble }: Pick<Runtime, "clock" | "trouble">,
  attempt: () => Promise<T>,
  { work, name, wanted = always, signal, passes = isPassing, failure }: Insistence,
): Promise<T | undefined> {
  let error = failure;
  let over: (() => void) | undefined;
  try {
    for (let tries = 0; ; ) {
      if (error !== undefined) {
        if (isBusError(error, "closed")) return undefined;
        if (!passes(error)) throw error;
        if (!wanted()) return undefined;
        over ??= trouble.begin(work, name(), error);
        await sleep(clock, pauseMs(tries++), signal).catch(() => {});
      }
      if (signal?.aborted || !wanted()) return undefined;
      try {
        return await attempt();
      } catch (caught) {
        error = caught;
      }
    }
  } finally {
    over?.();
  }
}

const always = (): boolean => true;
