import { mostBytes } from "../../bus/sizes.ts";
import type { Approval, SignalAnswer } from "../../core/approval.ts";
import { TuttiError } from "../../core/error.ts";
import { signal } from "../../core/event.ts";
import { shardOf } from "../../core/hash.ts";
import { decodeJson, encodeJson } from "../../core/json.ts";
import { approvalsReply, signalReply } from "../../core/owner-request.ts";
import type { SignalQuery } from "../../core/query.ts";
import type { Shards } from "../cluster/shards.ts";
import type { Runtime } from "../host/runtime.ts";
import { readEnd } from "../log/run-ends.ts";
import { eachMessage, notFound } from "../log/run-reader.ts";
import { askOwner } from "./owner-question.ts";

interface Context {
  readonly runtime: Runtime;
  readonly shards: Shards;
}

/** The bytes that are reserved for the other fields of a signal, up to half of a message. */
const ENVELOPE = 2048;

/**
 * Sends a signal to a run. Resolves when it is in the log, with the task that has taken it. Rejects with 400 when its
 * data does not fit the wait, 404 for an unknown run, and 409 for a run that has ended or a task that no longer waits.
 */
export async function sendSignal(context: Context, { id: stated, data, ...query }: SignalQuery): Promise<SignalAnswer> {
  const { runtime } = context;
  const { tenant, run } = query;
  const shard = shardOf(run, runtime.shards);
  const id = stated ?? runtime.clock.id();
  const room = mostBytes(runtime.bus);
  const text = data === undefined ? undefined : encodeJson(data);
  const isLarge = text !== undefined && text.length > room - Math.min(ENVELOPE, room / 2);
  const content = isLarge ? { dataRef: await runtime.blobs.put(text) } : data === undefined ? {} : { data };
  const reply = signalReply.parse(await askOwner(context, shard, { ask: "signal", ...query, id, ...content }));
  if (!("isOwned" in reply)) return reply;
  const { bus, topology } = runtime;
  const begun = await bus.getLastMessage(
    topology.streams.log.name,
    topology.subjects.log(tenant, shard, run, "submitted"),
  );
  if (!begun) throw notFound(run);
  // The signal may be a repetition of one that has ended the run.
  if (stated !== undefined && (await hasSignal(runtime, tenant, shard, run, id))) return { run, id, state: "taken" };
  const ended = await readEnd(runtime, tenant, run, shard);
  throw ended
    ? new TuttiError(409, `run ${run} has already ended`, { run })
    : new TuttiError(503, `run ${run} is between two owners: send it again`, { run });
}

async function hasSignal(runtime: Runtime, tenant: string, shard: number, run: string, id: string): Promise<boolean> {
  let isThere = false;
  await eachMessage(runtime, runtime.topology.subjects.log(tenant, shard, run, "signal"), ({ data }) => {
    isThere ||= signal.safeParse(decodeJson(data)).data?.id === id;
  });
  return isThere;
}

/** The open waits for signals of all runs of a tenant, the oldest first. Each owner reports those of its shards. */
export async function listAllApprovals(
  context: Context,
  { tenant, limit }: { readonly tenant: string; readonly limit: number },
): Promise<Approval[]> {
  const all = Array.from({ length: context.runtime.shards }, async (_, shard) =>
    approvalsReply.parse(await askOwner(context, shard, { ask: "approvals", tenant, limit })),
  );
  return (await Promise.all(all))
    .flat()
    .sort((a, b) => (a.since < b.since ? -1 : 1))
    .slice(0, limit);
}
