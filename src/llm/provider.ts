import { context } from "@opentelemetry/api";
import { type Clock, systemClock } from "../core/clock.ts";
import type { Environment } from "../core/environment.ts";
import { TerminalError } from "../core/error.ts";
import type { KeyValue } from "../core/key-value.ts";
import type { Logger } from "../core/logger.ts";
import type { Model, ModelProvider } from "../core/model.ts";
import type { BreakerOptions } from "./breaker.ts";
import type { BreakerFleet } from "./breaker-fleet.ts";
import { capturesContent } from "./chat-span.ts";
import { NOT_CONFIGURED } from "./endpoint.ts";
import type { Gateway } from "./gateway.ts";
import { environmentModels, type ModelsConfig } from "./models-config.ts";

interface ModelProviderOptions {
  /** What is configured. Default: the one endpoint of the environment (see `endpointFrom`), if it names one. */
  readonly config?: ModelsConfig | undefined;
  /** Where the endpoint, its key and the model are read. Default `process.env`. */
  readonly env?: Environment;
  /** Diagnostics. Default: nothing is said. */
  readonly onLog?: Logger;
  /** Default: the platform's. */
  readonly fetch?: typeof fetch;
  /** For endpoints, beside what is configured. */
  readonly breaker?: BreakerOptions;
  /** Default: the system's. */
  readonly clock?: Clock;
  /** Opens what is shared with other processes, when it is needed. Default: there are none. */
  readonly shared?: () => SharedState;
}

/** What the model clients of several processes share. */
interface SharedState {
  /** Where all count together what is limited. */
  readonly rates: Promise<KeyValue>;
  readonly fleet: BreakerFleet;
  /** Opens the store in which answers are kept. */
  readonly answers?: () => Promise<KeyValue>;
}

/** What the process that makes a provider does with it. */
interface ProviderControl {
  /** Whether a name is an alias, or a model of an endpoint. */
  knows(name: string): boolean;
  load(): Promise<Gateway>;
  /** Undefined before something was asked of a model, or {@link load} has resolved. */
  loaded(): Gateway | undefined;
  stop(): void;
}

/**
 * The models of one process. Make one of them per process: its breakers stand before the endpoints for all calls, so
 * that what one attempt learns spares the others. Throws a TuttiError (400) when a variable cannot be what it should be.
 */
export function createModelProvider(options: ModelProviderOptions = {}): ModelProvider & ProviderControl {
  const {
    env = process.env,
    onLog: log = () => {},
    clock = systemClock,
    breaker,
    config: stated,
    shared,
    fetch,
  } = options;
  const config = stated ?? environmentModels(env);
  if (!config)
    return {
      configured: false,
      forAttempt: () => UNCONFIGURED,
      knows: () => false,
      load: () => Promise.reject(new TerminalError(NOT_CONFIGURED)),
      loaded: () => undefined,
      stop: () => {},
    };
  for (const warning of config.warnings) log("warn", warning);

  // The SDK takes a fifth of a second to load, which a process that asks no model need not wait for.
  const create = async () => {
    const { createGateway } = await import("./gateway.ts");
    const breakers = { ...config.breaker, ...breaker };
    return createGateway(config, {
      ...shared?.(),
      ...(fetch && { fetch }),
      clock,
      log,
      breaker: breakers,
      capture: capturesContent(env),
    });
  };
  let models: Promise<Gateway> | undefined;
  let loaded: Gateway | undefined;
  const load = () => {
    models ??= create().then((gateway) => {
      loaded = gateway;
      return gateway;
    });
    return models;
  };

  return {
    configured: true,
    knows: (name) => config.aliases.has(name) || config.endpoints.some((one) => name.startsWith(`${one.name}/`)),
    load,
    loaded: () => loaded,
    forAttempt: (attempt) => ({
      configured: true,
      text: async (...args) => (await load()).forAttempt(attempt).text(...args),
      object: async (...args: Parameters<Model["object"]>) => (await load()).forAttempt(attempt).object(...args),
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
