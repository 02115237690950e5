import { TuttiError } from "../../core/error.ts";
import type { RunAddress } from "../../fold/run-state.ts";
import { runKey } from "../../fold/run-state.ts";
import type { RunLoad } from "../cluster/run-load.ts";
import type { Runtime } from "../host/runtime.ts";
import { StreamCapacity } from "./stream-capacity.ts";

/** The fraction of the limit on runs in progress that stored requests may use. The rest is for callers that wait. */
const PATIENT_SHARE = 0.8;
const WARN_EVERY_MS = 10_000;

export interface Entry {
  /** Reports whether the request's message was stored in the log. */
  done(isStored: boolean): void;
}

/**
 * Decides whether another run may begin: the log has room for its events, the queue has room for its tasks, and the
 * owner of its shard takes it. A run that was admitted is never dropped for lack of room; it waits.
 */
export class Admission {
  readonly #runtime: Runtime;
  readonly #load: RunLoad;
  readonly #log: StreamCapacity;
  readonly #tasks: StreamCapacity;
  #warnedAt = Number.NEGATIVE_INFINITY;

  constructor(runtime: Runtime, load: RunLoad) {
    this.#runtime = runtime;
    this.#load = load;
    this.#log = new StreamCapacity(runtime, runtime.topology.streams.log.name);
    this.#tasks = new StreamCapacity(runtime, runtime.topology.streams.tasks.name);
  }

  /** The number of stored requests that could be admitted now. */
  async room(): Promise<number> {
    await this.#refresh();
    return this.#log.problem() || this.#tasks.problem() ? 0 : this.#load.room(PATIENT_SHARE);
  }

  /**
   * Admits a run. `bytes` is the size of its request; with `patient`, no caller waits for its answer. Rejects with a
   * {@link TuttiError} 503.
   */
  async enter(run: RunAddress, bytes: number, patient: boolean): Promise<Entry> {
    await this.#refresh();
    const key = runKey(run.tenant, run.run);
    const problem =
      this.#log.problem(bytes) ??
      this.#tasks.problem() ??
      this.#load.enter(run.shard, key, patient ? PATIENT_SHARE : 1);
    if (problem !== undefined) throw this.#refuse(run.run, problem);
    const place = this.#log.take(bytes);
    return {
      done: (isStored) => {
        place.done(isStored);
        if (!isStored) this.#load.left(run.shard, key);
      },
    };
  }

  async #refresh(): Promise<void> {
    await Promise.all([this.#log.refresh(), this.#tasks.refresh()]);
  }

  #refuse(run: string, problem: string): TuttiError {
    const { clock, log } = this.#runtime;
    if (clock.monotonic() - this.#warnedAt > WARN_EVERY_MS) {
      this.#warnedAt = clock.monotonic();
      log("warn", `requests are refused, or wait: ${problem}`);
    }
    return new TuttiError(503, `no room for another run: ${problem}`, { run });
  }
}
