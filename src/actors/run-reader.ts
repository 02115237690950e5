import type { StoredMessage } from "../bus/port.ts";
import { TuttiError } from "../core/error.ts";
import type { Ended, RunEvent } from "../core/event.ts";
import type { Json } from "../core/json.ts";
import type { RunSummary, RunView } from "../core/run-view.ts";
import { applyEvent, beginRun } from "../fold/apply.ts";
import { noEffects } from "../fold/effects.ts";
import { isOver, type RunAddress, type RunState } from "../fold/run-state.ts";
import { summarize, viewTask } from "../fold/view.ts";
import { traceOf } from "../telemetry/trace-context.ts";
import type { Host } from "./host.ts";
import { readEventBody } from "./log-event.ts";
import { LogPump } from "./log-pump.ts";
import type { Mark } from "./marks.ts";

/** What the log says of one run, asked by anybody, owner or not: the same fold, without effects. */
export interface FoldedRun {
  readonly state: RunState;
  /** Where the log has its `submitted`. */
  readonly begun: Mark;
  readonly ended: RunState["end"];
}

export type ReaderHost = Pick<Host, "bus" | "topology" | "clock" | "blobs" | "log">;

/** As it stands, or stood before the event with the sequence `before`. Rejects with 404 when the log has no such run (any more). */
export async function readRun(
  host: ReaderHost,
  tenant: string,
  run: string,
  before = Number.POSITIVE_INFINITY,
): Promise<FoldedRun> {
  let state: RunState | undefined;
  let begun: Mark | undefined;
  const pump = new LogPump({ ...host, subjects: host.topology.subjects }, ({ shard, read }) => {
    if (read.sequence >= before) return;
    if (read.kind === "submitted") {
      state ??= beginRun({ tenant, shard, run }, read.body, read.at, noEffects);
      begun ??= { sequence: read.sequence, at: read.at };
    } else if (state) fold(state, read);
  });
  await eachMessage(host, host.topology.subjects.logOfRun(tenant, run, ">"), (message) => pump.push(message));
  await new Promise<void>((drained) => pump.whenDrained(drained));
  if (!state || !begun) throw notFound(run);
  return { state, begun, ended: state.end };
}

/** Whether an `ended` of the log is the run's end still: not once it was redriven. */
export async function stands(
  host: ReaderHost,
  { tenant, run }: Pick<RunAddress, "tenant" | "run">,
  ended: { readonly body: Ended; readonly sequence: number },
): Promise<boolean> {
  if (ended.body.status !== "failed") return true;
  const { bus, topology } = host;
  const redrive = await bus.getLastMessage(
    topology.streams.log.name,
    topology.subjects.logOfRun(tenant, run, "redrive"),
  );
  if (!redrive || redrive.sequence < ended.sequence) return true;
  // It may have come for nothing: only the fold can tell.
  const { state } = await readRun(host, tenant, run);
  return isOver(state);
}

const fold = (state: RunState, read: Exclude<RunEvent, { kind: "submitted" }>) => applyEvent(state, read, noEffects);

export const notFound = (run: string): TuttiError => new TuttiError(404, `there is no run ${run} in the log`, { run });

/** Reads what the log (or another stream) holds now, and stops. */
export async function eachMessage(
  host: ReaderHost,
  filter: string,
  handler: (message: StoredMessage) => void,
  stream = host.topology.streams.log.name,
): Promise<void> {
  const caughtUp = Promise.withResolvers<void>();
  const follower = await host.bus.follow(stream, filter, handler, { onCaughtUp: caughtUp.resolve });
  await caughtUp.promise;
  await follower.stop();
}

const traceIdOf = (state: RunState): string => traceOf(state.run, state.submitted.trace).traceId;

async function withOutput(host: ReaderHost, body: Ended): Promise<Ended> {
  if (body.outputRef === undefined) return body;
  return {
    ...body,
    output: await host.blobs.getJson(body.outputRef).catch(() => ({ $blob: body.outputRef! }) as Json),
  };
}

export async function viewRun(host: ReaderHost, { state, ended: end }: Omit<FoldedRun, "begun">): Promise<RunView> {
  const withBody = end && { body: await withOutput(host, end.body), at: end.at };
  return { ...summarize(state, traceIdOf(state), withBody), tasks: [...state.tasks.values()].map(viewTask) };
}

const summarizeRun = ({ state, ended: end }: Omit<FoldedRun, "begun">): RunSummary =>
  summarize(state, traceIdOf(state), end);

/** A list has to fit into a message; whoever wants a larger output asks for the run. */
const LISTED_OUTPUT_CHARACTERS = 1000;

function withoutLargeOutput({ output, ...rest }: Ended): Ended {
  const isSmall = output !== undefined && JSON.stringify(output).length <= LISTED_OUTPUT_CHARACTERS;
  return isSmall ? { ...rest, output } : rest;
}

/** The newest runs of a tenant, newest first, from their first and last events. `live` knows those that are owned here. */
export async function listRuns(
  host: ReaderHost,
  tenant: string,
  limit: number,
  live: (run: string) => RunState | undefined,
): Promise<RunSummary[]> {
  const { bus, topology } = host;
  const { subjects, streams } = topology;
  const newest: StoredMessage[] = [];
  await eachMessage(host, subjects.logOfKind(tenant, "submitted"), (message) => {
    newest.push(message);
    if (newest.length > 2 * limit + 100) newest.splice(0, newest.length - limit);
  });
  const summaries = newest
    .slice(-limit)
    .reverse()
    .map(async (message): Promise<RunSummary | undefined> => {
      const first = readEventBody("submitted", message.data);
      if (!first) return undefined;
      const [, shard, run] = message.subject.slice(subjects.prefix.length + 5).split(".");
      const address = { tenant, shard: Number(shard), run: run! };
      const stored = await bus.getLastMessage(streams.log.name, subjects.log(tenant, address.shard, run!, "ended"));
      const last = stored && readEventBody("ended", stored.data);
      const isItsEnd = last && (await stands(host, address, { body: last, sequence: stored.sequence }));
      const end = isItsEnd ? { body: withoutLargeOutput(last), at: stored.timestamp } : undefined;
      const state = (end ? undefined : live(run!)) ?? beginRun(address, first, message.timestamp, noEffects);
      return summarizeRun({ state, ended: end });
    });
  return (await Promise.all(summaries)).filter((one) => one !== undefined);
}
