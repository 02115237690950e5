import { context } from "@opentelemetry/api";
import type { z } from "zod";
import type { Clock } from "../core/clock.ts";
import type { Logger } from "../core/logger.ts";
import type { Model, ModelMessage, ModelOptions, ModelProvider, Usage } from "../core/model.ts";
import { type BreakerOptions, createBreaker } from "./breaker.ts";
import { CallScope } from "./call-scope.ts";
import { type Caller, Chat } from "./chat.ts";
import type { ChatRequest } from "./chat-request.ts";
import type { Endpoint } from "./endpoint.ts";
import { StructuredOutput } from "./structured.ts";

/** For the whole call, repairs included. */
export const DEFAULT_TIMEOUT_MS = 60_000;

interface EndpointOptions {
  /** Whether spans record prompts and answers. */
  readonly capture: boolean;
  readonly log: Logger;
  readonly fetch?: typeof fetch;
  readonly breaker?: BreakerOptions;
  readonly clock?: Clock;
}

/** The models of one endpoint, behind one breaker. */
export function createEndpointModels(
  endpoint: Endpoint,
  { breaker: breakerOptions, ...options }: EndpointOptions,
): Pick<ModelProvider, "forAttempt"> & { stop(): void } {
  const breaker = createBreaker(endpoint.name, breakerOptions, options);
  const chat = new Chat(endpoint, breaker, options);
  const structured = new StructuredOutput(endpoint);
  return {
    forAttempt: (attempt) => new EndpointModel(chat, structured, attempt),
    stop: () => breaker.stop(),
  };
}

type Prompt = string | readonly ModelMessage[];
type Attempt = { readonly signal: AbortSignal; readonly onUsage: (usage: Usage) => void };

/** The model of one attempt. */
class EndpointModel implements Model {
  readonly configured = true;
  readonly #chat: Chat;
  readonly #structured: StructuredOutput;
  readonly #attempt: Attempt;

  constructor(chat: Chat, structured: StructuredOutput, attempt: Attempt) {
    this.#chat = chat;
    this.#structured = structured;
    this.#attempt = attempt;
  }

  async text(prompt: Prompt, options: ModelOptions = {}): Promise<string> {
    const caller = this.#begin(options);
    try {
      return (await this.#chat.complete(this.#request(prompt, options), caller)).text;
    } finally {
      caller.scope.end();
    }
  }

  async object<S extends z.ZodType>(
    schema: S,
    prompt: Prompt,
    options: ModelOptions & { name?: string } = {},
  ): Promise<z.output<S>> {
    const caller = this.#begin(options);
    try {
      const { name = "answer" } = options;
      const complete = (request: ChatRequest) => this.#chat.complete(request, caller);
      return await this.#structured.ask(schema, name, this.#request(prompt, options), complete);
    } finally {
      caller.scope.end();
    }
  }

  stream(prompt: Prompt, options: ModelOptions = {}): AsyncIterable<string> {
    // The span belongs to whoever asked, not to whoever happens to read.
    return this.#stream(prompt, options, context.active());
  }

  async *#stream(prompt: Prompt, options: ModelOptions, parent: Caller["parent"]): AsyncGenerator<string, void, void> {
    const caller = this.#begin(options, parent);
    try {
      yield* this.#chat.stream(this.#request(prompt, options), caller);
    } finally {
      caller.scope.end();
    }
  }

  #begin({ timeoutMs = DEFAULT_TIMEOUT_MS, signal }: ModelOptions, parent = context.active()): Caller {
    const { signal: attempt, onUsage } = this.#attempt;
    return { scope: new CallScope(timeoutMs, [attempt, signal]), parent, onUsage };
  }

  #request(prompt: Prompt, { model, system, temperature, maxTokens }: ModelOptions): ChatRequest {
    const messages: readonly ModelMessage[] = typeof prompt === "string" ? [{ role: "user", content: prompt }] : prompt;
    return {
      model: model ?? this.#chat.endpoint.model,
      messages: system === undefined ? messages : [{ role: "system", content: system }, ...messages],
      ...(temperature !== undefined && { temperature }),
      ...(maxTokens !== undefined && { maxTokens }),
    };
  }
}
