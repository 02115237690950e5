import type { ChatCompletion, ChatCompletionChunk } from "openai/resources/chat/completions";
import type { CompletionUsage } from "openai/resources/completions";
import { RetryableError, TerminalError } from "../core/error.ts";
import { show } from "../core/problem.ts";
import { UnusableAnswer } from "./failure.ts";

/** What is known of an answer: all of it, or what a stream has brought so far. */
export interface Answer {
  text: string;
  id?: string;
  /** The model that answered, as the endpoint calls it. */
  model?: string;
  /** `stop`, `length`, `content_filter`, … */
  finishReason?: string;
  inputTokens?: number;
  outputTokens?: number;
}

/**
 * Reads a whole answer. Trusts nothing: what compatible servers send differs, down to HTML with status 200. Throws
 * {@link UnusableAnswer}; a TerminalError where the model refuses; a RetryableError where it said nothing.
 */
export function readCompletion(completion: ChatCompletion | undefined): Answer {
  const choice = completion?.choices?.[0];
  if (!choice?.message) throw new UnusableAnswer(`expected choices with a message, received ${show(completion)}`);
  const { content, refusal } = choice.message;
  if (refusal) throw new TerminalError(`the model refused: ${refusal}`);
  if (typeof content !== "string") {
    if (choice.finish_reason === "content_filter")
      throw new TerminalError("the answer was withheld by the endpoint's content filter");
    throw new RetryableError(`the model answered without text (finish_reason ${choice.finish_reason ?? "missing"})`);
  }
  const answer: Answer = { text: content };
  note(answer, completion as ChatCompletion, choice.finish_reason);
  return answer;
}

/** Adds a chunk of a stream to the answer and returns the text it brought. */
export function readChunk(answer: Answer, chunk: ChatCompletionChunk): string {
  const choice = chunk.choices?.[0];
  note(answer, chunk, choice?.finish_reason);
  if (choice?.delta?.refusal) throw new TerminalError(`the model refused: ${choice.delta.refusal}`);
  const text = choice?.delta?.content ?? "";
  answer.text += text;
  return text;
}

function note(
  answer: Answer,
  source: ChatCompletion | ChatCompletionChunk,
  finishReason: string | null | undefined,
): void {
  if (source.id) answer.id = source.id;
  if (source.model) answer.model = source.model;
  if (finishReason) answer.finishReason = finishReason;
  const usage: Partial<CompletionUsage> | null | undefined = source.usage;
  if (typeof usage?.prompt_tokens === "number") answer.inputTokens = usage.prompt_tokens;
  if (typeof usage?.completion_tokens === "number") answer.outputTokens = usage.completion_tokens;
}
