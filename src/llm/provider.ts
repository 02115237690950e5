import { context } from "@opentelemetry/api";
import type { Clock } from "../core/clock.ts";
import type { Environment } from "../core/environment.ts";
import { TerminalError } from "../core/error.ts";
import type { Logger } from "../core/logger.ts";
import type { Model, ModelProvider } from "../core/model.ts";
import type { BreakerOptions } from "./breaker.ts";
import { capturesContent } from "./chat-span.ts";
import { endpointFrom, NOT_CONFIGURED } from "./endpoint.ts";

interface ModelProviderOptions {
  /** Where the endpoint, its key and the model are read (see {@link endpointFrom}). Default `process.env`. */
  readonly env?: Environment;
  /** Diagnostics. Default: nothing is said. */
  readonly onLog?: Logger;
  /** Default: the platform's. */
  readonly fetch?: typeof fetch;
  readonly breaker?: BreakerOptions;
  /** For the breaker. Default: the system's. */
  readonly clock?: Clock;
}

/**
 * The models of one process. Make one of them per process: its breaker stands before the endpoint for all calls, so
 * that what one attempt learns spares the others. Throws a TuttiError (400) when a variable cannot be what it should be.
 */
export function createModelProvider(options: ModelProviderOptions = {}): ModelProvider & { stop(): void } {
  const { env = process.env, onLog: log = () => {}, ...rest } = options;
  const endpoint = endpointFrom(env);
  if (!endpoint) return { configured: false, forAttempt: () => UNCONFIGURED, stop: () => {} };

  // The SDK takes a fifth of a second to load, which a process that asks no model need not wait for.
  const create = async () => {
    const { createEndpointModels } = await import("./endpoint-model.ts");
    return createEndpointModels(endpoint, { ...rest, log, capture: capturesContent(env) });
  };
  let models: ReturnType<typeof create> | undefined;
  const load = () => {
    models ??= create();
    return models;
  };

  return {
    configured: true,
    forAttempt: (attempt) => ({
      configured: true,
      text: async (...args) => (await load()).forAttempt(attempt).text(...args),
      object: async (...args) => (await load()).forAttempt(attempt).object(...args),
      stream: (...args) => {
        const asked = context.active();
        return (async function* () {
          const model = (await load()).forAttempt(attempt);
          yield* context.with(asked, () => model.stream(...args));
        })();
      },
    }),
    stop: () =>
      void models?.then(
        (loaded) => loaded.stop(),
        () => {},
      ),
  };
}

const refuse = (): never => {
  throw new TerminalError(NOT_CONFIGURED);
};

const UNCONFIGURED: Model = {
  configured: false,
  text: async () => refuse(),
  object: async () => refuse(),
  stream: async function* () {
    yield refuse();
  },
};
