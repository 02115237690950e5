import { BusError, type StoredMessage } from "../../bus/port.ts";
import { TuttiError } from "../../core/error.ts";
import type { Ended, RunEvent } from "../../core/event.ts";
import type { Json } from "../../core/json.ts";
import type { RunSummary, RunView } from "../../core/run-view.ts";
import type { NewerVersion } from "../../core/upcast.ts";
import { isOver, type RunAddress, type RunState } from "../../fold/run-state.ts";
import { summarize, viewTask } from "../../fold/view.ts";
import { traceOf } from "../../telemetry/trace-context.ts";
import type { RunObserver } from "../../timeline/run-observer.ts";
import { insist } from "../host/insist.ts";
import type { ReaderRuntime, Runtime } from "../host/runtime.ts";
import type { ReadEvent } from "./log-event.ts";
import { LogPump } from "./log-pump.ts";
import { RunReplay } from "./run-replay.ts";

/** The state of a run as folded from the log. */
export interface FoldedRun {
  readonly state: RunState;
  readonly ended: RunState["end"];
}

/** Reads the current state of a run. Rejects with 404 when the log has no such run, or no longer has it. */
export async function readRun(runtime: ReaderRuntime, tenant: string, run: string): Promise<FoldedRun> {
  const { state } = await replayRun(runtime, { tenant, run });
  return { state: state!, ended: state!.end };
}

/**
 * Folds a run from the log: all its events, or those before the sequence `before`, and reports the steps to `observer`.
 * Rejects with 404 when the log has no such run, or no longer has it.
 */
export async function replayRun(
  runtime: ReaderRuntime,
  { tenant, run }: Pick<RunAddress, "tenant" | "run">,
  before = Number.POSITIVE_INFINITY,
  observer?: RunObserver,
): Promise<RunReplay> {
  const replay = new RunReplay({ tenant, run }, observer);
  let newer: NewerVersion | undefined;
  const take = ({ shard, read }: ReadEvent & { read: RunEvent }) => {
    if (read.sequence < before) replay.take(shard, read);
  };
  const onNewer = (found: NewerVersion, sequence: number) => {
    if (sequence < before) newer = found;
  };
  let thrown: { readonly error: unknown } | undefined;
  const pump = new LogPump({ ...runtime, subjects: runtime.topology.subjects }, take, {
    needsCarried: () => true,
    onNewer,
    onThrown: (error) => {
      thrown = { error };
    },
  });
  await eachMessage(runtime, runtime.topology.subjects.logOfRun(tenant, run, ">"), (message) => pump.push(message));
  await new Promise<void>((drained) => pump.whenDrained(drained));
  if (thrown) throw thrown.error;
  if (newer) throw unreadable(run, newer);
  if (!replay.state) throw notFound(run);
  return replay;
}

/**
 * As {@link replayRun}, but waits out errors of the bus. Resolves with undefined when the log no longer has the run, or
 * `wanted` returns false because the result is no longer needed.
 */
export async function replayPatiently(
  runtime: ReaderRuntime,
  address: RunAddress,
  before: number,
  wanted: () => boolean,
  observer?: RunObserver,
): Promise<RunReplay | undefined> {
  const replay = await insist(runtime, () => replayRun(runtime, address, before, observer), {
    work: REDRIVEN,
    name: () => `run ${address.run}`,
    wanted,
    passes: (error) => !(error instanceof TuttiError),
  }).catch(() => undefined);
  return wanted() ? replay : undefined;
}

const REDRIVEN = { one: "redriven run cannot be read yet", many: "redriven runs cannot be read yet" };

/** Whether an `ended` in the log is still the run's end, so that the run was not redriven since. */
export async function stands(
  runtime: ReaderRuntime,
  { tenant, run }: Pick<RunAddress, "tenant" | "run">,
  ended: { readonly body: Ended; readonly sequence: number },
): Promise<boolean> {
  if (ended.body.status !== "failed") return true;
  const { bus, topology } = runtime;
  const redrive = await bus.getLastMessage(
    topology.streams.log.name,
    topology.subjects.logOfRun(tenant, run, "redrive"),
  );
  if (!redrive || redrive.sequence < ended.sequence) return true;
  // The redrive may have had no effect, which only the fold shows; and the run may have ended again meanwhile.
  const { state } = await readRun(runtime, tenant, run);
  return isOver(state) && state.endSequence === ended.sequence;
}

/** The error for a run with events of a newer build: a state without them would be wrong. */
export const unreadable = (run: string, { message }: NewerVersion): TuttiError =>
  new TuttiError(503, `run ${run} cannot be read: its log has a ${message}`, { run });

/** The error for a run that the log had and no longer has. */
export const lostRun = (run: string): TuttiError =>
  new TuttiError(404, `run ${run} was lost: the log had it, and no longer has it`, { run });

export const notFound = (run: string): TuttiError => new TuttiError(404, `there is no run ${run} in the log`, { run });

/**
 * Reads the messages that the log (or another stream) holds now, from `fromSequence` on, and stops. Rejects with the
 * error that the handler throws, or with `closed`.
 */
export async function eachMessage(
  runtime: Pick<Runtime, "bus" | "topology">,
  filter: string,
  handler: (message: StoredMessage) => void,
  { stream = runtime.topology.streams.log.name, fromSequence = 1 }: { stream?: string; fromSequence?: number } = {},
): Promise<void> {
  const { bus } = runtime;
  const caughtUp = Promise.withResolvers<void>();
  // The connection may be closed before the promise is awaited.
  caughtUp.promise.catch(() => {});
  const options = { fromSequence, onCaughtUp: caughtUp.resolve };
  let failure: unknown;
  const take = (message: StoredMessage) => {
    try {
      if (failure === undefined) handler(message);
    } catch (error) {
      failure = error;
    }
  };
  const unlisten = bus.onEvent(({ type }) => {
    if (type === "closed")
      caughtUp.reject(
        new BusError("closed", `the connection to ${bus.description} was closed while ${stream} was read`),
      );
  });
  try {
    const follower = await bus.follow(stream, filter, take, options);
    try {
      await caughtUp.promise;
    } finally {
      await follower.stop();
    }
  } finally {
    unlisten();
  }
  if (failure !== undefined) throw failure;
}

const traceIdOf = (state: RunState): string => traceOf(state.run, state.submitted.trace).traceId;

async function withOutput(runtime: ReaderRuntime, body: Ended): Promise<Ended> {
  if (body.outputRef === undefined) return body;
  return {
    ...body,
    output: await runtime.blobs.getJson(body.outputRef).catch(() => ({ $blob: body.outputRef! }) as Json),
  };
}

export async function viewRun(runtime: ReaderRuntime, { state, ended: end }: FoldedRun): Promise<RunView> {
  const withBody = end && { body: await withOutput(runtime, end.body), at: end.at };
  return { ...summarize(state, traceIdOf(state), withBody), tasks: [...state.tasks.values()].map(viewTask) };
}

export const summarizeRun = ({ state, ended: end }: FoldedRun): RunSummary => summarize(state, traceIdOf(state), end);
