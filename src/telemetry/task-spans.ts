import { type Attributes, type Context, type Link, type Span, SpanKind, TraceFlags } from "@opentelemetry/api";
import { parentOf } from "../core/names.ts";
import { ATTRIBUTES, GEN_AI_OPERATIONS } from "../core/span-attributes.ts";
import { setError } from "./span-error.ts";
import { toHrTime } from "./span-time.ts";
import { attemptSpanId, roundSpanId, taskSpanId, waitSpanId } from "./trace-context.ts";
import type { TracedAttempt, TracedError, TracedTask, Usage } from "./traced-run.ts";
import { contextBelow, type Tracing } from "./tracing.ts";

/** What the spans of one round of a run have in common. */
export interface RunScope {
  /** From which the ids are derived: the run's id, or what a snapshot of it is called. */
  readonly ids: string;
  readonly traceId: string;
  readonly round: number;
  readonly common: Attributes;
}

/** Links that a span may have: the SDK's own limit. */
const MOST_LINKS = 128;

/** Writes the spans of one task: its own, and below it what it waited for, and its attempts. */
export function recordTask(tracing: Tracing, scope: RunScope, task: TracedTask): void {
  const { ids, traceId, round, common } = scope;
  const place = { ...common, [ATTRIBUTES.task]: task.task, [ATTRIBUTES.type]: task.type };
  const below = (spanId: string): Context => contextBelow({ traceId, spanId, sampled: true, isRemote: false });
  const parent = parentOf(task.task);
  const above =
    parent === undefined || task.parentRound === undefined
      ? roundSpanId(ids, round)
      : taskSpanId(ids, parent, task.parentRound);
  const options = {
    startTime: toHrTime(task.from),
    links: task.needs.slice(0, MOST_LINKS).map((need) => linkTo(traceId, taskSpanId(ids, need.task, need.round))),
    attributes: {
      ...place,
      [ATTRIBUTES.state]: task.state,
      // One that never began has none.
      ...(task.attempts.length > 0 && { [ATTRIBUTES.attempt]: task.attempts.at(-1)!.attempt }),
      ...(task.policy !== undefined && { [ATTRIBUTES.policy]: JSON.stringify(task.policy) }),
      ...usageAttributes(task.usage),
    },
  };
  const spanId = taskSpanId(ids, task.task, round);
  const span = tracing.startSpan(`task ${task.type}`, options, below(above), { spanId });
  for (const { name, at, attributes } of task.phases) span.addEvent(`tutti.task.${name}`, attributes, toHrTime(at));
  if (task.state === "failed") showError(span, task.error ?? { kind: "terminal", message: "the deadline has come" });
  end(span, task);

  for (const [index, wait] of task.waits.entries()) {
    const waited = { startTime: toHrTime(wait.from), attributes: { ...place, [ATTRIBUTES.wait]: wait.what } };
    const id = waitSpanId(ids, task.task, round, index);
    end(tracing.startSpan(`wait ${wait.what}`, waited, below(spanId), { spanId: id }), wait);
  }
  for (const attempt of task.attempts) recordAttempt(tracing, scope, task, attempt, place, below(spanId));
}

function recordAttempt(
  tracing: Tracing,
  { ids, traceId }: RunScope,
  { task, type }: TracedTask,
  attempt: TracedAttempt,
  place: Attributes,
  above: Context,
): void {
  const { planned, worker, error, endedOn } = attempt;
  const operation = planned === undefined ? GEN_AI_OPERATIONS.execute : GEN_AI_OPERATIONS.plan;
  const before = attempt.attempt - 1;
  const options = {
    kind: SpanKind.CONSUMER,
    startTime: toHrTime(attempt.from),
    links: before > 0 ? [linkTo(traceId, attemptSpanId(ids, task, before))] : [],
    attributes: {
      ...place,
      [ATTRIBUTES.attempt]: attempt.attempt,
      [ATTRIBUTES.outcome]: endedOn ?? "open",
      ...(worker !== undefined && { [ATTRIBUTES.worker]: worker, [ATTRIBUTES.messagingClientId]: worker }),
      [ATTRIBUTES.messagingSystem]: "nats",
      [ATTRIBUTES.messagingOperationName]: "process",
      [ATTRIBUTES.messagingOperationType]: "process",
      [ATTRIBUTES.messagingDestinationName]: attempt.subject,
      [ATTRIBUTES.genAiOperationName]: operation,
      ...(planned === undefined
        ? { [ATTRIBUTES.genAiToolName]: type }
        : { [ATTRIBUTES.genAiAgentName]: type, [ATTRIBUTES.planTasks]: planned }),
      ...usageAttributes(attempt.usage),
    },
  };
  const name = planned === undefined ? `process ${type}` : `${GEN_AI_OPERATIONS.plan} ${type}`;
  const span = tracing.startSpan(name, options, above, { spanId: attemptSpanId(ids, task, attempt.attempt) });
  for (const event of attempt.events) span.addEvent(event.name, event.attributes, toHrTime(event.at));
  // What was stopped on request has not failed.
  if (error && error.kind !== "cancelled") showError(span, error);
  end(span, attempt);
}

/** `error.type` is the class of the error, where it has one: that is what one searches for. */
function showError(span: Span, error: TracedError): void {
  span.setAttribute(ATTRIBUTES.errorKind, error.kind);
  setError(span, error.name ?? error.errorCode ?? error.kind, error.message, error);
}

const end = (span: Span, { from, to }: { readonly from: number; readonly to: number }): void =>
  span.end(toHrTime(Math.max(from, to)));

const linkTo = (traceId: string, spanId: string): Link => ({
  context: { traceId, spanId, traceFlags: TraceFlags.SAMPLED },
});

/** The names that OpenTelemetry has for what attempts report. */
const USAGE: Readonly<Record<string, string>> = {
  inputTokens: ATTRIBUTES.genAiInputTokens,
  outputTokens: ATTRIBUTES.genAiOutputTokens,
  cachedTokens: ATTRIBUTES.genAiCachedTokens,
  reasoningTokens: ATTRIBUTES.genAiReasoningTokens,
};

/** The sums of a subtree: what has no name of OpenTelemetry's is under `tutti.usage`. */
export const usageAttributes = (usage: Usage): Attributes =>
  Object.fromEntries(Object.entries(usage).map(([name, sum]) => [USAGE[name] ?? `tutti.usage.${name}`, sum]));
