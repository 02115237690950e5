import type { DueWhat } from "../core/event.ts";
import type { RunState } from "./run-state.ts";
import type { TaskRecord } from "./task-record.ts";

/**
 * What the fold asks of its host. Every call is derived from the log and may come again after a replay, so hosts must
 * be idempotent; nothing a host does here changes the state before it has been read back from the log.
 */
export interface FoldEffects {
  /** The current attempt is open: see that it is on the queue. */
  enqueue(task: TaskRecord): void;
  /** The current attempt is closed: forget it, if it was not put on the queue yet. */
  dequeue(task: TaskRecord): void;
  /** The attempt was ended without its worker: take it off the queue and tell the worker. */
  withdraw(task: TaskRecord): void;
  /** Append `due` in `delayMs` from now (from the log time of the event just read). `task` is the root for a deadline. */
  arm(task: TaskRecord, what: DueWhat, delayMs: number): void;
  disarm(task: TaskRecord, what: DueWhat): void;
  /** The outcome is known: append `ended`. */
  conclude(run: RunState): void;
  /** `ended` was read. The run will not change any more. */
  close(run: RunState): void;
  /** A task's state or attempt has changed. */
  changed(task: TaskRecord): void;
}

/** For folds that only want to know the state: queries, watchers. */
export const noEffects: FoldEffects = {
  enqueue() {},
  dequeue() {},
  withdraw() {},
  arm() {},
  disarm() {},
  conclude() {},
  close() {},
  changed() {},
};
