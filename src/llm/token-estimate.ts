import type { ModelMessage } from "../core/model.ts";

/** A longer text is estimated by its beginning: counting takes about a millisecond for 20,000 characters. */
const MOST_COUNTED = 20_000;
/** What a message adds to its text (https://cookbook.openai.com/examples/how_to_count_tokens_with_tiktoken). */
const PER_MESSAGE = 4;
/** What an image takes, roughly: https://platform.openai.com/docs/guides/images-vision#calculating-costs. */
const PER_IMAGE = 1000;

type Count = (text: string) => number;
let counting: Promise<Count> | undefined;

/** The tokenizer's tables are large: they are loaded for the first call that is limited by tokens. */
const loadCount = (): Promise<Count> => {
  counting ??= import("gpt-tokenizer/encoding/o200k_base").then(
    ({ countTokens }) =>
      (text) =>
        countTokens(text),
  );
  return counting;
};

/** The tokens that a conversation takes, as OpenAI's present models count them; for other models a fair guess. */
export async function estimateTokens(messages: readonly ModelMessage[]): Promise<number> {
  const count = await loadCount();
  const ofText = (text: string) =>
    text.length <= MOST_COUNTED
      ? count(text)
      : Math.ceil((count(text.slice(0, MOST_COUNTED)) * text.length) / MOST_COUNTED);
  return messages.reduce((sum, { content }) => {
    const parts = typeof content === "string" ? [{ type: "text", text: content } as const] : content;
    return (
      sum + PER_MESSAGE + parts.reduce((of, part) => of + (part.type === "text" ? ofText(part.text) : PER_IMAGE), 0)
    );
  }, 0);
}
