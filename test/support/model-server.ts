import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** What the server does with one request. Faults are the ones that real endpoints and the networks before them show. */
export type Reply =
  | {
      readonly kind: "answer";
      readonly text: string | null;
      readonly finishReason?: string;
      readonly refusal?: string;
      readonly headers?: Record<string, string>;
    }
  | {
      readonly kind: "stream";
      readonly pieces: readonly string[];
      readonly end?: StreamEnd;
    }
  | {
      readonly kind: "status";
      readonly status: number;
      readonly body?: unknown;
      readonly headers?: Record<string, string>;
    }
  /** Status 200 and a body as it is. */
  | { readonly kind: "raw"; readonly body: string; readonly type?: string }
  | { readonly kind: "hang" }
  | { readonly kind: "reset" };

/**
 * `done`: whole; `unreasoned`: with its marker, and no finish reason; `length`: at the limit of tokens; `cut`: the
 * connection is reset; `close`: it is closed before the answer is whole.
 */
type StreamEnd = "done" | "unreasoned" | "length" | "cut" | "close" | "hang" | "error";

export const answer = (text: string, finishReason = "stop"): Reply => ({ kind: "answer", text, finishReason });
export const answerJson = (value: unknown): Reply => answer(JSON.stringify(value));
export const stream = (pieces: readonly string[], end: StreamEnd = "done"): Reply => ({
  kind: "stream",
  pieces,
  end,
});
export const refusal = (status: number, message: string, extra: Record<string, unknown> = {}): Reply => ({
  kind: "status",
  status,
  body: { error: { message, type: "invalid_request_error", param: null, code: null, ...extra } },
});
export const failing = (status: number, headers: Record<string, string> = {}): Reply => ({
  kind: "status",
  status,
  body: { error: { message: `the server says ${status}` } },
  headers,
});

export interface RecordedRequest {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: ChatBody;
  /** Resolves once the response is over: true when the client went away before its end. */
  readonly aborted: Promise<boolean>;
}

interface ChatBody {
  readonly model: string;
  readonly messages: readonly { readonly role: string; readonly content: string }[];
  /** Of the responses interface, as what follows. */
  readonly input?: unknown;
  readonly text?: { readonly format?: { readonly type: string } };
  readonly max_output_tokens?: number;
  readonly stream?: boolean;
  readonly stream_options?: { readonly include_usage?: boolean };
  readonly response_format?: { readonly type: string; readonly json_schema?: { readonly strict?: boolean } };
  readonly temperature?: number;
  readonly max_tokens?: number;
  readonly max_completion_tokens?: number;
}

type Script = Reply | ((request: RecordedRequest) => Reply);

/** A server that speaks the chat-completions protocol over real HTTP, on a free port of 127.0.0.1. */
export interface ModelServer extends AsyncDisposable {
  /** For `OPENAI_BASE_URL`. */
  readonly url: string;
  readonly requests: readonly RecordedRequest[];
  /** Replies to the next requests, one each, before `always`. */
  script(...replies: readonly Script[]): void;
  /** The reply to every request for which there is none in the script. */
  always(reply: Script): void;
  /** Resolves once `count` requests have come in, and returns the last of them. */
  received(count: number): Promise<RecordedRequest>;
}

export const INPUT_TOKENS = 11;
export const OUTPUT_TOKENS = 7;
const USAGE = {
  prompt_tokens: INPUT_TOKENS,
  completion_tokens: OUTPUT_TOKENS,
  total_tokens: INPUT_TOKENS + OUTPUT_TOKENS,
};

