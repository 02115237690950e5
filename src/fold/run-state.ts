import type { Decision, Ended, Submitted } from "../core/event.ts";
import type { Priority } from "../core/names.ts";
import type { Sums } from "../core/usage-sums.ts";
import type { RunSnapshot } from "../machines/run.ts";
import type { Mark } from "./mark.ts";
import type { Pause } from "./pauses.ts";
import type { TaskRecord } from "./task-record.ts";
import type { Unwinding } from "./undo-steps.ts";
import type { Waits } from "./waits.ts";

/** Which run: its id is unique within its tenant. */
export interface RunAddress {
  readonly tenant: string;
  readonly shard: number;
  readonly run: string;
}

/** Everything the log says of one run, folded. Only the fold changes it. */
export interface RunState extends RunAddress {
  readonly submitted: Submitted;
  readonly priority: Priority;
  /** Log time, ms. */
  readonly submittedAt: number;
  /** Log time, ms, of the last event read. */
  updatedAt: number;
  /** Milliseconds since the epoch; undefined: none. A redrive sets it anew. */
  deadline: number | undefined;
  snapshot: RunSnapshot;
  readonly root: TaskRecord;
  /** By path. */
  readonly tasks: Map<string, TaskRecord>;
  /** Results that arrived before the end, those that no longer counted included. */
  executions: number;
  succeeded: number;
  failed: number;
  cancelled: number;
  skipped: number;
  abandoned: number;
  compensated: number;
  uncompensated: number;
  /** Attempts and plans that were opened and may have to be undone or tidied up: what came later is undone first. */
  opened: number;
  /** Whether a plan in it says how something is undone, or what runs at its end. */
  isUndoable: boolean;
  /** Whether an undo has begun: then the run cannot be redriven. */
  hasUndone: boolean;
  /** What is still to be done before the ends of tasks, by task. */
  readonly unwindings: Map<TaskRecord, Unwinding>;
  /** Whether what is still to be undone is not, on request. */
  isForced: boolean;
  /** Whether a task may have been given other children than it had, which may have the ids of those before. */
  hasReplanted: boolean;
  /** Of a run in which a task has waited, or to which a signal was sent. */
  waits: Waits | undefined;
  /** Whether its deadline came first. */
  expired: boolean;
  /** The pauses of the run and of tasks below, those that are over included; undefined: there were none. */
  pauses: Map<TaskRecord, Pause> | undefined;
  /** The tasks that were told from outside how they have ended. */
  marks: Map<TaskRecord, Mark> | undefined;
  /** What tasks and all that is below them have reported, where anything was. */
  usage: Map<TaskRecord, Sums> | undefined;
  /** How many tasks were planted below those whose budgets count them. */
  planted: Map<TaskRecord, number> | undefined;
  /** What was decided of tasks while they were paused. */
  heldDecisions: Map<TaskRecord, Decision> | undefined;
  /** Set when `cancel` was read. */
  cancelledBy: { readonly by: string | undefined; readonly reason: string | undefined } | undefined;
  /** The `ended` that counts; undefined while it runs, and again once it is redriven. */
  end: { readonly body: Ended; readonly at: number } | undefined;
  /** Sequence of the last `ended` that counted, 0 before the first: the next one comes after it. */
  endSequence: number;
  /** The last redrive that counted: which attempt had failed, when it was tried again (log time, ms), and how often that has happened. */
  redriven:
    | { readonly task: string; readonly attempt: number; readonly at: number; readonly times: number }
    | undefined;
}

/** Takes the end of a task back, as far as it is counted. */
export function uncount(task: TaskRecord): void {
  const { run, snapshot } = task;
  switch (snapshot.value) {
    case "succeeded":
    case "failed":
    case "cancelled":
    case "skipped":
    case "abandoned":
    case "compensated":
    case "uncompensated":
      run[snapshot.value]--;
  }
}

/** Whether `ended` was read: then nothing changes any more, unless the run is redriven. */
export const isOver = (run: RunState): boolean => run.end !== undefined;

/**
 * The task whose own failure is the failure of the run, and so the only one that can be redriven. Undefined when it did
 * not come to that, or by other ways: it was cancelled, or its deadline came.
 */
export const failedTaskOf = (run: RunState): TaskRecord | undefined =>
  run.snapshot.context.isRedrivable ? run.tasks.get(run.root.failedAt ?? run.root.id) : undefined;

export const runKey = (tenant: string, run: string): string => `${tenant}/${run}`;
