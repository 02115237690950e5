import { RetryableError, TerminalError } from "../core/error.ts";

/** What is known of an answer: all of it, or what a stream has brought so far. */
export interface Answer {
  text: string;
  /** There is no text at all, which is not the same as an empty one. */
  isSilent?: boolean;
  id?: string;
  /** The model that answered, as the endpoint calls it. */
  model?: string;
  /** `stop`, `length`, `content_filter`, … */
  finishReason?: string;
  /** Why the model refuses, in its words. */
  refusal?: string;
  inputTokens?: number;
  outputTokens?: number;
  cachedTokens?: number;
  reasoningTokens?: number;
}

/**
 * The answer was cut, at the limit of tokens or by the endpoint's filter: what there is of it is no answer. Final, since
 * the same call would be cut again.
 */
export class CutAnswerError extends TerminalError {
  override readonly name = "CutAnswerError";
  /** What came before the cut. */
  readonly text: string;
  readonly reason: "length" | "content_filter";

  constructor(message: string, text: string, reason: CutAnswerError["reason"]) {
    super(message);
    this.text = text;
    this.reason = reason;
  }
}

/**
 * Throws where the model gave no answer: a TerminalError where it refuses or the endpoint's filter withheld the text, a
 * {@link CutAnswerError} where the answer is cut and `isPartialWelcome` is false, a RetryableError where it said nothing.
 */
export function checkAnswer(answer: Answer, who: string, isPartialWelcome: boolean): void {
  const { text, refusal, finishReason } = answer;
  if (refusal) throw new TerminalError(`${who}: the model refused: ${refusal}`);
  const cut = cutOf(answer);
  if (cut === "content_filter" && !text)
    throw new TerminalError(`${who}: the answer was withheld by the endpoint's content filter`);
  if (cut && !isPartialWelcome) {
    const why = cut === "length" ? "at its limit of tokens" : "by the endpoint's content filter";
    throw new CutAnswerError(`${who}: the answer was cut off ${why} after ${text.length} characters`, text, cut);
  }
  if (answer.isSilent)
    throw new RetryableError(`${who}: the model answered without text (finish_reason ${finishReason ?? "missing"})`);
}

/** Why an answer is not whole, or undefined where it is. */
export const cutOf = ({ finishReason }: Answer): CutAnswerError["reason"] | undefined =>
  finishReason === "length" || finishReason === "content_filter" ? finishReason : undefined;
