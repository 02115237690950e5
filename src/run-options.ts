import type { Duration } from "./core/duration.ts";
import type { Json } from "./core/json.ts";
import type { Priority } from "./core/names.ts";

/**
 * How one run is submitted.
 *
 * @example
 * ```ts
 * await app.run(digest, { documents }, { run: "digest-2030-01", deadline: "10m", priority: "low" });
 * ```
 */
export interface RunOptions {
  /** Chosen by the caller: the same id with the same type and input is the same run. Default: a new one that sorts by time. */
  readonly run?: string;
  /** Default: `default`. */
  readonly tenant?: string;
  /** Default: that of the type, else `normal`. */
  readonly priority?: Priority;
  /** For the whole run; then it fails with code 408. Default: none. */
  readonly deadline?: Duration;
  /** Stops waiting; the run itself goes on (use `cancel`). */
  readonly signal?: AbortSignal;
  /** Who asks, for the log. */
  readonly requester?: string;
  /** What the run is found by: at most 32, of 1 to 64 characters without a comma. Default: none. */
  readonly tags?: readonly string[];
}

/** What is asked of a run from outside: of the whole, or of a part, and who asks. */
export interface ControlOptions {
  readonly tenant?: string;
  /** Path of a task. Default: the whole run. */
  readonly task?: string;
  /** Why, for the log. */
  readonly reason?: string;
  /** Who asks, for the log. */
  readonly by?: string;
}

/** How a task is marked: as a success with an output, left out, or as a failure with its reason. */
export type Marking =
  | { readonly output: Json; readonly skip?: undefined; readonly fail?: undefined }
  | { readonly skip: true; readonly output?: undefined; readonly fail?: undefined }
  | { readonly fail: string; readonly output?: undefined; readonly skip?: undefined };

/** How a signal is sent. */
export interface SignalOptions {
  /** Who sends it: a wait may say who may answer. */
  readonly by?: string;
  /** Sent again with the same id, it counts once. Default: a new one. */
  readonly id?: string;
}
