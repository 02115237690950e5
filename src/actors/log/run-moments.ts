import { TuttiError } from "../../core/error.ts";
import type { Explanation } from "../../core/explanation.ts";
import { show } from "../../core/problem.ts";
import type { RunDifference } from "../../core/run-difference.ts";
import type { RunMoment, RunStep } from "../../core/run-step.ts";
import type { RunTraceAnswer } from "../../core/run-trace.ts";
import { recordRun } from "../../telemetry/record-run.ts";
import { traceOf } from "../../telemetry/trace-context.ts";
import { currentTracing } from "../../telemetry/tracing.ts";
import { type Compared, compareRuns } from "../../timeline/difference.ts";
import { explain } from "../../timeline/explanation.ts";
import { RunHistory } from "../../timeline/run-history.ts";
import { observeAll } from "../../timeline/run-observer.ts";
import { RunTimeline } from "../../timeline/run-timeline.ts";
import type { ReaderRuntime } from "../host/runtime.ts";
import { replayRun, viewRun } from "./run-reader.ts";
import { tracedRun } from "./run-trace.ts";

/** Reads all events that the log has of a run. Rejects with 404 when it has no such run, or no longer has it. */
interface RunReview extends Compared {
  readonly history: RunHistory;
}

async function review(runtime: ReaderRuntime, tenant: string, run: string): Promise<RunReview> {
  const history = new RunHistory();
  const timeline = new RunTimeline();
  await replayRun(runtime, { tenant, run }, undefined, observeAll(history, timeline));
  return { history, timeline, events: history.events };
}

/** Explains the state of a run. Rejects with 404 when there is no such run. */
export async function explainRun(runtime: ReaderRuntime, tenant: string, run: string): Promise<Explanation> {
  const { history, timeline } = await review(runtime, tenant, run);
  return explain(history.steps, timeline, runtime.clock.now());
}

/** Compares two runs of one tenant, task by task. Rejects with 404 when there is no such run. */
export async function diffRuns(
  runtime: ReaderRuntime,
  tenant: string,
  [left, right]: readonly [string, string],
): Promise<RunDifference> {
  const [one, other] = await Promise.all([review(runtime, tenant, left), review(runtime, tenant, right)]);
  return compareRuns(one, other, runtime.clock.now());
}

/**
 * The trace of a run: its own once it has ended; of one that goes on, a snapshot is written, a trace apart that ends now.
 * Rejects with 404 when there is no such run, with 409 when a snapshot is asked of a process that exports nothing, or the run
 * is not sampled.
 */
export async function traceRun(runtime: ReaderRuntime, tenant: string, run: string): Promise<RunTraceAnswer> {
  const { timeline, events } = await review(runtime, tenant, run);
  const { end, submitted } = timeline.run!;
  if (end) return { run, trace: traceOf(run, submitted.trace).traceId, isSnapshot: false };
  const snapshot = { sequence: events.at(-1)!.sequence, now: runtime.clock.now() };
  const traced = tracedRun(timeline, timeline.rounds.length, { subjects: runtime.topology.subjects, snapshot });
  const trace = await recordRun(traced);
  if (trace === undefined)
    throw new TuttiError(409, `run ${run} goes on, and the orchestrator that was asked exports no spans of it`, {
      run,
      expected: "OTEL_EXPORTER_OTLP_ENDPOINT set for the orchestrators, and a sampler that takes the run",
    });
  await currentTracing()?.flush();
  return { run, trace, isSnapshot: true };
}

async function readHistory(runtime: ReaderRuntime, tenant: string, run: string): Promise<RunHistory> {
  const history = new RunHistory();
  await replayRun(runtime, { tenant, run }, undefined, history);
  return history;
}

/** Lists the changes that each event of a run's log made. Rejects with 404 when there is no such run. */
export const readSteps = async (runtime: ReaderRuntime, tenant: string, run: string): Promise<RunStep[]> => [
  ...(await readHistory(runtime, tenant, run)).steps,
];

/** A moment of a run: after the last event with a sequence up to this one, or up to this time (ms). */
export interface Moment {
  readonly sequence?: number | undefined;
  readonly timeMs?: number | undefined;
}

/** The state of a run at a moment. Rejects with 404 when there is no such run, and 400 for a moment before it began. */
export async function readMoment(
  runtime: ReaderRuntime,
  tenant: string,
  run: string,
  moment: Moment,
): Promise<RunMoment> {
  const history = await readHistory(runtime, tenant, run);
  const step = history.stepAt(moment);
  if (!step) {
    const { sequence, at } = history.steps[0]!;
    throw new TuttiError(400, `run ${run} began with event ${sequence}, at ${at}: nothing of it is known before`, {
      run,
      expected: `an event from ${sequence} on, or a time from ${at} on`,
    });
  }
  const state = history.stateAt(step.sequence);
  return { step, view: await viewRun(runtime, { state, ended: state.end }) };
}

/** The moment that a request names. Throws a {@link TuttiError} (400) for an invalid time. */
export function readMomentOptions({ at, until }: { readonly at?: unknown; readonly until?: unknown }): Moment {
  if (at !== undefined && !(Number.isSafeInteger(at) && (at as number) >= 1))
    throw new TuttiError(400, `at: expected the sequence of an event of the log, received ${show(at)}`);
  const timeMs = until === undefined ? undefined : new Date(until as string | number).getTime();
  if (Number.isNaN(timeMs))
    throw new TuttiError(
      400,
      `until: expected a time by ISO 8601, or milliseconds since the epoch, received ${show(until)}`,
    );
  return { sequence: at as number | undefined, timeMs };
}
