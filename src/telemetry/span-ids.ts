import type { SpanIds } from "./tracing.ts";

/** Makes the ids of new spans; the shape that the OpenTelemetry SDK asks for. */
export interface IdGenerator {
  generateTraceId(): string;
  generateSpanId(): string;
}

/** Ids are random unless they are given for the one span that `run` starts: the SDK knows no other way to choose them. */
export interface GivenIds extends IdGenerator {
  giving<T>(ids: SpanIds | undefined, run: () => T): T;
}

export function createIdGenerator(random: IdGenerator): GivenIds {
  let given: SpanIds | undefined;
  return {
    generateTraceId: () => given?.traceId ?? random.generateTraceId(),
    generateSpanId: () => given?.spanId ?? random.generateSpanId(),
    giving(ids, run) {
      given = ids;
      try {
        return run();
      } finally {
        given = undefined;
      }
    },
  };
}
