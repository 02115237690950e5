import { type Span, SpanStatusCode } from "@opentelemetry/api";
import { ATTRIBUTES } from "./attributes.ts";

/** Messages may quote whole inputs; a trace is no place for those. */
const LONGEST_MESSAGE = 1024;

/** Marks a span as failed. `type` is a low-cardinality word: an error's kind, code or class. */
export function setError(span: Span, type: string, message: string): void {
  span.setAttribute(ATTRIBUTES.errorType, type);
  span.setStatus({ code: SpanStatusCode.ERROR, message: message.slice(0, LONGEST_MESSAGE) });
}
