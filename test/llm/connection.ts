import { EventEmitter, once } from "node:events";
import type { Model, Usage } from "../../src/core/model.ts";
import type { BreakerOptions } from "../../src/llm/breaker.ts";
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
  options: { breaker?: BreakerOptions; env?: Record<string, string> } = {},
): Promise<Connection> {
  const server = await startModelServer();
  const usages: Usage[] = [];
  const logs: string[] = [];
  const lines = new EventEmitter();
  const attempt = new AbortController();
  const provider = createModelProvider({
    env: { OPENAI_API_KEY: KEY, OPENAI_BASE_URL: server.url, TUTTI_MODEL: "small", ...options.env },
    onLog(_level, message) {
      logs.push(message);
      lines.emit("line", message);
    },
    ...(options.breaker && { breaker: options.breaker }),
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
