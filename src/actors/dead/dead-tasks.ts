import type { StoredMessage } from "../../bus/port.ts";
import { type DeadLetter, type DeadTask, deadTask, type Redriven } from "../../core/dead-letter.ts";
import { TuttiError } from "../../core/error.ts";
import { decodeJson, encodeJson } from "../../core/json.ts";
import { failedTaskOf, isOver } from "../../fold/run-state.ts";
import { attemptOf } from "../../fold/task-record.ts";
import { statusOf } from "../../fold/view.ts";
import type { Runtime } from "../host/runtime.ts";
import { readRun } from "../log/run-reader.ts";

/** The letter of a task that has failed its run. Undefined for what we have not written. */
export function readTaskLetter({ data, timestamp }: StoredMessage): DeadLetter | undefined {
  const read = readDeadTask(data);
  if (!read) return undefined;
  const { tenant, run, task, type, attempt, message, lost } = read;
  const at = new Date(timestamp).toISOString();
  const error = { code: 422 as const, ...read.error, path: task, task, run };
  const letter = { id: run, kind: "task", at, tenant, type, run, task, attempt, error } as const;
  return { ...letter, ...(lost && { lost }), ...(message && { message }) };
}

function readDeadTask(data: Uint8Array): DeadTask | undefined {
  try {
    return deadTask.safeParse(decodeJson(data)).data;
  } catch {
    return undefined;
  }
}

/** Whether a letter may have been stored too late: only where its run was redriven. */
export async function isInDoubt({ bus, topology }: Runtime, { tenant, id }: DeadLetter): Promise<boolean> {
  const { streams, subjects } = topology;
  return (await bus.getLastMessage(streams.log.name, subjects.logOfRun(tenant, id, "redrive"))) !== undefined;
}

/**
 * The letter of the last failure that the log has, unless it was redriven. An owner that stood still may store a letter long
 * after its attempt was redriven.
 */
export async function currentLetter(runtime: Runtime, letter: DeadLetter): Promise<DeadLetter | undefined> {
  const { tenant, id } = letter;
  const state = (await readRun(runtime, tenant, id).catch(orUnknown))?.state;
  if (!state) return letter;
  const task = failedTaskOf(state);
  if (!task || !isOver(state)) return undefined;
  if (letter.task === task.id && letter.attempt === attemptOf(task)) return letter;
  const { subjects, streams } = runtime.topology;
  const stored = await runtime.bus.getLastMessage(
    streams.dead.name,
    subjects.deadTask(tenant, id, task.id, attemptOf(task)),
  );
  return stored && readTaskLetter(stored);
}

/** The log may have let go of a run whose letter is there still, or have of it what only a newer build can read. */
function orUnknown(error: unknown): undefined {
  if (!(error instanceof TuttiError)) throw error;
}

export interface RedriveQuery {
  readonly tenant: string;
  readonly id: string;
  /** The attempt that failed, as its letter has it: so that a repeated request redrives once. */
  readonly attempt?: number | undefined;
  readonly by?: string | undefined;
  readonly reason?: string | undefined;
}

/** Whether the run can be redriven, its log says; this only asks for it, and the fold decides. */
export async function redriveTask(
  runtime: Runtime,
  { tenant, id: run, attempt, by, reason }: RedriveQuery,
): Promise<Redriven> {
  const { state } = await readRun(runtime, tenant, run);
  const task = failedTaskOf(state);
  const { redriven } = state;
  const isFailed = isOver(state) && task !== undefined;
  if (
    redriven &&
    (!isFailed || (attempt !== undefined && attempt < attemptOf(task))) &&
    statusOf(state) !== "cancelled"
  )
    return { id: run, run, task: redriven.task, attempt: redriven.attempt + 1, already: true };
  if (!task || !isOver(state))
    throw new TuttiError(
      409,
      `run ${run} cannot be redriven: ${task ? "it is about to end" : state.hasUndone ? "its undo has begun" : describe(statusOf(state))}`,
      {
        run,
        expected: "a run that has failed because one of its tasks did",
        received: task ? "running" : statusOf(state),
      },
    );
  const body = {
    v: 1,
    task: task.id,
    attempt: attemptOf(task),
    ...(by !== undefined && { by }),
    ...(reason !== undefined && { reason }),
  };
  await runtime.bus.append(runtime.topology.subjects.log(tenant, state.shard, run, "redrive"), encodeJson(body));
  return { id: run, run, task: task.id, attempt: attemptOf(task) + 1 };
}

const describe = (status: string) =>
  status === "failed"
    ? "it failed, but by no task of its own"
    : status === "running"
      ? "it goes on"
      : status === "succeeded"
        ? "it has succeeded"
        : `it was ${status}`;
