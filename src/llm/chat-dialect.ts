import type {
  ChatCompletion,
  ChatCompletionChunk,
  ChatCompletionCreateParamsBase,
  ChatCompletionMessageParam,
} from "openai/resources/chat/completions";
import type { CompletionUsage } from "openai/resources/completions";
import type { ModelMessage } from "../core/model.ts";
import { show } from "../core/problem.ts";
import type { Answer } from "./answer.ts";
import type { Dialect } from "./dialect.ts";
import type { Endpoint } from "./endpoint.ts";
import { UnusableAnswer } from "./failure.ts";
import { hasEnded } from "./stream-end.ts";

type Body = Pick<ChatCompletionCreateParamsBase, "messages" | "model"> & Partial<ChatCompletionCreateParamsBase>;

/** Chat completions, which nearly all services speak. */
export function createChatDialect({ tokenLimitName }: Pick<Endpoint, "tokenLimitName">): Dialect<Body> {
  const other = tokenLimitName === "max_tokens" ? "max_completion_tokens" : "max_tokens";
  return {
    optional: ["temperature", "stream_options", "max_completion_tokens", "max_tokens"],
    write({ model, messages, temperature, maxTokens, format, stream }, refused) {
      const limit = [tokenLimitName, other].find((name) => !refused.has(name));
      return {
        model,
        messages: messages.map(writeMessage),
        ...(temperature !== undefined && !refused.has("temperature") && { temperature }),
        ...(maxTokens !== undefined && limit && { [limit]: maxTokens }),
        ...(format && { response_format: writeFormat(format) }),
        ...(stream && !refused.has("stream_options") && { stream_options: { include_usage: true } }),
      };
    },
    async complete(client, body, options) {
      const { data, response } = await client.chat.completions
        .create({ ...body, stream: false }, options)
        .withResponse();
      return { value: readCompletion(data), headers: response.headers };
    },
    async stream(client, body, options) {
      const { data, response } = await client.chat.completions
        .create({ ...body, stream: true }, options)
        .withResponse();
      const chunks = data[Symbol.asyncIterator]();
      const first = await chunks.next();
      if (first.done) throw new UnusableAnswer("expected a stream of events, received none");
      return {
        value: {
          async *read(answer) {
            for (let next: IteratorResult<ChatCompletionChunk> = first; !next.done; next = await chunks.next()) {
              const text = readChunk(answer, next.value);
              if (text) yield text;
            }
            // Some servers end a stream with its marker and give no reason.
            if (!answer.finishReason && hasEnded(response)) answer.finishReason = "stop";
          },
          abort: () => data.controller.abort(),
        },
        headers: response.headers,
      };
    },
  };
}

const writeMessage = ({ role, content }: ModelMessage): ChatCompletionMessageParam => {
  if (typeof content === "string") return { role, content };
  const parts = content.map((part) =>
    part.type === "text" ? part : ({ type: "image_url", image_url: { url: part.url } } as const),
  );
  // Only a user's message may show an image; the endpoint says so where another one does.
  return { role, content: parts } as ChatCompletionMessageParam;
};

const writeFormat = (format: NonNullable<Parameters<Dialect<Body>["write"]>[0]["format"]>) =>
  format.kind === "json"
    ? ({ type: "json_object" } as const)
    : ({
        type: "json_schema",
        json_schema: { name: format.name, strict: true, schema: format.schema as Record<string, unknown> },
      } as const);

/** Reads a whole answer. Trusts nothing: what compatible servers send differs, down to HTML with status 200. */
function readCompletion(completion: ChatCompletion | undefined): Answer {
  const choice = completion?.choices?.[0];
  if (!choice?.message) throw new UnusableAnswer(`expected choices with a message, received ${show(completion)}`);
  const { content, refusal } = choice.message;
  const answer: Answer = typeof content === "string" ? { text: content } : { text: "", isSilent: true };
  if (refusal) answer.refusal = refusal;
  note(answer, completion as ChatCompletion, choice.finish_reason);
  return answer;
}

/** Adds a chunk of a stream to the answer and returns the text it brought. */
function readChunk(answer: Answer, chunk: ChatCompletionChunk): string {
  const choice = chunk.choices?.[0];
  note(answer, chunk, choice?.finish_reason);
  if (choice?.delta?.refusal) answer.refusal = (answer.refusal ?? "") + choice.delta.refusal;
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
  if (!usage) return;
  noteCount(answer, "inputTokens", usage.prompt_tokens);
  noteCount(answer, "outputTokens", usage.completion_tokens);
  noteCount(answer, "cachedTokens", usage.prompt_tokens_details?.cached_tokens);
  noteCount(answer, "reasoningTokens", usage.completion_tokens_details?.reasoning_tokens);
}

/** Notes a count where it is one. */
export function noteCount(
  answer: Answer,
  name: "inputTokens" | "outputTokens" | "cachedTokens" | "reasoningTokens",
  value: unknown,
): void {
  if (typeof value === "number" && Number.isFinite(value) && value >= 0) answer[name] = value;
}
