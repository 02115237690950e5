import type { Submitted } from "../core/event.ts";
import type { Priority } from "../core/names.ts";
import type { RunSnapshot } from "../machines/run.ts";
import type { TaskRecord } from "./task-record.ts";

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
  /** Milliseconds since the epoch; undefined: none. */
  readonly deadline: number | undefined;
  snapshot: RunSnapshot;
  readonly root: TaskRecord;
  /** By path. */
  readonly tasks: Map<string, TaskRecord>;
  /** Results that arrived before the end, those that no longer counted included. */
  executions: number;
  succeeded: number;
  failed: number;
  cancelled: number;
  /** Whether its deadline came first. */
  expired: boolean;
  /** Set when `cancel` was read. */
  cancelledBy: { readonly by: string | undefined; readonly reason: string | undefined } | undefined;
}

/** Whether `ended` was read: then nothing changes any more. */
export const isOver = (run: RunState): boolean => run.snapshot.status === "done";

export const runKey = (tenant: string, run: string): string => `${tenant}/${run}`;
