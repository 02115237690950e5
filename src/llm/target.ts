import { type Context, context } from "@opentelemetry/api";
import OpenAI from "openai";
import type { Clock } from "../core/clock.ts";
import type { Logger } from "../core/logger.ts";
import type { Usage } from "../core/usage.ts";
import type { Answer } from "./answer.ts";
import { type Breaker, type BreakerOptions, createBreaker } from "./breaker.ts";
import type { BreakerFleet } from "./breaker-fleet.ts";
import type { CallScope } from "./call-scope.ts";
import { createChatDialect } from "./chat-dialect.ts";
import type { ChatRequest } from "./chat-request.ts";
import { ChatSpan } from "./chat-span.ts";
import type { AnswerStream, Dialect, Sent } from "./dialect.ts";
import { type Endpoint, NO_KEY, redact } from "./endpoint.ts";
import { describeFailure, type Failure, RequestRefused, UnusableAnswer } from "./failure.ts";
import { ParameterMemory } from "./parameters.ts";
import { responsesDialect } from "./responses-dialect.ts";
import { noteStreamEnds } from "./stream-end.ts";

/** What a call brings along: its limits, where its tokens are counted, the span it belongs to. */
export interface Caller {
  readonly scope: CallScope;
  readonly parent: Context;
  readonly onUsage: (usage: Usage) => void;
}

export interface TargetDependencies {
  /** Whether spans record prompts and answers. */
  readonly capture: boolean;
  readonly log: Logger;
  readonly clock: Clock;
  readonly fetch?: typeof fetch;
  readonly breaker?: BreakerOptions;
  readonly fleet?: BreakerFleet;
}

type AnyDialect = Dialect<{ model: string }>;

/** A model of an endpoint: every request goes through its breaker and is a span. */
export class Target {
  readonly endpoint: Endpoint;
  readonly model: string;
  /** `endpoint/model`. */
  readonly name: string;
  readonly breaker: Breaker;
  readonly #dialect: AnyDialect;
  /** One a key. */
  readonly #clients: readonly OpenAI[];
  readonly #parameters: ParameterMemory;
  readonly #dependencies: TargetDependencies;

  constructor(endpoint: Endpoint, model: string, dependencies: TargetDependencies) {
    this.endpoint = endpoint;
    this.model = model;
    this.name = `${endpoint.name}/${model}`;
    this.breaker = createBreaker(this.name, dependencies.breaker, dependencies);
    this.#dialect = (endpoint.interface === "chat" ? createChatDialect(endpoint) : responsesDialect) as AnyDialect;
    this.#parameters = new ParameterMemory(this.#dialect.optional);
    this.#dependencies = dependencies;
    const keys = endpoint.keys.length > 0 ? endpoint.keys : [NO_KEY];
    this.#clients = keys.map((key) => createClient(endpoint, key, dependencies));
  }

  async complete(request: ChatRequest, caller: Caller, key: number): Promise<Sent<Answer>> {
    const client = this.#clients[key]!;
    const { value, span } = await this.#send(request, caller, (body, headers) =>
      this.#dialect.complete(client, body, { ...limits(caller), headers }),
    );
    span.end(value.value);
    return value;
  }

  /** The breaker covers the stream's start, up to the first event. `read` must be read, or returned from. */
  async stream(request: ChatRequest, caller: Caller, key: number): Promise<Sent<AnswerStream["read"]>> {
    const client = this.#clients[key]!;
    const { value, span } = await this.#send({ ...request, stream: true }, caller, (body, headers) =>
      this.#dialect.stream(client, body, { ...limits(caller), headers }),
    );
    span.firstChunk();
    return { headers: value.headers, value: (answer) => this.#read(value.value, answer, span, caller) };
  }

  async *#read(stream: AnswerStream, answer: Answer, span: ChatSpan, caller: Caller) {
    let failure: Failure | undefined;
    try {
      yield* stream.read(answer);
      // The SDK ends quietly when the request is aborted and when the connection is closed before the answer is whole.
      if (!answer.finishReason) throw new UnusableAnswer("the stream ended before the answer did");
    } catch (error) {
      failure = this.#judge(error, caller);
      throw failure.error;
    } finally {
      stream.abort();
      if (failure) span.fail(failure);
      else span.end(answer);
    }
  }

  /** Sends, and sends again without what the endpoint refuses. The span is left open only when it succeeds. */
  async #send<T>(
    request: ChatRequest,
    caller: Caller,
    send: (body: { model: string }, headers: Readonly<Record<string, string>>) => Promise<T>,
  ): Promise<{ value: T; span: ChatSpan }> {
    const { capture, log } = this.#dependencies;
    for (;;) {
      if (caller.scope.signal.aborted) throw this.#judge(caller.scope.signal.reason, caller).error;
      const body = this.#dialect.write({ ...request, model: this.model }, this.#parameters.refusedBy(this.model));
      const span = new ChatSpan(this.endpoint, { ...request, model: this.model }, caller.parent, capture);
      let failure: Failure | undefined;
      const judge = (error: unknown) => {
        failure = this.#judge(error, caller);
        return failure;
      };
      try {
        return {
          value: await context.with(span.context, () => this.breaker.run(() => send(body, span.headers), judge)),
          span,
        };
      } catch (error) {
        failure ??= { error, type: "circuit_open", fault: "nobody" };
        span.fail(failure);
        if (!(failure.error instanceof RequestRefused)) throw failure.error;
        const refused = this.#parameters.learn(failure.error, body);
        if (!refused) throw failure.error;
        log("debug", `${this.name} does not take ${refused}; sent again without`);
      }
    }
  }

  #judge(error: unknown, caller: Caller): Failure {
    return describeFailure(error, caller.scope, this.endpoint, this.model);
  }
}

function limits({ scope }: Caller) {
  // The scope's timeout is the one that counts; without one of its own the SDK would end a longer call after ten minutes.
  return { signal: scope.signal, timeout: scope.timeoutMs + 1000 };
}

function createClient(endpoint: Endpoint, key: string, { log, fetch }: TargetDependencies): OpenAI {
  const say = (message: string) => log("debug", redact(message, endpoint));
  return new OpenAI({
    apiKey: key,
    baseURL: endpoint.url.href,
    // Else taken from the process's environment, which is another endpoint's business.
    adminAPIKey: null,
    organization: null,
    project: null,
    defaultHeaders: {
      ...endpoint.headers,
      ...(endpoint.keyHeader && { [endpoint.keyHeader]: key, authorization: null }),
    },
    defaultQuery: { ...endpoint.query },
    // Tutti retries by policy, in the log and with the wait that the server asks for. The SDK would do it behind the breaker's back.
    maxRetries: 0,
    // It would print to the console; its details hold headers and bodies, so only its words are passed on.
    logger: { error: say, warn: say, info: say, debug: say },
    logLevel: "warn",
    fetch: noteStreamEnds(fetch ?? globalThis.fetch),
  });
}
