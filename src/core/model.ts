import type { z } from "zod";
import type { Json } from "./json.ts";
import type { Problem } from "./problem.ts";
import type { JsonSchema } from "./registration.ts";
import type { Usage } from "./usage.ts";

/** A part of a message: text, or an image by its URL (`https:`, or `data:` with the image itself). */
export type MessagePart =
  | { readonly type: "text"; readonly text: string }
  | { readonly type: "image"; readonly url: string };

/** One turn of a conversation. */
export interface ModelMessage {
  readonly role: "system" | "user" | "assistant";
  readonly content: string | readonly MessagePart[];
}

export interface ModelOptions {
  /**
   * An alias (`smart`), a model of an endpoint (`openai/gpt-5.6-terra`), or, where there is one endpoint, the model's own
   * name. Default: the configured model.
   */
  readonly model?: string;
  /** Calls of one key go to the same endpoint as long as it can be called: its cache of prompts is used then. */
  readonly key?: string;
  readonly system?: string;
  readonly temperature?: number;
  readonly maxTokens?: number;
  /**
   * Whether the answer to an equal question may be used again, where `cache` is configured. Default: at temperature 0. Streams
   * are never kept.
   */
  readonly cache?: boolean;
  /** The time that the whole call may take, retries included. Default 60 s. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

export interface TextOptions extends ModelOptions {
  /**
   * Takes an answer that was cut at its limit of tokens for what it is. Default: false; then the call rejects with a
   * `CutAnswerError`, which has the reason and the text that came before the cut.
   */
  readonly partial?: boolean;
}

export interface ObjectOptions<T> extends ModelOptions {
  /** The name of the answer, for the model. Default: `answer`. */
  readonly name?: string;
  /** A check beside the schema: what it finds is sent back to the model. Of several JSON documents in an answer the last that passes counts. */
  readonly check?: (value: T) => readonly Problem[] | Promise<readonly Problem[]>;
  /** How often an answer that does not match is sent back with what is wrong. Default 1. */
  readonly repairs?: number;
}

/** What handlers see of language models. Calls reject with an error whose message says which endpoint and what happened. */
export interface Model {
  /** False when no endpoint is configured: then every call rejects with a TerminalError that names the variable to set. */
  readonly configured: boolean;
  text(prompt: Prompt, options?: TextOptions): Promise<string>;
  /** Asks for JSON by a zod schema and validates it. Null stands for the absence of an optional field. */
  object<S extends z.ZodType>(schema: S, prompt: Prompt, options?: ObjectOptions<z.output<S>>): Promise<z.output<S>>;
  /** The same by a JSON Schema (draft 2020-12). */
  object(schema: JsonSchema, prompt: Prompt, options?: ObjectOptions<Json>): Promise<Json>;
  /** Pieces of text as they come. Rejects, after the last piece, when the answer was cut. */
  stream(prompt: Prompt, options?: TextOptions): AsyncIterable<string>;
}

export type Prompt = string | readonly ModelMessage[];

/** Makes the model of one attempt, so that its usage can be counted and its calls aborted with it. */
export interface ModelProvider {
  readonly configured: boolean;
  forAttempt(context: { signal: AbortSignal; onUsage: (usage: Usage) => void }): Model;
}
