import { isBusError, isPassing } from "../../bus/port.ts";
import { pauseMs, sleep } from "../../core/clock.ts";
import type { Runtime } from "./runtime.ts";
import type { WaitingWork } from "./trouble.ts";

export interface Insistence {
  /** What it counts as in the log while it has to wait. */
  readonly work: WaitingWork;
  /** Which one it is, for the log. */
  readonly name: () => string;
  /** Asked before every try: false gives up, as what is tried has lost its purpose. Default: always. */
  readonly wanted?: () => boolean;
  /** Gives up at once, also in the middle of a pause. */
  readonly signal?: AbortSignal;
  /** Whether the same may hold later. Default: trouble of the bus that passes. Any other error is final. */
  readonly passes?: (error: unknown) => boolean;
  /** The error of a first try that was made before. Default: there was none. */
  readonly failure?: unknown;
}

/**
 * Tries until it holds, with pauses from 100 ms to 5 s in between. Resolves with what `attempt` resolves with, or with
 * undefined when it stops trying: the work is not wanted any more, or the bus was closed. Rejects with an error that is final.
 *
 * @example
 * await insist(runtime, () => bus.append(subject, data), { work: RESULTS, name: () => subject, wanted: () => !stopped });
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
