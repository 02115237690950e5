import type {
  EasyInputMessage,
  Response,
  ResponseCreateParamsBase,
  ResponseStreamEvent,
} from "openai/resources/responses/responses";
import type { ModelMessage } from "../core/model.ts";
import { show } from "../core/problem.ts";
import type { Answer } from "./answer.ts";
import { noteCount } from "./chat-dialect.ts";
import type { AnswerFormat } from "./chat-request.ts";
import type { Dialect } from "./dialect.ts";
import { UnusableAnswer } from "./failure.ts";

type Body = { model: string } & Partial<Omit<ResponseCreateParamsBase, "model">>;

/** OpenAI's responses interface. Nothing is stored there: each call brings its whole conversation. */
export const responsesDialect: Dialect<Body> = {
  optional: ["temperature", "max_output_tokens"],
  write({ model, messages, temperature, maxTokens, format }, refused) {
    return {
      model,
      input: messages.map(writeMessage),
      store: false,
      ...(temperature !== undefined && !refused.has("temperature") && { temperature }),
      ...(maxTokens !== undefined && !refused.has("max_output_tokens") && { max_output_tokens: maxTokens }),
      ...(format && { text: { format: writeFormat(format) } }),
    };
  },
  async complete(client, body, options) {
    const { data, response } = await client.responses.create({ ...body, stream: false }, options).withResponse();
    const answer: Answer = { text: "" };
    readResponse(answer, data);
    return { value: answer, headers: response.headers };
  },
  async stream(client, body, options) {
    const { data, response } = await client.responses.create({ ...body, stream: true }, options).withResponse();
    const events = data[Symbol.asyncIterator]();
    const first = await events.next();
    if (first.done) throw new UnusableAnswer("expected a stream of events, received none");
    return {
      value: {
        async *read(answer) {
          for (let next: IteratorResult<ResponseStreamEvent> = first; !next.done; next = await events.next()) {
            const text = readEvent(answer, next.value);
            if (text) yield text;
          }
        },
        abort: () => data.controller.abort(),
      },
      headers: response.headers,
    };
  },
};

const writeMessage = ({ role, content }: ModelMessage): EasyInputMessage => {
  if (typeof content === "string") return { role, content };
  const parts = content.map((part) =>
    part.type === "text"
      ? ({ type: "input_text", text: part.text } as const)
      : ({ type: "input_image", image_url: part.url, detail: "auto" } as const),
  );
  return { role, content: parts };
};

const writeFormat = (format: AnswerFormat) =>
  format.kind === "json"
    ? ({ type: "json_object" } as const)
    : ({
        type: "json_schema",
        name: format.name,
        strict: true,
        schema: format.schema as Record<string, unknown>,
      } as const);

/** Returns the text that an event of a stream brought. */
function readEvent(answer: Answer, event: ResponseStreamEvent): string {
  switch (event.type) {
    case "response.output_text.delta":
      answer.text += event.delta;
      return event.delta;
    case "response.completed":
    case "response.incomplete":
    case "response.failed": {
      const { text } = answer;
      readResponse(answer, event.response);
      // What was streamed is what the reader has.
      answer.text = text || answer.text;
      return text ? "" : answer.text;
    }
    case "error":
      throw new UnusableAnswer(`the stream broke off with the error: ${event.message}`);
    default:
      return "";
  }
}

/** Reasoning stands in items of its own, which are left out. */
function readResponse(answer: Answer, response: Response | undefined): void {
  if (!response || !Array.isArray(response.output))
    throw new UnusableAnswer(`expected a response with output, received ${show(response)}`);
  if (response.status === "failed")
    throw new UnusableAnswer(`the response failed: ${response.error?.message ?? "no reason is given"}`);
  answer.text = "";
  answer.isSilent = !response.output.some(({ type }) => type === "message");
  for (const item of response.output)
    if (item.type === "message")
      for (const part of item.content) {
        if (part.type === "output_text") answer.text += part.text;
        else if (part.type === "refusal") answer.refusal = part.refusal;
      }
  if (response.id) answer.id = response.id;
  if (response.model) answer.model = response.model;
  answer.finishReason = finishReasonOf(response);
  const { usage } = response;
  if (!usage) return;
  noteCount(answer, "inputTokens", usage.input_tokens);
  noteCount(answer, "outputTokens", usage.output_tokens);
  noteCount(answer, "cachedTokens", usage.input_tokens_details?.cached_tokens);
  noteCount(answer, "reasoningTokens", usage.output_tokens_details?.reasoning_tokens);
}

/** In the words of chat completions. */
function finishReasonOf({ status, incomplete_details }: Response): string {
  if (status !== "incomplete") return "stop";
  return incomplete_details?.reason === "content_filter" ? "content_filter" : "length";
}
