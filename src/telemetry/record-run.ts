import { setImmediate as nextTurn } from "node:timers/promises";
import type { Attributes, Link } from "@opentelemetry/api";
import { TraceFlags } from "@opentelemetry/api";
import { ATTRIBUTES, GEN_AI_OPERATIONS } from "../core/span-attributes.ts";
import { setError } from "./span-error.ts";
import { toHrTime } from "./span-time.ts";
import { type RunScope, recordTask, usageAttributes } from "./task-spans.ts";
import { roundSpanId, traceOf } from "./trace-context.ts";
import type { TracedRun } from "./traced-run.ts";
import { contextBelow, currentTracing, startRunSpan, type Tracing } from "./tracing.ts";

/** Tasks whose spans are made in one turn of the event loop: some four milliseconds. */
const SLICE = 128;

/**
 * Writes the spans of a round of a run, of all its tasks, what they waited for, and their attempts, at once: the log has
 * all the times, so the tree is whole, whichever orchestrators owned the run and whichever workers executed it. All ids are
 * derived, so whoever writes it again writes the same. Resolves with the trace's id when all spans are handed to the
 * exporter. It keeps to the exporter's pace, so that a large run loses none, and lets the event loop turn in between. Does
 * nothing when nothing is exported, or when the run is not sampled.
 */
export async function recordRun(run: TracedRun): Promise<string | undefined> {
  const tracing = currentTracing();
  if (!tracing) return undefined;
  const scope = scopeOf(run);
  const root = startRoot(tracing, run, scope);
  if (!root.isRecording()) return undefined;
  if (run.status === "failed" && run.error) setError(root, String(run.error.code), run.error.message);
  root.end(toHrTime(Math.max(run.from, run.to)));

  let inSlice = 0;
  for (const task of run.tasks) {
    recordTask(tracing, scope, task);
    const room = tracing.room();
    if (room) await room;
    else if (++inSlice % SLICE === 0) await nextTurn();
  }
  return scope.traceId;
}

/** A snapshot is a trace of its own: the spans of the run's own trace come when it has ended. */
function scopeOf({ run, tenant, trace, round, snapshotAt }: TracedRun): RunScope {
  const common = { [ATTRIBUTES.run]: run, [ATTRIBUTES.tenant]: tenant };
  if (snapshotAt === undefined) return { ids: run, traceId: traceOf(run, trace).traceId, round, common };
  const ids = `${run} snapshot ${snapshotAt}`;
  return { ids, traceId: traceOf(ids).traceId, round, common };
}

function startRoot(tracing: Tracing, run: TracedRun, { ids, traceId, round, common }: RunScope) {
  const { type, status, usage, snapshotAt } = run;
  const own = traceOf(run.run, run.trace);
  const attributes: Attributes = {
    ...common,
    [ATTRIBUTES.type]: type,
    [ATTRIBUTES.status]: status ?? "running",
    ...(round > 1 && { [ATTRIBUTES.round]: round }),
    [ATTRIBUTES.genAiOperationName]: GEN_AI_OPERATIONS.run,
    [ATTRIBUTES.genAiAgentName]: type,
    ...usageAttributes(usage),
  };
  const startTime = toHrTime(run.from);
  const name = `${GEN_AI_OPERATIONS.run} ${type}`;
  const first: Link = { context: { ...own, spanId: own.runSpanId, traceFlags: TraceFlags.SAMPLED } };
  if (snapshotAt !== undefined) {
    const snapshot = { traceId, runSpanId: roundSpanId(ids, 1), sampled: true };
    return startRunSpan(tracing, snapshot, `snapshot of ${name}`, { startTime, attributes, links: [first] });
  }
  if (round === 1) return startRunSpan(tracing, own, name, { startTime, attributes });
  // Below the run's own span, so that the trace has one root; that one had ended when the run was redriven.
  const above = contextBelow({ traceId, spanId: own.runSpanId, sampled: true, isRemote: false });
  const spanId = roundSpanId(ids, round);
  return tracing.startSpan(`redrive ${type}`, { startTime, attributes, links: [first] }, above, { spanId });
}
