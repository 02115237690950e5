import { type Context, ROOT_CONTEXT, type Span, type SpanOptions, TraceFlags, trace } from "@opentelemetry/api";
import { attemptSpanId, formatTraceparent, type RunTrace, traceOf } from "./trace-context.ts";

/**
 * What the rest of telemetry asks of the SDK beyond the OpenTelemetry API. The set-up file provides it while spans
 * are exported; nothing else needs to know the SDK.
 */
export interface Tracing {
  /** Starts a span. `ids` are its own where they matter; `traceId` counts only for a span without a parent. */
  startSpan(name: string, options: SpanOptions, parent: Context, ids?: SpanIds): Span;
  /**
   * Undefined while the export queue has room. Else a promise that resolves when it has, or when the exporter is
   * stuck and waiting would not help (spans may be lost then). Never rejects.
   */
  room(): Promise<void> | undefined;
  /** Resolves when all spans that have ended so far were exported, or are lost. Never rejects. */
  exported(): Promise<void>;
  /** Exports what is queued, now. Never rejects. */
  flush(): Promise<void>;
}

export interface SpanIds {
  readonly traceId?: string;
  readonly spanId?: string;
}

let current: Tracing | undefined;

/** Called by the set-up file only. */
export function provideTracing(tracing: Tracing | undefined): void {
  current = tracing;
}

/** Undefined when nothing is exported. */
export const currentTracing = (): Tracing | undefined => current;

/** Whether spans of this process are exported. */
export const tracingEnabled = (): boolean => current !== undefined;

/** A context in which spans become children of the given one. */
export function contextBelow(parent: {
  traceId: string;
  spanId: string;
  sampled: boolean;
  isRemote: boolean;
}): Context {
  const { traceId, spanId, sampled, isRemote } = parent;
  const traceFlags = sampled ? TraceFlags.SAMPLED : TraceFlags.NONE;
  return trace.setSpan(ROOT_CONTEXT, trace.wrapSpanContext({ traceId, spanId, traceFlags, isRemote }));
}

/** Starts the span of a run, below the caller's if there is one. */
export function startRunSpan(tracing: Tracing, run: RunTrace, name: string, options: SpanOptions): Span {
  const { traceId, runSpanId, parentSpanId, sampled } = run;
  const parent = parentSpanId ? contextBelow({ traceId, spanId: parentSpanId, sampled, isRemote: true }) : ROOT_CONTEXT;
  return tracing.startSpan(name, options, parent, { traceId, spanId: runSpanId });
}

/**
 * Whether the spans of a run are recorded: what the sampler says of the run's span. The API has no other way to ask
 * it than to start one; a span that is never ended is never exported.
 */
export function isRunSampled(run: RunTrace): boolean {
  if (!current) return run.sampled;
  return (startRunSpan(current, run, "sampling", {}).spanContext().traceFlags & TraceFlags.SAMPLED) !== 0;
}

/**
 * The `traceparent` of an attempt's message: what a worker does becomes a child of the attempt's span, which the run's
 * owner writes. Its flag is this process's sampling decision for the run, so that a run is sampled as a whole or not at all.
 */
export function attemptTraceparent(run: string, task: string, attempt: number, incoming?: string): string {
  const trace = traceOf(run, incoming);
  const spanId = attemptSpanId(run, task, attempt);
  return formatTraceparent({ traceId: trace.traceId, spanId, sampled: isRunSampled(trace) });
}
