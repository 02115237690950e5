import { type Context, context } from "@opentelemetry/api";
import OpenAI from "openai";
import type { ChatCompletionChunk } from "openai/resources/chat/completions";
import type { Logger } from "../core/logger.ts";
import type { Usage } from "../core/model.ts";
import type { Breaker } from "./breaker.ts";
import type { CallScope } from "./call-scope.ts";
import type { ChatRequest } from "./chat-request.ts";
import { ChatSpan } from "./chat-span.ts";
import { type Answer, readChunk, readCompletion } from "./completion.ts";
import { type Endpoint, redact } from "./endpoint.ts";
import { describeFailure, type Failure, RequestRefused, UnusableAnswer } from "./failure.ts";
import { ParameterMemory } from "./parameters.ts";

/** What a call brings along: its limits, where its tokens are counted, the span it belongs to. */
export interface Caller {
  readonly scope: CallScope;
  readonly parent: Context;
  readonly onUsage: (usage: Usage) => void;
}

interface ChatOptions {
  readonly capture: boolean;
  readonly log: Logger;
  readonly fetch?: typeof fetch;
}

/** The chat completions of one endpoint: every request goes through its breaker and is a span. */
export class Chat {
  readonly endpoint: Endpoint;
  readonly #client: OpenAI;
  readonly #breaker: Breaker;
  readonly #parameters: ParameterMemory;
  readonly #options: ChatOptions;

  constructor(endpoint: Endpoint, breaker: Breaker, options: ChatOptions) {
    this.endpoint = endpoint;
    this.#breaker = breaker;
    this.#parameters = new ParameterMemory(endpoint);
    this.#options = options;
    const say = (message: string) => options.log("debug", redact(message, endpoint));
    this.#client = new OpenAI({
      apiKey: endpoint.apiKey,
      baseURL: endpoint.url.href,
      // Else taken from the process's environment, which is another endpoint's business.
      adminAPIKey: null,
      organization: null,
      project: null,
      // Tutti retries by policy, in the log and with the wait that the server asks for. The SDK would do it behind the breaker's back.
      maxRetries: 0,
      // It would print to the console; its details hold headers and bodies, so only its words are passed on.
      logger: { error: say, warn: say, info: say, debug: say },
      logLevel: "warn",
      ...(options.fetch && { fetch: options.fetch }),
    });
  }

  async complete(request: ChatRequest, caller: Caller): Promise<Answer> {
    const { value: answer, span } = await this.#send(request, caller, async (body) =>
      readCompletion(await this.#client.chat.completions.create({ ...body, stream: false }, this.#limits(caller))),
    );
    span.end(answer);
    caller.onUsage(usageOf(answer));
    return answer;
  }

  /** The breaker covers the stream's start, up to the first chunk. */
  async *stream(request: ChatRequest, caller: Caller): AsyncGenerator<string, void, void> {
    const { value, span } = await this.#send({ ...request, stream: true }, caller, async (body) => {
      const stream = await this.#client.chat.completions.create({ ...body, stream: true }, this.#limits(caller));
      const chunks = stream[Symbol.asyncIterator]();
      const first = await chunks.next();
      if (first.done) throw new UnusableAnswer("expected a stream of events, received none");
      return { chunks, first: first.value, abort: () => stream.controller.abort() };
    });
    span.firstChunk();
    const answer: Answer = { text: "" };
    let failure: Failure | undefined;
    try {
      for await (const chunk of rejoin(value.first, value.chunks)) {
        const text = readChunk(answer, chunk);
        if (text) yield text;
      }
      // The SDK ends quietly when the request is aborted and when the connection is closed before the answer is whole.
      if (!answer.finishReason) throw new UnusableAnswer("the stream ended before the answer did");
    } catch (error) {
      failure = this.#judge(error, request, caller);
      throw failure.error;
    } finally {
      value.abort();
      if (failure) span.fail(failure);
      else span.end(answer);
      caller.onUsage(usageOf(answer));
    }
  }

  /** Sends, and sends again without what the endpoint refuses. The span is left open only when it succeeds. */
  async #send<T>(
    request: ChatRequest,
    caller: Caller,
    send: (body: ReturnType<ParameterMemory["write"]>) => Promise<T>,
  ): Promise<{ value: T; span: ChatSpan }> {
    for (;;) {
      if (caller.scope.signal.aborted) throw this.#judge(caller.scope.signal.reason, request, caller).error;
      const body = this.#parameters.write(request);
      const span = new ChatSpan(this.endpoint, request, caller.parent, this.#options.capture);
      let failure: Failure | undefined;
      const judge = (error: unknown) => {
        failure = this.#judge(error, request, caller);
        return failure;
      };
      try {
        return { value: await context.with(span.context, () => this.#breaker.run(() => send(body), judge)), span };
      } catch (error) {
        failure ??= { error, type: "circuit_open", fault: "nobody" };
        span.fail(failure);
        if (!(failure.error instanceof RequestRefused)) throw failure.error;
        const refused = this.#parameters.learn(failure.error, body);
        if (!refused) throw failure.error;
        this.#options.log(
          "debug",
          `${this.endpoint.name}: ${request.model} does not take ${refused}; sent again without`,
        );
      }
    }
  }

  #judge(error: unknown, request: ChatRequest, caller: Caller): Failure {
    return describeFailure(error, caller.scope, this.endpoint, request.model);
  }

  #limits(caller: Caller) {
    const { signal, timeoutMs } = caller.scope;
    // The scope's timeout is the one that counts; without one of its own the SDK would end a longer call after ten minutes.
    return { signal, timeout: timeoutMs + 1000 };
  }
}

async function* rejoin(first: ChatCompletionChunk, rest: AsyncIterator<ChatCompletionChunk>) {
  yield first;
  for (let next = await rest.next(); !next.done; next = await rest.next()) yield next.value;
}

const usageOf = (answer: Answer): Usage => ({
  calls: 1,
  inputTokens: answer.inputTokens ?? 0,
  outputTokens: answer.outputTokens ?? 0,
});
