import { type Attributes, type Context, type Span, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import type { Environment } from "../core/environment.ts";
import { messageOf } from "../core/error.ts";
import type { ModelMessage } from "../core/model.ts";
import type { Answer } from "./answer.ts";
import { ATTRIBUTE, CHAT } from "./attributes.ts";
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

  firstChunk(): void {
    this.#span.setAttribute(ATTRIBUTE.timeToFirstChunk, (performance.now() - this.#startedAt) / 1000);
  }

  /** Ends it with what is known of the answer; a stream that its reader left has no finish reason. */
  end(answer: Answer): void {
    const { id, model, finishReason, inputTokens, outputTokens } = answer;
    if (id) this.#span.setAttribute(ATTRIBUTE.responseId, id);
    if (model) this.#span.setAttribute(ATTRIBUTE.responseModel, model);
    if (finishReason) this.#span.setAttribute(ATTRIBUTE.finishReasons, [finishReason]);
    if (inputTokens !== undefined) this.#span.setAttribute(ATTRIBUTE.inputTokens, inputTokens);
    if (outputTokens !== undefined) this.#span.setAttribute(ATTRIBUTE.outputTokens, outputTokens);
    if (this.#capture) {
      const message = { ...withParts({ role: "assistant", content: answer.text }), finish_reason: finishReason ?? "" };
      this.#span.setAttribute(ATTRIBUTE.outputMessages, JSON.stringify([message]));
    }
    this.#span.end();
  }

  fail(failure: Failure): void {
    this.#span.setAttribute(ATTRIBUTE.errorType, failure.type);
    this.#span.setStatus({ code: SpanStatusCode.ERROR, message: messageOf(failure.error) });
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
