import { context } from "@opentelemetry/api";
import type { z } from "zod";
import { atMost, type Clock } from "../core/clock.ts";
import type { Model, ModelMessage, ModelOptions, ModelProvider, ObjectOptions } from "../core/model.ts";
import type { JsonSchema } from "../core/registration.ts";
import type { Usage } from "../core/usage.ts";
import { type Answer, checkAnswer } from "./answer.ts";
import { AnswerCache } from "./answer-cache.ts";
import { type AnswerSchema, readAnswerSchema } from "./answer-schema.ts";
import { CallScope } from "./call-scope.ts";
import type { ChatRequest } from "./chat-request.ts";
import type { Gate } from "./gate.ts";
import type { ModelsConfig } from "./models-config.ts";
import type { Lease } from "./pool.ts";
import { loadPrices, type PriceTable } from "./price.ts";
import { ReasoningFilter, withoutReasoning } from "./reasoning.ts";
import { Router, type RouterDependencies } from "./router.ts";
import { AnswerFormats, askStructured, readAnswer, type Wanted } from "./structured.ts";
import type { Caller, Target } from "./target.ts";

/** For the whole call, repairs included. */
export const DEFAULT_TIMEOUT_MS = 60_000;

/** A bus that does not answer in this time is not waited for. */
const HEAR_MS = 1000;

/** The models of a process. */
export interface Gateway extends Pick<ModelProvider, "forAttempt"> {
  readonly router: Router;
  stop(): void;
}

export async function createGateway(config: ModelsConfig, dependencies: RouterDependencies): Promise<Gateway> {
  // What others know already, so that not even the first call goes to an endpoint that is down.
  await atMost(dependencies.clock, HEAR_MS, dependencies.fleet?.ready ?? Promise.resolve());
  const router = new Router(config, dependencies);
  const shared = {
    router,
    clock: dependencies.clock,
    prices: await loadPrices(config),
    formats: new Map<Target, AnswerFormats>(),
    cache: createCache(config, dependencies),
  };
  const stop = () => router.stop();
  return { router, forAttempt: (attempt) => new AttemptModel(shared, attempt), stop };
}

interface Shared {
  readonly router: Router;
  readonly clock: Clock;
  readonly prices: PriceTable;
  /** What each target accepts. */
  readonly formats: Map<Target, AnswerFormats>;
  /** Undefined where nothing is kept. */
  readonly cache: AnswerCache | undefined;
}

function createCache({ cacheTtlMs: ttlMs }: ModelsConfig, { clock, log, answers }: RouterDependencies) {
  return ttlMs === undefined ? undefined : new AnswerCache({ ttlMs, clock, log, ...(answers && { store: answers() }) });
}

type Prompt = string | readonly ModelMessage[];
type Attempt = { readonly signal: AbortSignal; readonly onUsage: (usage: Usage) => void };
type Options = ModelOptions & { readonly partial?: boolean };

/** The model of one attempt. */
class AttemptModel implements Model {
  readonly configured = true;
  readonly #shared: Shared;
  readonly #attempt: Attempt;

  constructor(shared: Shared, attempt: Attempt) {
    this.#shared = shared;
    this.#attempt = attempt;
  }

  async text(prompt: Prompt, options: Options = {}): Promise<string> {
    const caller = this.#begin(options);
    try {
      const { answer, by } = await this.#complete(writeRequest(prompt, options), options, caller);
      checkAnswer(answer, by, options.partial === true);
      return withoutReasoning(answer.text);
    } finally {
      caller.scope.end();
    }
  }

  object<S extends z.ZodType | JsonSchema>(
    schema: S,
    prompt: Prompt,
    options: ObjectOptions<never> = {},
  ): Promise<never> {
    return this.#object(readAnswerSchema(schema) as AnswerSchema<never>, prompt, options);
  }

