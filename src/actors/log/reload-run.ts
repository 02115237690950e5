import { isBusError } from "../../bus/port.ts";
import { sleep } from "../../core/clock.ts";
import { messageOf, TuttiError } from "../../core/error.ts";
import type { RunAddress, RunState } from "../../fold/run-state.ts";
import type { ReaderRuntime } from "../host/runtime.ts";
import { readRun } from "./run-reader.ts";
import type { Begun } from "./run-reading.ts";

/** A run that had ended and is in nobody's memory, as it stood before the event with that sequence. */
export interface Reloaded {
  readonly state: RunState;
  readonly begun: Begun;
}

/**
 * Folds a run that has ended anew, up to the redrive that may open it again. Undefined when the log does not have it any
 * more, or `wanted` says that nobody asks any more. Trouble with the bus is waited out.
 */
export async function reload(
  runtime: ReaderRuntime,
  { tenant, run }: RunAddress,
  before: number,
  wanted: () => boolean,
): Promise<Reloaded | undefined> {
  while (wanted()) {
    try {
      const reloaded = await readRun(runtime, tenant, run, before);
      return wanted() ? reloaded : undefined;
    } catch (error) {
      if (error instanceof TuttiError || isBusError(error, "closed")) return undefined;
      runtime.log("warn", `run ${run}, which is redriven, cannot be read yet: ${messageOf(error)}`);
      await sleep(runtime.clock, 500);
    }
  }
  return undefined;
}
