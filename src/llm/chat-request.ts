import type { ChatCompletionCreateParamsBase } from "openai/resources/chat/completions";
import type { ModelMessage } from "../core/model.ts";

/** One question to a model, before it is fitted to what the endpoint accepts. */
export interface ChatRequest {
  readonly model: string;
  readonly messages: readonly ModelMessage[];
  readonly temperature?: number;
  readonly maxTokens?: number;
  readonly responseFormat?: NonNullable<ChatCompletionCreateParamsBase["response_format"]>;
  readonly wantsJson?: boolean;
  readonly stream?: boolean;
}