  async #object<T>(schema: AnswerSchema<T>, prompt: Prompt, options: ObjectOptions<T>): Promise<T> {
    const { name = "answer", repairs = 1, check } = options;
    const caller = this.#begin(options);
    try {
      const wanted = { schema, name, repairs, ...(check && { check }) };
      const complete = async (request: ChatRequest) => {
        const { answer, by } = await this.#complete(request, options, caller, wanted);
        // A cut answer is sent back, with the reason.
        checkAnswer(answer, by, true);
        return answer;
      };
      return await askStructured(wanted, writeRequest(prompt, options), complete);
    } finally {
      caller.scope.end();
    }
  }

  stream(prompt: Prompt, options: Options = {}): AsyncIterable<string> {
    // The span belongs to whoever asked, not to whoever happens to read.
    return this.#stream(prompt, options, context.active());
  }

  async *#stream(prompt: Prompt, options: Options, parent: Caller["parent"]): AsyncGenerator<string, void, void> {
    const caller = this.#begin(options, parent);
    const answer: Answer = { text: "" };
    let begun: { gate: Gate; estimated: number; end: Lease<Gate>["end"] } | undefined;
    try {
      const request = writeRequest(prompt, options);
      const { value: read, end } = await this.#shared.router.open(
        request,
        routeOf(options),
        caller,
        async (gate, key, estimated) => {
          begun = { gate, estimated, end: () => {} };
          return gate.target.stream(request, caller, key);
        },
      );
      begun!.end = end;
      const filter = new ReasoningFilter();
      for await (const piece of read(answer)) {
        const text = filter.push(piece);
        if (text) yield text;
      }
      const rest = filter.end();
      if (rest) yield rest;
      checkAnswer(answer, begun!.gate.target.endpoint.name, options.partial === true);
    } finally {
      if (begun) this.#count(begun.gate, answer, begun.estimated, caller);
      begun?.end(answer.finishReason ? "completed" : "failed");
      caller.scope.end();
    }
  }

  /** An equal question is not asked again where the answer is kept. */
  async #complete<T>(
    request: ChatRequest,
    options: ModelOptions,
    caller: Caller,
    wanted?: Wanted<T>,
  ): Promise<{ answer: Answer; by: string }> {
    const { cache, router } = this.#shared;
    const { cache: isWelcome = options.temperature === 0 } = options;
    if (!cache || !isWelcome) return this.#send(request, options, caller, wanted);
    const question = { ...request, model: options.model, name: wanted?.name, schema: wanted?.schema.described };
    const isGood = async (answer: Answer) => !wanted || "value" in (await readAnswer(wanted, answer));
    const got = await cache.get(question, caller.scope.signal, isGood, () =>
      this.#send(request, options, caller, wanted),
    );
    if (got.isHit) router.noteHit(got.by);
    return got;
  }

  #send<T>(
    request: ChatRequest,
    options: ModelOptions,
    caller: Caller,
    wanted: Wanted<T> | undefined,
  ): Promise<{ answer: Answer; by: string }> {
    return this.#shared.router.send(request, routeOf(options), caller, async (gate, key, estimated) => {
      const complete = (fitted: ChatRequest) => gate.target.complete(fitted, caller, key);
      const { value: answer, headers } = wanted
        ? await this.#formatsOf(gate.target).complete(wanted, request, complete)
        : await complete(request);
      this.#count(gate, answer, estimated, caller);
      return { value: { answer, by: gate.target.name }, headers };
    });
  }

  #formatsOf(target: Target): AnswerFormats {
    const { formats } = this.#shared;
    const known = formats.get(target) ?? new AnswerFormats(target.endpoint);
    formats.set(target, known);
    return known;
  }

  #count(gate: Gate, answer: Answer, estimated: number, caller: Caller): void {
    const { inputTokens = 0, outputTokens = 0, cachedTokens, reasoningTokens } = answer;
    const counts = {
      calls: 1,
      inputTokens,
      outputTokens,
      ...(cachedTokens !== undefined && { cachedTokens }),
      ...(reasoningTokens !== undefined && { reasoningTokens }),
    };
    const cost = this.#shared.prices(gate.target, counts);
    const priced = { ...counts, ...(cost !== undefined && { cost }) };
    gate.count(counts, estimated);
    caller.onUsage({ ...priced, models: { [gate.target.name]: priced } });
  }

  #begin({ timeoutMs = DEFAULT_TIMEOUT_MS, signal }: ModelOptions, parent = context.active()): Caller {
    const { signal: attempt, onUsage } = this.#attempt;
    return { scope: new CallScope(this.#shared.clock, timeoutMs, [attempt, signal]), parent, onUsage };
  }
}

const routeOf = ({ model, key }: ModelOptions) => ({ model, key });

function writeRequest(prompt: Prompt, { model = "", system, temperature, maxTokens }: ModelOptions): ChatRequest {
  const messages: readonly ModelMessage[] = typeof prompt === "string" ? [{ role: "user", content: prompt }] : prompt;
  return {
    model,
    messages: system === undefined ? messages : [{ role: "system", content: system }, ...messages],
    ...(temperature !== undefined && { temperature }),
    ...(maxTokens !== undefined && { maxTokens }),
  };
}
