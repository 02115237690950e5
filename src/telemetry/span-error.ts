import { type Span, SpanStatusCode } from "@opentelemetry/api";
import { ATTRIBUTES } from "../core/span-attributes.ts";
import { describeCause, type ErrorDetails } from "../core/thrown.ts";

/** Messages may quote whole inputs; a trace must not hold those. */
const LONGEST_MESSAGE = 1024;

/**
 * Marks a span as failed. `type` is a low-cardinality word: an error's kind, code or class. What is known of the error
 * beside its message becomes an `exception` event, with its causes below its stack.
 */
export function setError(span: Span, type: string, message: string, details: ErrorDetails = {}): void {
  const short = message.slice(0, LONGEST_MESSAGE);
  span.setAttribute(ATTRIBUTES.errorType, type);
  span.setStatus({ code: SpanStatusCode.ERROR, message: short });
  const { name, errorCode, stack, causes = [] } = details;
  if (name === undefined && errorCode === undefined && stack === undefined && causes.length === 0) return;
  const below = causes.map((cause) => `Caused by: ${cause.stack ?? describeCause(cause)}`);
  span.addEvent("exception", {
    [ATTRIBUTES.exceptionType]: name ?? errorCode ?? type,
    [ATTRIBUTES.exceptionMessage]: short,
    [ATTRIBUTES.exceptionStacktrace]: [stack ?? "", ...below].filter(Boolean).join("\n"),
  });
}
