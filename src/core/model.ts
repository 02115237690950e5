import type { z } from "zod";

/** One turn of a conversation. */
export interface ModelMessage {
  readonly role: "system" | "user" | "assistant";
  readonly content: string;
}

export interface ModelOptions {
  /** Default: the configured model. */
  readonly model?: string;
  readonly system?: string;
  readonly temperature?: number;
  readonly maxTokens?: number;
  /** The time that the whole call may take, retries included. Default 60 s. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

/** What handlers see of a language model. Calls reject with an error whose message says which endpoint and what happened. */
export interface Model {
  /** False when no endpoint is configured: then every call rejects with a TerminalError that names the variable to set. */
  readonly configured: boolean;
  text(prompt: string | readonly ModelMessage[], options?: ModelOptions): Promise<string>;
  /** Asks for JSON by the schema and validates it; one repair round is made with the errors. */
  object<S extends z.ZodType>(
    schema: S,
    prompt: string | readonly ModelMessage[],
    options?: ModelOptions & { name?: string },
  ): Promise<z.output<S>>;
  /** Pieces of text as they come. */
  stream(prompt: string | readonly ModelMessage[], options?: ModelOptions): AsyncIterable<string>;
}

/** Token counts of the calls that one attempt made, as they go into its result. */
export interface Usage {
  readonly calls: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
}

/** Makes the model of one attempt, so that its usage can be counted and its calls aborted with it. */
export interface ModelProvider {
  readonly configured: boolean;
  forAttempt(context: { signal: AbortSignal; onUsage: (usage: Usage) => void }): Model;
}
