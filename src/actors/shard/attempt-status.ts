import type { AttemptStatus, SettledQuery } from "../../core/query.ts";
import { isPaused } from "../../fold/pauses.ts";
import type { RunState } from "../../fold/run-state.ts";
import { isOpen, type TaskRecord } from "../../fold/task-record.ts";

/** The worker that has said that it is about to execute an attempt. */
export interface Holder {
  readonly attempt: number;
  readonly worker: string;
  /** It executes nothing else meanwhile. */
  readonly alone: boolean;
}

/** What the owner of a shard knows of its runs. */
export interface OwnedRuns {
  /** Resolves when the log, as it stands now, has been folded. */
  caughtUp(): Promise<void>;
  /** Undefined for a run that has ended, or was never begun. */
  find(tenant: string, run: string): RunState | undefined;
  /** The worker that is alive and has the attempt in execution, other than the one that asks. */
  heldBy(task: TaskRecord, asking: string | undefined): Promise<string | undefined>;
  held(task: TaskRecord, holder: Holder): void;
}

/**
 * How an attempt stands, as the log is now. It is settled where it is not to be executed: the log has closed it, or it is paused,
 * and comes again when it is resumed. Only the owner of the run's shard knows.
 */
export async function attemptStatus(
  owner: OwnedRuns,
  { tenant, run, task: id, attempt, worker, alone = false }: SettledQuery,
): Promise<AttemptStatus> {
  await owner.caughtUp();
  const task = owner.find(tenant, run)?.tasks.get(id);
  // Of a run that has ended, or was never begun, nothing is open.
  if (!task || !isOpen(task, attempt) || isPaused(task)) return { settled: true };
  const heldBy = await owner.heldBy(task, worker);
  if (heldBy !== undefined) return { settled: false, heldBy };
  if (worker !== undefined) owner.held(task, { attempt, worker, alone });
  return { settled: false };
}
