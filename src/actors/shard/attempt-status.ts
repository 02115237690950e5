import type { SettledQuery } from "../../core/query.ts";
import { isPaused } from "../../fold/pauses.ts";
import type { RunState } from "../../fold/run-state.ts";
import { isOpen } from "../../fold/task-record.ts";

/** What the owner of a shard knows of its runs. */
export interface OwnedRuns {
  /** Resolves when the log, as it stands now, has been folded. */
  caughtUp(): Promise<void>;
  /** Undefined for a run that has ended, or was never begun. */
  find(tenant: string, run: string): RunState | undefined;
}

/**
 * Whether the attempt is not to be executed: the log, as it stands now, has closed it, or it is paused, and comes again when
 * it is resumed. Only the owner of the run's shard knows.
 */
export async function isSettled(owner: OwnedRuns, { tenant, run, task: id, attempt }: SettledQuery): Promise<boolean> {
  await owner.caughtUp();
  const task = owner.find(tenant, run)?.tasks.get(id);
  // Of a run that has ended, or was never begun, nothing is open.
  return !task || !isOpen(task, attempt) || isPaused(task);
}
