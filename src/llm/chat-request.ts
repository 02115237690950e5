import type { ModelMessage } from "../core/model.ts";
import type { JsonSchema } from "../core/registration.ts";

/** What the endpoint is to hold the answer to. */
export type AnswerFormat =
  | { readonly kind: "json" }
  /** By this schema, which must be one that strict modes can express. */
  | { readonly kind: "schema"; readonly name: string; readonly schema: JsonSchema };

/** One question to a model, before it is fitted to what the endpoint accepts. */
export interface ChatRequest {
  readonly model: string;
  readonly messages: readonly ModelMessage[];
  readonly temperature?: number;
  readonly maxTokens?: number;
  readonly format?: AnswerFormat;
  readonly wantsJson?: boolean;
  readonly stream?: boolean;
}
