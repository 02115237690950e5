import { context, ROOT_CONTEXT, type Span, SpanKind, type SpanOptions, TraceFlags, trace } from "@opentelemetry/api";
import { ATTRIBUTES, GEN_AI_OPERATIONS } from "../core/span-attributes.ts";
import { describeThrown, type ErrorDetails } from "../core/thrown.ts";
import { setError } from "./span-error.ts";
import { attemptSpanId, formatTraceparent, parseTraceparent, traceOf } from "./trace-context.ts";
import { contextBelow, currentTracing, type Tracing } from "./tracing.ts";

export { tracingEnabled } from "./tracing.ts";

/** One delivery of one attempt of a task, to a worker. */
export interface Attempt {
  /** The task message's header: the attempt's span, or that of who asked for the run. */
  readonly traceparent: string | undefined;
  readonly run: string;
  readonly tenant: string;
  readonly task: string;
  readonly type: string;
  readonly attempt: number;
  readonly deliveries: number;
  readonly worker: string;
  /** The subject of the task message. */
  readonly subject: string;
}

/** What an attempt came to, as far as its span shows it. */
export interface AttemptOutcome {
  readonly error?: { readonly kind: string; readonly message: string } & ErrorDetails;
  /** Children of the plan, when the attempt returned one. */
  readonly planned?: number;
}

/**
 * Runs `execute` with the attempt's span active, so that model calls and the handler's own spans nest below it. That span
 * is the owner's to write, from the log: a worker may be killed before it has exported one. Where the run's owner exports
 * nothing, so that the header names another span or none, the worker writes one itself. When nothing is exported here it is
 * `execute()` and no more. When the export queue is full it first waits for room, a second at most.
 */
export function inAttemptSpan<T>(
  attempt: Attempt,
  execute: () => Promise<T>,
  outcomeOf: (result: T) => AttemptOutcome,
): Promise<T> {
  const tracing = currentTracing();
  return tracing ? executeTraced(tracing, attempt, execute, outcomeOf) : execute();
}

async function executeTraced<T>(
  tracing: Tracing,
  attempt: Attempt,
  execute: () => Promise<T>,
  outcomeOf: (result: T) => AttemptOutcome,
): Promise<T> {
  const room = tracing.room();
  if (room) await room;
  const task = attempt.traceparent === undefined ? undefined : parseTraceparent(attempt.traceparent);
  const above = task ? contextBelow({ ...task, isRemote: true }) : ROOT_CONTEXT;
  if (task?.spanId === attemptSpanId(attempt.run, attempt.task, attempt.attempt)) return context.with(above, execute);
  // Without a span above it, it still joins the other attempts of its run.
  const ids = task ? undefined : { traceId: traceOf(attempt.run).traceId };
  const span = tracing.startSpan(`process ${attempt.type}`, optionsOf(attempt), above, ids);
  try {
    const result = await context.with(trace.setSpan(above, span), execute);
    showOutcome(span, attempt, outcomeOf(result));
    return result;
  } catch (error) {
    const { message, ...details } = describeThrown(error);
    setError(span, details.name ?? "_OTHER", message, details);
    throw error;
  } finally {
    span.end();
  }
}

const optionsOf = (attempt: Attempt): SpanOptions => ({
  kind: SpanKind.CONSUMER,
  attributes: {
    [ATTRIBUTES.run]: attempt.run,
    [ATTRIBUTES.tenant]: attempt.tenant,
    [ATTRIBUTES.task]: attempt.task,
    [ATTRIBUTES.type]: attempt.type,
    [ATTRIBUTES.attempt]: attempt.attempt,
    [ATTRIBUTES.deliveries]: attempt.deliveries,
    [ATTRIBUTES.worker]: attempt.worker,
    [ATTRIBUTES.messagingSystem]: "nats",
    [ATTRIBUTES.messagingOperationName]: "process",
    [ATTRIBUTES.messagingOperationType]: "process",
    [ATTRIBUTES.messagingDestinationName]: attempt.subject,
    [ATTRIBUTES.messagingClientId]: attempt.worker,
  },
});

function showOutcome(span: Span, attempt: Attempt, { error, planned }: AttemptOutcome): void {
  if (planned === undefined) {
    span.setAttribute(ATTRIBUTES.genAiOperationName, GEN_AI_OPERATIONS.execute);
    span.setAttribute(ATTRIBUTES.genAiToolName, attempt.type);
  } else {
    span.updateName(`${GEN_AI_OPERATIONS.plan} ${attempt.type}`);
    span.setAttribute(ATTRIBUTES.genAiOperationName, GEN_AI_OPERATIONS.plan);
    span.setAttribute(ATTRIBUTES.genAiAgentName, attempt.type);
    span.setAttribute(ATTRIBUTES.planTasks, planned);
  }
  // What was stopped on request has not failed.
  if (!error || error.kind === "cancelled") return;
  span.setAttribute(ATTRIBUTES.errorKind, error.kind);
  setError(span, error.name ?? error.errorCode ?? error.kind, error.message, error);
}

/** The `traceparent` of the active span, for a request that belongs to it. Undefined outside any span. */
export function injectTraceparent(): string | undefined {
  const active = trace.getSpanContext(context.active());
  if (!active || !trace.isSpanContextValid(active)) return undefined;
  return formatTraceparent({ ...active, sampled: (active.traceFlags & TraceFlags.SAMPLED) !== 0 });
}
