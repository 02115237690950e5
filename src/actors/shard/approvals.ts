import type { Approval } from "../../core/approval.ts";
import type { ApprovalsRequest } from "../../core/owner-request.ts";
import type { RunState } from "../../fold/run-state.ts";
import type { TaskRecord } from "../../fold/task-record.ts";
import { viewWait } from "../../fold/view.ts";

/** A list has to fit into a message; the run's own view has what is asked in full. */
const LISTED_ASK_CHARACTERS = 2000;

/** The tasks of these runs that wait for a signal, as the owner has them in memory: the oldest first. */
export function listApprovals(runs: Iterable<RunState>, { tenant, limit }: ApprovalsRequest): Approval[] {
  const found: TaskRecord[] = [];
  for (const run of runs)
    if (run.tenant === tenant && run.waits)
      for (const task of run.waits.open.keys()) if (task.node!.stated.wait!.signal !== undefined) found.push(task);
  const sinceOf = (task: TaskRecord) => task.run.waits!.open.get(task)!.since;
  return found
    .sort((a, b) => sinceOf(a) - sinceOf(b))
    .slice(0, limit)
    .map(approvalOf);
}

function approvalOf(task: TaskRecord): Approval {
  const { ask, from, since, until } = viewWait(task)!;
  const { signal, schema } = task.node!.stated.wait!;
  return {
    run: task.run.run,
    type: task.run.submitted.type,
    task: task.id,
    signal: signal!,
    ...(ask !== undefined && JSON.stringify(ask).length <= LISTED_ASK_CHARACTERS && { ask }),
    ...(schema !== undefined && { schema }),
    ...(from && { from }),
    since,
    ...(until !== undefined && { until }),
  };
}
