import type { DueWhat } from "../core/event.ts";
import type { RunMachineEvent, RunSnapshot } from "../machines/run.ts";
import type { TaskSnapshot } from "../machines/task.ts";
import type { TaskMachineEvent } from "../machines/task-event.ts";
import type { RunState } from "./run-state.ts";
import type { TaskRecord } from "./task-record.ts";

/**
 * What a step of the fold asks of its host, as data, in the order in which it is to be carried out. Every effect follows
 * from the log, so a replay drops them: {@link obligationsOf} derives from the state what is still to be done. An
 * effect that is carried out changes no state before it has been read back from the log.
 *
 * The attempt is the one that the effect is about; by the time it is carried out, the task may have opened another one.
 */
export type Effect =
  /** The run has begun, with its first event. */
  | { readonly kind: "begun"; readonly run: RunState }
  /** The attempt is open: see that it is on the queue. */
  | { readonly kind: "open"; readonly task: TaskRecord; readonly attempt: number }
  /** The attempt was closed by its result: forget it, if it was not put on the queue yet. */
  | { readonly kind: "close"; readonly task: TaskRecord; readonly attempt: number }
  /** The attempt was ended without its worker: take it off the queue, and abort the handler. */
  | { readonly kind: "withdraw"; readonly task: TaskRecord; readonly attempt: number }
  /** The attempt is open and paused: take it off the queue if no worker has been given it. */
  | { readonly kind: "hold"; readonly task: TaskRecord; readonly attempt: number }
  /** Append `due` at this log time, ms. `task` is the root for the run's deadline. */
  | { readonly kind: "arm"; readonly task: TaskRecord; readonly what: DueWhat; readonly at: number }
  | { readonly kind: "disarm"; readonly task: TaskRecord; readonly what: DueWhat }
  /** A change of the task's plan is there: append `replan`. */
  | { readonly kind: "replan"; readonly task: TaskRecord }
  /** The task's expressions are to be answered: append `decided`. */
  | { readonly kind: "decide"; readonly task: TaskRecord; readonly attempt: number }
  /** The task waits for a message or for another run: look out for it, and append `answered`. */
  | { readonly kind: "listen"; readonly task: TaskRecord; readonly attempt: number }
  /** It waits no more. */
  | { readonly kind: "unlisten"; readonly task: TaskRecord }
  /** The task waits for a signal, and there is one: see whether it is right, and append `answered`. */
  | { readonly kind: "judge"; readonly task: TaskRecord; readonly attempt: number }
  /** The outcome is known: append `ended`. */
  | { readonly kind: "conclude"; readonly run: RunState }
  /** `ended` was read. The run does not change any more, unless it is redriven. */
  | { readonly kind: "ended"; readonly run: RunState }
  /** A run that had ended was redriven, and goes on. */
  | { readonly kind: "reopened"; readonly run: RunState }
  /** The run, or a task and what is below it, was paused or resumed. */
  | { readonly kind: "paused"; readonly run: RunState; readonly task: TaskRecord }
  /** A task took a step of its chart, by the event `on`. A child's end comes before its parent's. */
  | {
      readonly kind: "changed";
      readonly task: TaskRecord;
      readonly on: TaskMachineEvent["type"];
      readonly before: TaskSnapshot;
      readonly after: TaskSnapshot;
    }
  /** The run took a step of its chart, by the event `on`. */
  | {
      readonly kind: "runChanged";
      readonly run: RunState;
      readonly on: RunMachineEvent["type"];
      readonly before: RunSnapshot;
      readonly after: RunSnapshot;
    };
