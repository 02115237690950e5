import { hash } from "node:crypto";

/**
 * W3C trace context, and ids that are functions of what they stand for. A run's trace and the spans of its tasks can
 * be named by every process that knows the run's id: an orchestrator that takes over goes on with the same trace, and a worker's
 * span hangs below a task span that is written only when the run has ended.
 *
 * The hashes are stable for ever: runs in flight, and traces that are kept, depend on them.
 */
export interface TraceParent {
  /** 32 lowercase hexadecimal digits, not all zero. */
  readonly traceId: string;
  /** 16 lowercase hexadecimal digits, not all zero. */
  readonly spanId: string;
  readonly sampled: boolean;
}

export interface RunTrace {
  readonly traceId: string;
  readonly runSpanId: string;
  /** The caller's span, when it sent one. */
  readonly parentSpanId?: string;
  /** As the caller decided; true when it did not. */
  readonly sampled: boolean;
}

const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
const ZEROS = /^0+$/;

/** Reads a `traceparent` header, of version 00 or a later one. Undefined for a malformed one: it is as if none was sent. */
export function parseTraceparent(text: string): TraceParent | undefined {
  const [, version, traceId, spanId, flags, more] = TRACEPARENT.exec(text.trim()) ?? [];
  if (!version || !traceId || !spanId || !flags || version === "ff") return undefined;
  if (version === "00" && more !== undefined) return undefined;
  if (ZEROS.test(traceId) || ZEROS.test(spanId)) return undefined;
  return { traceId, spanId, sampled: (Number.parseInt(flags, 16) & 1) === 1 };
}

export function formatTraceparent({ traceId, spanId, sampled }: TraceParent): string {
  return `00-${traceId}-${spanId}-${sampled ? "01" : "00"}`;
}

/** `digits` hexadecimal digits; a space separates, because no name holds one. All zeros would mean "no id". */
function idOf(text: string, digits: number): string {
  const id = hash("sha256", text, "hex").slice(0, digits);
  return ZEROS.test(id) ? `${"0".repeat(digits - 1)}1` : id;
}

/** The trace that a run belongs to: the caller's, or one of its own whose id is derived from the run's. */
export function traceOf(run: string, incoming?: string): RunTrace {
  const caller = incoming === undefined ? undefined : parseTraceparent(incoming);
  const runSpanId = roundSpanId(run, 1);
  if (!caller) return { traceId: idOf(`trace ${run}`, 32), runSpanId, sampled: true };
  return { traceId: caller.traceId, runSpanId, parentSpanId: caller.spanId, sampled: caller.sampled };
}

/** The run's span; of a later round than the first, that of the redrive which began it. */
export const roundSpanId = (run: string, round: number): string => idOf(`run ${run}${later(round)}`, 16);

export const taskSpanId = (run: string, task: string, round = 1): string =>
  idOf(`task ${run} ${task}${later(round)}`, 16);

/** Attempts are counted over all rounds. */
export const attemptSpanId = (run: string, task: string, attempt: number): string =>
  idOf(`attempt ${run} ${task} ${attempt}`, 16);

/** The wait of a task that is the `index`th in a round. */
export const waitSpanId = (run: string, task: string, round: number, index: number): string =>
  idOf(`wait ${run} ${task} ${round} ${index}`, 16);

const later = (round: number): string => (round > 1 ? ` round ${round}` : "");
