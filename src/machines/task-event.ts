import type { TaskError } from "../core/error.ts";

/** What happens to a task: the events of its chart. */

/** What ends a task. `recovers`: something is to be done before that: an undo, what a plan runs at its end, a fallback. */
interface Ending {
  readonly recovers?: boolean;
}

export type TaskMachineEvent =
  /** Its join is met, and it is for a worker: its first attempt opens. */
  | { readonly type: "ready" }
  /** Its join is met, and it is a plan that is known already. */
  | { readonly type: "expand" }
  /** The first of what it needs can start: its join has so long from now on. */
  | { readonly type: "awaited" }
  /** Its join is met, and expressions are to be answered before it starts. */
  | { readonly type: "ask" }
  /** It is decided what it waits for. */
  | { readonly type: "wait" }
  /** It is repeated, and the present round has succeeded. */
  | { readonly type: "roundOver" }
  /** It is decided that there is another round. */
  | { readonly type: "again" }
  /** What it waits for has come: a signal, a message, the end of another run, a time. */
  | { readonly type: "answered" }
  /** Its join or its condition says that it is left out; of an expanded one, its plan's join. */
  | ({ readonly type: "skip" } & Ending)
  /**
   * Its join cannot be met any more, an expression of it failed, or the plan that it was given is refused; of an expanded one,
   * its plan's join; of one that waits, what it waits for will not come, or has not in time. Or a budget does not let it start.
   */
  | ({ readonly type: "broken" } & Ending)
  /** The current attempt returned a value. */
  | { readonly type: "returned" }
  /** The current attempt returned a plan. */
  | { readonly type: "planned" }
  /**
   * The current attempt failed. `attempts`: what its policy allows, where the plan stated nothing. `isRetried`: whether the
   * plan has such a failure tried again, where it says which; else those of the kind `retryable` are.
   */
  | ({
      readonly type: "attemptFailed";
      readonly error: TaskError;
      readonly attempts?: number;
      readonly isRetried?: boolean;
    } & Ending)
  /** The current attempt ended with "not now", which counts as no attempt. */
  | { readonly type: "deferred" }
  /** The current attempt was lost with its worker, which is gone. It counts as no attempt. */
  | { readonly type: "lost" }
  | { readonly type: "backoffElapsed" }
  /** Enough of its children have succeeded. */
  | ({ readonly type: "met" } & Ending)
  /** Its plan has broken, and a change of it is asked for. */
  | { readonly type: "replan" }
  /** Its plan was changed. */
  | { readonly type: "changed" }
  /** Its own deadline has come, or, sent to the root, the run's: what is unfinished below it is cancelled. */
  | ({ readonly type: "expired" } & Ending)
  /** Nothing comes before its end any more. */
  | { readonly type: "unwound" }
  /** The value of its fallback stands for its output. */
  | { readonly type: "replaced" }
  | ({ readonly type: "cancel" } & Ending)
  /** From outside it is told how it has ended: with an output, left out, or failed. */
  | ({ readonly type: "markedSucceeded" | "markedSkipped" | "markedFailed" } & Ending)
  /** No task that needs it can still use it. */
  | ({ readonly type: "abandon" } & Ending)
  /** What it has done is to be undone. */
  | { readonly type: "undo" }
  | { readonly type: "undone" }
  /** It could not be undone, or was not to be any more. */
  | { readonly type: "undoFailed" }
  /** The run is redriven. It had failed, or was stopped, while an attempt was open: a new one opens. */
  | { readonly type: "redriven" }
  /** The run is redriven. It had children, which go on. */
  | { readonly type: "childrenRedriven" }
  /** The run is redriven. It waited for siblings, or was to be decided, and does again. */
  | { readonly type: "needsRedriven" };

/**
 * Of an event's data, all that the guards of the chart look at: tasks to which the same happens in the same snapshot share the
 * step, and the snapshot that it leads to.
 */
export const taskStepKey = (event: TaskMachineEvent): string => {
  const recovers = "recovers" in event && event.recovers ? " recovers" : "";
  return event.type === "attemptFailed"
    ? `attemptFailed ${event.error.kind} ${event.attempts} ${event.isRetried}${recovers}`
    : event.type + recovers;
};
