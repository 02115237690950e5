import { EventEmitter, once } from "node:events";
import type { Clock } from "../../src/core/clock.ts";
import type { KeyValue } from "../../src/core/key-value.ts";
import type { Model } from "../../src/core/model.ts";
import { type ModelsInput, modelsSettings } from "../../src/core/models-settings.ts";
import { describeProblems } from "../../src/core/problem.ts";
import type { Usage } from "../../src/core/usage.ts";
import type { BreakerOptions } from "../../src/llm/breaker.ts";
import type { BreakerFleet } from "../../src/llm/breaker-fleet.ts";
import { type ModelsConfig, resolveModels } from "../../src/llm/models-config.ts";
import { createModelProvider } from "../../src/llm/provider.ts";
import { type ModelServer, startModelServer } from "../support/model-server.ts";

export const KEY = "sk-test-0123456789abcdef";

/** A model server and the model of one attempt that calls it. */
export interface Connection extends AsyncDisposable {
  readonly server: ModelServer;
  readonly model: Model;
  readonly usages: readonly Usage[];
  readonly logs: readonly string[];
  /** The model of another attempt of the same process. */
  another(): Model;
  /** Stops the model client. */
  stop(): void;
  /** Aborts the attempt. */
  readonly attempt: AbortController;
  /** Resolves when a line that contains `text` is logged from now on. */
  logged(text: string): Promise<void>;
}

export async function connect(
  options: {
    breaker?: BreakerOptions;
    env?: Record<string, string>;
    clock?: Clock;
    /** The models file for this server, in place of the environment. */
    models?: (server: ModelServer) => ModelsInput;
    shared?: () => { fleet: BreakerFleet; rates: Promise<KeyValue> };
  } = {},
): Promise<Connection> {
  const server = await startModelServer();
  const usages: Usage[] = [];
  const logs: string[] = [];
  const lines = new EventEmitter();
  const attempt = new AbortController();
  const { models, breaker, clock, shared } = options;
  const provider = createModelProvider({
    ...(models && { config: configOf(models(server)) }),
    ...(clock && { clock }),
    ...(shared && { shared }),
    env: { OPENAI_API_KEY: KEY, OPENAI_BASE_URL: server.url, TUTTI_MODEL: "small", ...options.env },
    onLog(_level, message) {
      logs.push(message);
      lines.emit("line", message);
    },
    ...(breaker && { breaker }),
  });
  const another = () => provider.forAttempt({ signal: attempt.signal, onUsage: (usage) => usages.push(usage) });
  return {
    server,
    another,
    stop: provider.stop,
    usages,
    logs,
    attempt,
    model: another(),
    async logged(text) {
      for (;;) {
        const [line] = await once(lines, "line");
        if (line.includes(text)) return;
      }
    },
    async [Symbol.asyncDispose]() {
      provider.stop();
      await server[Symbol.asyncDispose]();
    },
  };
}

/** The configuration that a models file of this content gives. */
export function configOf(input: ModelsInput, env: Record<string, string> = {}): ModelsConfig {
  const resolved = resolveModels(modelsSettings.parse(input), env);
  if ("problems" in resolved) throw new Error(describeProblems(resolved.problems));
  return resolved;
}

/** The error that a promise rejects with; fails when it does not. */
export async function rejection(promise: Promise<unknown>): Promise<Error> {
  const outcome = await promise.then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  );
  if ("value" in outcome) throw new Error(`expected a rejection, received ${JSON.stringify(outcome.value)}`);
  return outcome.error as Error;
}

/** All pieces of a stream. */
export async function readAll(pieces: AsyncIterable<string>): Promise<string[]> {
  const read: string[] = [];
  for await (const piece of pieces) read.push(piece);
  return read;
}
