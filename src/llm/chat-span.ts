import {
  type Attributes,
  type Context,
  isSpanContextValid,
  type Span,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  trace,
} from "@opentelemetry/api";
import type { Environment } from "../core/environment.ts";
import { messageOf } from "../core/error.ts";
import type { ModelMessage } from "../core/model.ts";
import { MODEL_ATTRIBUTES as ATTRIBUTE } from "../core/span-attributes.ts";
import type { Answer } from "./answer.ts";
import { CHAT } from "./attributes.ts";
import type { ChatRequest } from "./chat-request.ts";

import type { Endpoint } from "./endpoint.ts";
import type { Failure } from "./failure.ts";

const CAPTURE_VARIABLE = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT";
/** `true`, and the values of OpenTelemetry's Python instrumentations that mean spans. */
const CAPTURES = new Set(["true", "span_only", "span_and_event"]);

/** Whether prompts and answers are recorded. Off unless asked for: they may hold anything. */
export const capturesContent = (env: Environment): boolean =>
  CAPTURES.has(env[CAPTURE_VARIABLE]?.trim().toLowerCase() ?? "");

/** The span of one request to a model, from before it is sent to the end of the answer. */
export class ChatSpan {
  /** The context in which the request is made. */
  readonly context: Context;
  readonly #span: Span;
  readonly #capture: boolean;
  readonly #startedAt = performance.now();

  constructor(endpoint: Endpoint, request: ChatRequest, parent: Context, capture: boolean) {
    this.#capture = capture;
    this.#span = trace
      .getTracer("tutti")
      .startSpan(
        `${CHAT} ${request.model}`,
        { kind: SpanKind.CLIENT, attributes: requestAttributes(endpoint, request) },
        parent,
      );
    if (capture && this.#span.isRecording()) {
      const system = request.messages.filter((message) => message.role === "system");
      const others = request.messages.filter((message) => message.role !== "system");
      if (system.length > 0)
        this.#span.setAttribute(ATTRIBUTE.systemInstructions, JSON.stringify(system.flatMap(partsOf)));
      this.#span.setAttribute(ATTRIBUTE.inputMessages, JSON.stringify(others.map(withParts)));
    }
    this.context = trace.setSpan(parent, this.#span);
  }

  /** What the request carries, so that the endpoint's own spans go below this one: W3C trace context, where there is a trace. */
  get headers(): Readonly<Record<string, string>> {
    const at = this.#span.spanContext();
    if (!isSpanContextValid(at)) return {};
    const flags = at.traceFlags & TraceFlags.SAMPLED ? "01" : "00";
    return { traceparent: `00-${at.traceId}-${at.spanId}-${flags}` };
  }

  firstChunk(): void {
    this.#span.setAttribute(ATTRIBUTE.timeToFirstChunk, (performance.now() - this.#startedAt) / 1000);
  }

  /** Ends it with what is known of the answer; a stream that its reader left has no finish reason. */
  end(answer: Answer): void {
    const { id, model, finishReason, inputTokens, outputTokens, cachedTokens, reasoningTokens } = answer;
    if (id) this.#span.setAttribute(ATTRIBUTE.responseId, id);
    if (model) this.#span.setAttribute(ATTRIBUTE.responseModel, model);
    if (finishReason) this.#span.setAttribute(ATTRIBUTE.finishReasons, [finishReason]);
    if (inputTokens !== undefined) this.#span.setAttribute(ATTRIBUTE.inputTokens, inputTokens);
    if (outputTokens !== undefined) this.#span.setAttribute(ATTRIBUTE.outputTokens, outputTokens);
    if (cachedTokens !== undefined) this.#span.setAttribute(ATTRIBUTE.cachedTokens, cachedTokens);
    if (reasoningTokens !== undefined) this.#span.setAttribute(ATTRIBUTE.reasoningTokens, reasoningTokens);
    if (this.#capture) {
      const message = { ...withParts({ role: "assistant", content: answer.text }), finish_reason: finishReason ?? "" };
      this.#span.setAttribute(ATTRIBUTE.outputMessages, JSON.stringify([message]));
    }
    this.#span.end();
  }

  /** A call that its caller has given up has not failed, and neither has the attempt that it was for. */
  fail(failure: Failure): void {
    if (failure.type === "cancelled") this.#span.setAttribute(ATTRIBUTE.outcome, failure.type);
    else {
      this.#span.setAttribute(ATTRIBUTE.errorType, failure.type);
      this.#span.setStatus({ code: SpanStatusCode.ERROR, message: messageOf(failure.error) });
    }
    this.#span.end();
  }
}

function requestAttributes(endpoint: Endpoint, request: ChatRequest): Attributes {
  const { url } = endpoint;
  return {
    [ATTRIBUTE.operation]: CHAT,
    [ATTRIBUTE.provider]: endpoint.provider,
    [ATTRIBUTE.requestModel]: request.model,
    [ATTRIBUTE.serverAddress]: url.hostname,
    [ATTRIBUTE.serverPort]: Number(url.port) || (url.protocol === "https:" ? 443 : 80),
    ...(request.temperature !== undefined && { [ATTRIBUTE.requestTemperature]: request.temperature }),
    ...(request.maxTokens !== undefined && { [ATTRIBUTE.requestMaxTokens]: request.maxTokens }),
    ...(request.stream && { [ATTRIBUTE.requestStream]: true }),
    ...(request.wantsJson && { [ATTRIBUTE.outputType]: "json" }),
  };
}

const textPart = (content: string) => ({ type: "text", content });

/** Images by their kind alone: they may hold anything, and much of it. */
const partsOf = ({ content }: Pick<ModelMessage, "content">) =>
  typeof content === "string"
    ? [textPart(content)]
    : content.map((part) => (part.type === "text" ? textPart(part.text) : { type: part.type }));

const withParts = (message: ModelMessage) => ({ role: message.role, parts: partsOf(message) });
