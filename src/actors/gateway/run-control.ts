import type { z } from "zod";
import { TuttiError } from "../../core/error.ts";
import type { EventKind } from "../../core/event.ts";
import { shardOf } from "../../core/hash.ts";
import { encodeJson } from "../../core/json.ts";
import { ROOT } from "../../core/names.ts";
import type { QUERIES } from "../../core/query.ts";
import { mayBeMarked, maySkip } from "../../fold/marking.ts";
import { hasPause, isPaused } from "../../fold/pauses.ts";
import type { RunState } from "../../fold/run-state.ts";
import { isFinal, stateOf, type TaskRecord } from "../../fold/task-record.ts";
import type { Shards } from "../cluster/shards.ts";
import type { Runtime } from "../host/runtime.ts";
import { readEnd } from "../log/run-ends.ts";
import { notFound, readRun } from "../log/run-reader.ts";
import { checkMarkedOutput, placeOutput } from "./marked-output.ts";

/**
 * Asks something of a run from outside: an event of its log, appended once it is clear that it has a meaning. What the log
 * says by then decides whether it counts; asked for again, it is answered as done.
 */

interface Context {
  readonly runtime: Runtime;
  readonly shards: Shards;
}

export interface Controlled {
  readonly run: string;
  readonly task?: string;
  readonly status: string;
}

type Query<Q extends keyof typeof QUERIES> = z.output<(typeof QUERIES)[Q]>;

/** Cancels the whole run without reading it; a task is looked for. */
export async function cancelRun(context: Context, query: Query<"runs.cancel">): Promise<Controlled> {
  const { tenant, run, task: id = ROOT, by, reason } = query;
  const asked = { ...(by !== undefined && { by }), ...(reason !== undefined && { reason }) };
  if (id === ROOT) {
    const begun = await requireRunning(context, tenant, run);
    const before = await lastMessage(context, tenant, run, "cancel");
    // A caller that asks twice does not want to wait for what is being undone. A message that is stored twice does not ask twice.
    const force = before !== undefined && before.sequence > begun && { force: true };
    await append(context, query, "cancel", { v: 1, ...asked, ...force });
    return { run, status: "cancelling" };
  }
  const task = await findTask(context, query, id);
  if (stateOf(task) === "cancelled") return { run, task: id, status: "cancelled" };
  refuseOver(task);
  await append(context, query, "cancel", { v: 2, task: id, ...asked });
  return { run, task: id, status: "cancelling" };
}

export async function pauseRun(context: Context, query: Query<"runs.pause">): Promise<Controlled> {
  const { run, task: id, by, reason } = query;
  const task = await findTask(context, query, id);
  refuseOver(task);
  if (!hasPause(task)) await append(context, query, "pause", { v: 2, task: id, by, reason });
  return { run, task: id, status: "paused" };
}

export async function resumeRun(context: Context, query: Query<"runs.resume">): Promise<Controlled> {
  const { run, task: id, by, reason } = query;
  const task = await findTask(context, query, id);
  if (hasPause(task)) await append(context, query, "resume", { v: 2, task: id, by, reason });
  else if (!task.run.pauses?.has(task)) throw notPaused(task);
  const above = task.parent && isPaused(task.parent);
  return { run, task: id, status: above ? "paused" : "running" };
}

export async function markTask(context: Context, query: Query<"runs.mark">): Promise<Controlled> {
  const { run, task: id, output, skip, fail, by, reason } = query;
  const stated = Object.entries({ output, skip, fail }).filter(([, value]) => value !== undefined);
  if (stated.length !== 1) {
    const received = stated.map(([name]) => name).join(" and ") || "none of them";
    throw new TuttiError(400, `expected exactly one of output, skip and fail, received ${received}`, { received });
  }
  const status = fail !== undefined ? "failed" : skip ? "skipped" : "succeeded";
  const task = await findTask(context, query, id);
  if (task.run.marks?.get(task)?.as === status) return { run, task: id, status };
  refuseOver(task);
  if (!mayBeMarked(task))
    throw new TuttiError(409, `task ${id} of run ${run} is ending: it is ${stateOf(task)}`, { run, task: id });
  if (skip && !maySkip(task)) {
    const why = "its plan is of version 1, in which every task is needed: mark it with an output";
    throw new TuttiError(409, `task ${id} of run ${run} cannot be skipped: ${why}`, { run, task: id });
  }
  if (output !== undefined) await checkMarkedOutput(context.runtime, task, output);
  const content = output === undefined ? { skip, fail } : await placeOutput(context.runtime, output);
  await append(context, query, "mark", { v: 2, task: id, ...content, by, reason });
  return { run, task: id, status };
}

/** Says where the pause is that holds it back, if it is one above. */
function notPaused(task: TaskRecord): TuttiError {
  const { run } = task.run;
  const what = task.id === ROOT ? `run ${run}` : `task ${task.id} of run ${run}`;
  for (let above = task.parent; above; above = above.parent)
    if (hasPause(above)) {
      const where = above.id === ROOT ? "the run is, as a whole" : `task ${above.id} is, which contains it`;
      return new TuttiError(409, `${what} is not paused itself: ${where}`, { run, task: task.id });
    }
  return new TuttiError(409, `${what} is not paused`, { run, task: task.id });
}

/** Returns where it stands in the log that the run has begun. */
async function requireRunning(context: Context, tenant: string, run: string): Promise<number> {
  const begun = await lastMessage(context, tenant, run, "submitted");
  if (!begun) throw notFound(run);
  const { runtime } = context;
  if (await readEnd(runtime, tenant, run, shardOf(run, runtime.shards))) throw hasEnded(run);
  return begun.sequence;
}

function lastMessage({ runtime }: Context, tenant: string, run: string, event: EventKind) {
  const { bus, topology, shards } = runtime;
  return bus.getLastMessage(topology.streams.log.name, topology.subjects.log(tenant, shardOf(run, shards), run, event));
}

const hasEnded = (run: string): TuttiError => new TuttiError(409, `run ${run} has ended already`, { run });

/** A task of an unfinished run, as the log stands now. Rejects with 404, or 409 when the run has ended. */
async function findTask(
  context: Context,
  { tenant, run }: { readonly tenant: string; readonly run: string },
  id: string,
): Promise<TaskRecord> {
  const state = await readState(context, tenant, run);
  if (state.end) throw hasEnded(run);
  const task = state.tasks.get(id);
  if (!task) throw new TuttiError(404, `run ${run} has no task ${id}, or none yet`, { run, task: id });
  return task;
}

async function readState({ runtime, shards }: Context, tenant: string, run: string): Promise<RunState> {
  const owner = shards.ownerOf(shardOf(run, runtime.shards));
  // A shard that is given up meanwhile is read from the log like those of others.
  const isCurrent = await owner?.caughtUp().then(
    () => true,
    () => false,
  );
  return (isCurrent && owner?.find(tenant, run)) || (await readRun(runtime, tenant, run)).state;
}

function refuseOver(task: TaskRecord): void {
  if (!isFinal(task)) return;
  const { run } = task.run;
  const what = task.id === ROOT ? `run ${run} is ending: its root` : `task ${task.id} of run ${run}`;
  throw new TuttiError(409, `${what} is over: it is ${stateOf(task)}`, { run, task: task.id });
}

async function append(
  { runtime }: Context,
  { tenant, run }: { readonly tenant: string; readonly run: string },
  event: EventKind,
  body: object,
): Promise<void> {
  const { bus, topology, shards } = runtime;
  await bus.append(topology.subjects.log(tenant, shardOf(run, shards), run, event), encodeJson(body));
}
