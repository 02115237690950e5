import { type BusErrorCode, isBusError, isPassing } from "../../bus/port.ts";
import { type Clock, sleep } from "../../core/clock.ts";
import { type ErrorCode, TuttiError } from "../../core/error.ts";
import { NewerVersion } from "../../core/upcast.ts";

const CODES: { readonly [K in BusErrorCode]?: ErrorCode } = {
  "too-large": 400,
  // The bus has no streams, because Tutti has never run on it.
  "no-stream": 404,
};

/**
 * The error that callers get when the bus fails, or holds data of a newer build: a {@link TuttiError}, 503 unless a
 * more specific code applies. Other errors are returned unchanged.
 */
export function asTuttiError(error: unknown): unknown {
  if (error instanceof NewerVersion) return new TuttiError(503, error.message, {}, { cause: error });
  if (!isBusError(error)) return error;
  const message =
    error.code === "no-stream"
      ? `no orchestrator has run on this bus yet, or its data was lost (${error.message})`
      : error.message;
  return new TuttiError(CODES[error.code] ?? 503, message, {}, { cause: error });
}

/** Reads with up to three attempts: transient errors (a server restarts, a cluster elects a leader) are retried. */
export async function reading<T>(clock: Clock, read: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await read();
    } catch (error) {
      if (tries === 3 || !isPassing(error)) throw asTuttiError(error);
      await sleep(clock, 500 * tries);
    }
  }
}

export async function translating<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw asTuttiError(error);
  }
}
