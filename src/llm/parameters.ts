import type { ChatCompletionCreateParamsBase } from "openai/resources/chat/completions";
import type { ChatRequest } from "./chat-request.ts";
import type { Endpoint } from "./endpoint.ts";
import type { RequestRefused } from "./failure.ts";

type Parameters = Pick<ChatCompletionCreateParamsBase, "messages" | "model"> & Partial<ChatCompletionCreateParamsBase>;

/** Parameters that a request can do without, or under another name. */
const OPTIONAL = ["temperature", "stream_options", "max_completion_tokens", "max_tokens"] as const;
type Optional = (typeof OPTIONAL)[number];

/**
 * What each model of an endpoint has refused. Reasoning models take no temperature, old servers no `stream_options`,
 * and the limit of tokens has two names; no endpoint says so beforehand, so it is learnt from the refusal, once a process.
 */
export class ParameterMemory {
  readonly #endpoint: Endpoint;
  readonly #refused = new Map<string, Set<Optional>>();

  constructor(endpoint: Endpoint) {
    this.#endpoint = endpoint;
  }

  /** The request's body. */
  write(request: ChatRequest): Parameters {
    const { model, messages, temperature, maxTokens, responseFormat, stream } = request;
    const refused = this.#refused.get(model);
    const preferred = this.#endpoint.tokenLimitName;
    const other = preferred === "max_tokens" ? "max_completion_tokens" : "max_tokens";
    const limit = !refused?.has(preferred) ? preferred : !refused.has(other) ? other : undefined;
    return {
      model,
      messages: [...messages],
      ...(temperature !== undefined && !refused?.has("temperature") && { temperature }),
      ...(maxTokens !== undefined && limit && { [limit]: maxTokens }),
      ...(responseFormat && { response_format: responseFormat }),
      ...(stream && !refused?.has("stream_options") && { stream_options: { include_usage: true } }),
    };
  }

  /** Remembers which parameter of `sent` was refused. Undefined when the refusal is about none that can be left out. */
  learn(refusal: RequestRefused, sent: Parameters): Optional | undefined {
    if (refusal.status !== 400 && refusal.status !== 422) return undefined;
    const found = OPTIONAL.find((name) => name in sent && new RegExp(`\\b${name}\\b`).test(refusal.about));
    if (!found) return undefined;
    const refused = this.#refused.get(sent.model) ?? new Set();
    this.#refused.set(sent.model, refused.add(found));
    return found;
  }
}