export async function startModelServer(): Promise<ModelServer> {
  const requests: RecordedRequest[] = [];
  const queue: Script[] = [];
  const waiting: { count: number; resolve: (request: RecordedRequest) => void }[] = [];
  let fallback: Script = failing(500);

  const server = createServer(async (incoming, response) => {
    let text = "";
    try {
      for await (const chunk of incoming) text += chunk;
    } catch {
      return; // The client left before it had asked.
    }
    const request: RecordedRequest = {
      path: incoming.url ?? "",
      headers: incoming.headers,
      body: JSON.parse(text),
      aborted: once(response, "close").then(() => !response.writableFinished),
    };
    requests.push(request);
    const script = queue.shift() ?? fallback;
    // Written before the waiters are told, so that who aborts a stream on arrival aborts a stream.
    write(response, typeof script === "function" ? script(request) : script, request.body);
    for (const one of waiting.filter(({ count }) => count <= requests.length)) {
      waiting.splice(waiting.indexOf(one), 1);
      one.resolve(requests[one.count - 1]!);
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    requests,
    script: (...replies) => void queue.push(...replies),
    always: (reply) => {
      fallback = reply;
    },
    received: (count) =>
      requests.length >= count
        ? Promise.resolve(requests[count - 1]!)
        : new Promise((resolve) => waiting.push({ count, resolve })),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

function write(response: ServerResponse, reply: Reply, body: ChatBody): void {
  if (body.input !== undefined && (reply.kind === "answer" || reply.kind === "stream"))
    return writeResponses(response, reply, body);
  const model = `${body.model}-2026`;
  const base = { id: "chatcmpl-1", created: 1, model };
  const sendJson = (status: number, value: unknown, headers: Record<string, string> = {}) => {
    response.writeHead(status, { "content-type": "application/json", ...headers });
    response.end(typeof value === "string" ? value : JSON.stringify(value));
  };
  switch (reply.kind) {
    case "hang":
      return;
    case "reset":
      response.socket?.resetAndDestroy();
      return;
    case "status":
      sendJson(reply.status, reply.body ?? {}, reply.headers);
      return;
    case "raw":
      response.writeHead(200, { "content-type": reply.type ?? "application/json" });
      response.end(reply.body);
      return;
    case "answer": {
      const message = { role: "assistant", content: reply.text, refusal: reply.refusal ?? null };
      const choices = [{ index: 0, message, finish_reason: reply.finishReason ?? "stop" }];
      sendJson(200, { ...base, object: "chat.completion", choices, usage: USAGE }, reply.headers);
      return;
    }
    case "stream": {
      response.writeHead(200, { "content-type": "text/event-stream" });
      const send = (value: unknown) => response.write(`data: ${JSON.stringify(value)}\n\n`);
      const chunk = (delta: object, finish_reason: string | null = null) =>
        send({ ...base, object: "chat.completion.chunk", choices: [{ index: 0, delta, finish_reason }] });
      chunk({ role: "assistant", content: "" });
      for (const piece of reply.pieces) chunk({ content: piece });
      if (reply.end === "hang") return;
      // Cut after what was written has left.
      if (reply.end === "cut") {
        setImmediate(() => response.socket?.resetAndDestroy());
        return;
      }
      if (reply.end === "error") send({ error: { message: "the model fell over", code: "overloaded" } });
      if (reply.end === "unreasoned") response.write("data: [DONE]\n\n");
      if (reply.end === undefined || reply.end === "done" || reply.end === "length") {
        chunk({}, reply.end === "length" ? "length" : "stop");
        if (body.stream_options?.include_usage)
          send({ ...base, object: "chat.completion.chunk", choices: [], usage: USAGE });
        response.write("data: [DONE]\n\n");
      }
      response.end();
    }
  }
}

/** An answer in the shape of OpenAI's responses interface, whole or as a stream of events. */
function writeResponses(
  response: ServerResponse,
  reply: Extract<Reply, { kind: "answer" | "stream" }>,
  body: ChatBody,
): void {
  const isStream = reply.kind === "stream";
  const text = isStream ? reply.pieces.join("") : reply.text;
  const reason = isStream ? (reply.end === "length" ? "length" : "stop") : (reply.finishReason ?? "stop");
  const isWhole = reason === "stop";
  const refusal = isStream ? undefined : reply.refusal;
  const content = refusal ? [{ type: "refusal", refusal }] : [{ type: "output_text", text, annotations: [] }];
  const whole = {
    id: "resp-1",
    object: "response",
    model: `${body.model}-2026`,
    status: isWhole ? "completed" : "incomplete",
    incomplete_details: isWhole ? null : { reason: reason === "length" ? "max_output_tokens" : "content_filter" },
    output: [
      { type: "reasoning", id: "rs-1", summary: [] },
      ...(text === null && !refusal
        ? []
        : [{ type: "message", id: "msg-1", role: "assistant", status: "completed", content }]),
    ],
    usage: {
      input_tokens: INPUT_TOKENS,
      input_tokens_details: { cached_tokens: 3 },
      output_tokens: OUTPUT_TOKENS,
      output_tokens_details: { reasoning_tokens: 2 },
      total_tokens: INPUT_TOKENS + OUTPUT_TOKENS,
    },
  };
  if (!isStream) {
    response.writeHead(200, { "content-type": "application/json", ...reply.headers });
    response.end(JSON.stringify(whole));
    return;
  }
  response.writeHead(200, { "content-type": "text/event-stream" });
  const send = (event: { type: string }) => response.write(`event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`);
  send({ type: "response.created" });
  for (const delta of reply.pieces) send({ type: "response.output_text.delta", delta } as { type: string });
  if (reply.end !== "close")
    send({ type: isWhole ? "response.completed" : "response.incomplete", response: whole } as { type: string });
  response.end();
}
