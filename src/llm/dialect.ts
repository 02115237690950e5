import type OpenAI from "openai";
import type { Answer } from "./answer.ts";
import type { ChatRequest } from "./chat-request.ts";

/** Request options of the SDK. */
export interface SendOptions {
  readonly signal: AbortSignal;
  readonly timeout: number;
  /** Besides those of the endpoint. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** One of OpenAI's interfaces: how a question is written in it, and how an answer is read. */
export interface Dialect<Body extends { model: string } = never> {
  /** Parameters that a request can do without, or under another name. */
  readonly optional: readonly string[];
  /** The request's body, without the parameters that the model has refused. */
  write(request: ChatRequest, refused: ReadonlySet<string>): Body;
  /** Throws an `UnusableAnswer` for what is no answer of this interface. */
  complete(client: OpenAI, body: Body, options: SendOptions): Promise<Sent<Answer>>;
  /** Resolves when the endpoint has begun to answer. */
  stream(client: OpenAI, body: Body, options: SendOptions): Promise<Sent<AnswerStream>>;
}

/** What came, and the headers it came with. */
export interface Sent<T> {
  readonly value: T;
  readonly headers: Headers;
}

/** An answer that arrives in pieces. */
export interface AnswerStream {
  /** Reads the pieces of text, and notes into `answer` what else they say. */
  read(answer: Answer): AsyncGenerator<string, void, void>;
  abort(): void;
}
