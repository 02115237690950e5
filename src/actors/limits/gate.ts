import type { TaskRecord } from "../../fold/task-record.ts";

/** Lets open attempts on the queue, within what may be there at once. Idempotent. */
export interface Gate {
  /** The attempt is open: see that it gets on the queue. */
  add(task: TaskRecord): void;
  /** The task is on the queue already, put there by a former owner. */
  found(task: TaskRecord): void;
  /** The attempt has ended with its worker's word. */
  closed(task: TaskRecord, attempt: number): void;
  /** The attempt was ended without its worker, or its shard has another owner. False: it was never let in, and so is not on the queue. */
  remove(task: TaskRecord, attempt?: number): boolean;
  /** An attempt that was removed is known not to have been given to any worker. */
  neverGiven(task: TaskRecord, attempt: number): void;
  /** Whether the task was let in: it is on the queue, on its way there, or being worked on. */
  isInside(task: TaskRecord): boolean;
  /** Whether the task has still to be put on the queue. */
  has(task: TaskRecord): boolean;
}
