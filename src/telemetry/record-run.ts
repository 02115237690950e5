import { setImmediate as nextTurn } from "node:timers/promises";
import type { Attributes, HrTime } from "@opentelemetry/api";
import { parentOf } from "../core/names.ts";
import type { ErrorDetails } from "../core/thrown.ts";
import { ATTRIBUTES, GEN_AI_OPERATIONS } from "./attributes.ts";
import { setError } from "./span-error.ts";
import { taskSpanId, traceOf } from "./trace-context.ts";
import { contextBelow, currentTracing, startRunSpan } from "./tracing.ts";

/** A run that has ended, as its log has it. Times are milliseconds since the epoch. */
export interface FinishedRun {
  readonly run: string;
  readonly tenant: string;
  readonly type: string;
  /** The caller's `traceparent`. */
  readonly trace?: string;
  readonly submittedAt: number;
  readonly endedAt: number;
  readonly status: "succeeded" | "failed" | "cancelled";
  readonly error?: { readonly code: number; readonly message: string };
  /** Every task once. A task whose parent is missing here becomes an orphan in the trace. */
  readonly tasks: Iterable<FinishedTask>;
}

export interface FinishedTask {
  readonly task: string;
  readonly type: string;
  readonly startedAt: number;
  readonly endedAt: number;
  readonly state: string;
  readonly attempt: number;
  readonly error?: { readonly kind: string; readonly message: string } & ErrorDetails;
}

/** Spans made in one turn of the event loop: some two milliseconds. */
const SLICE = 256;

/**
 * Writes the spans of a run and of all its tasks, at once, when the run has ended: the log has all the times, so the
 * tree is whole, whichever orchestrators owned the run before. Resolves when all spans are handed to the exporter. It keeps to the
 * exporter's pace, so that a large run loses none, and lets the event loop turn in between. Does nothing when nothing
 * is exported, or when the run is not sampled.
 */
export async function recordRun(run: FinishedRun): Promise<void> {
  const tracing = currentTracing();
  if (!tracing) return;
  const own = traceOf(run.run, run.trace);
  const common = { [ATTRIBUTES.run]: run.run, [ATTRIBUTES.tenant]: run.tenant };
  const root = startRunSpan(tracing, own, `${GEN_AI_OPERATIONS.run} ${run.type}`, {
    startTime: toHrTime(run.submittedAt),
    attributes: {
      ...common,
      [ATTRIBUTES.type]: run.type,
      [ATTRIBUTES.status]: run.status,
      [ATTRIBUTES.genAiOperationName]: GEN_AI_OPERATIONS.run,
      [ATTRIBUTES.genAiWorkflowName]: run.type,
    },
  });
  if (!root.isRecording()) return;
  if (run.error && run.status === "failed") setError(root, String(run.error.code), run.error.message);
  root.end(laterOf(run.submittedAt, run.endedAt));

  let inSlice = 0;
  for (const task of run.tasks) {
    const above = parentOf(task.task);
    const spanId = above === undefined ? own.runSpanId : taskSpanId(run.run, above);
    const parent = contextBelow({ traceId: own.traceId, spanId, sampled: true, isRemote: false });
    const startTime = toHrTime(task.startedAt);
    const options = { startTime, attributes: { ...common, ...attributesOf(task) } };
    const span = tracing.startSpan(`task ${task.type}`, options, parent, { spanId: taskSpanId(run.run, task.task) });
    if (task.error && task.state !== "cancelled") setError(span, task.error.kind, task.error.message, task.error);
    span.end(laterOf(task.startedAt, task.endedAt));

    const room = tracing.room();
    if (room) await room;
    else if (++inSlice % SLICE === 0) await nextTurn();
  }
}

const attributesOf = (task: FinishedTask): Attributes => ({
  [ATTRIBUTES.task]: task.task,
  [ATTRIBUTES.type]: task.type,
  [ATTRIBUTES.state]: task.state,
  [ATTRIBUTES.attempt]: task.attempt,
});

/** Seconds and nanoseconds. A bare number could be taken for one on the process's own clock. */
const toHrTime = (ms: number): HrTime => [Math.trunc(ms / 1000), Math.round((ms % 1000) * 1e6)];

/** A span that ends before it starts is corrected by the SDK with a warning; clocks of two machines may well differ. */
const laterOf = (start: number, end: number): HrTime => toHrTime(Math.max(start, end));
