import type { Limits, StreamLimit, TuttiOptions } from "./app.ts";
import type { StreamLimits, TopologyOptions } from "./bus/topology.ts";
import type { Environment } from "./core/environment.ts";
import { TuttiError } from "./core/error.ts";
import { parseSize, SIZE_EXPECTED } from "./core/size.ts";

const STREAMS = ["log", "tasks", "requests", "dead"] as const;
const COUNT_EXPECTED = "a whole number, 0 or more";

/**
 * What options and TUTTI_LOG_MAX_MESSAGES, TUTTI_LOG_MAX_BYTES and so on say of the streams; undefined: nothing. Throws a
 * {@link TuttiError} 400.
 */
export function streamLimits({ limits = {} }: TuttiOptions, env: Environment): TopologyOptions["limits"] | undefined {
  const stated = STREAMS.flatMap((stream) => {
    const limit = streamLimit(stream, limits[stream], env);
    return Object.keys(limit).length > 0 ? [[stream, limit] as const] : [];
  });
  const blobs = sizeOf("blobs", limits.blobs?.bytes, env);
  if (stated.length === 0 && blobs === undefined) return undefined;
  return { ...Object.fromEntries(stated), ...(blobs !== undefined && { blobs: { bytes: blobs } }) };
}

/** What options and TUTTI_MAX_RUNS, TUTTI_MAX_QUEUED say of one orchestrator. Throws a {@link TuttiError} 400. */
export function orchestratorLimits({ limits = {} }: TuttiOptions, env: Environment): Pick<Limits, "runs" | "queued"> {
  const runs = countOf("limits.runs", limits.runs, "TUTTI_MAX_RUNS", env, 1);
  const queued = countOf("limits.queued", limits.queued, "TUTTI_MAX_QUEUED", env, 1);
  return { ...(runs !== undefined && { runs }), ...(queued !== undefined && { queued }) };
}

function streamLimit(stream: (typeof STREAMS)[number], limit: StreamLimit | undefined, env: Environment): StreamLimits {
  const messages = countOf(
    `limits.${stream}.messages`,
    limit?.messages,
    `TUTTI_${stream.toUpperCase()}_MAX_MESSAGES`,
    env,
  );
  const bytes = sizeOf(stream, limit?.bytes, env);
  return { ...(messages !== undefined && { messages }), ...(bytes !== undefined && { bytes }) };
}

function countOf(
  option: string,
  given: number | undefined,
  variable: string,
  env: Environment,
  least = 0,
): number | undefined {
  const stated = given ?? (env[variable] || undefined);
  if (stated === undefined) return undefined;
  const count = Number(stated);
  if (Number.isSafeInteger(count) && count >= least) return count;
  throw wrong(`${option} (${variable})`, least > 0 ? `a whole number, ${least} or more` : COUNT_EXPECTED, stated);
}

function sizeOf(stream: keyof Limits, given: string | number | undefined, env: Environment): number | undefined {
  const variable = `TUTTI_${stream.toUpperCase()}_MAX_BYTES`;
  const stated = given ?? (env[variable] || undefined);
  if (stated === undefined) return undefined;
  const bytes = parseSize(stated);
  if (bytes !== undefined) return bytes;
  throw wrong(`limits.${stream}.bytes (${variable})`, `${SIZE_EXPECTED}; 0 for no limit`, stated);
}

const wrong = (what: string, expected: string, received: unknown): TuttiError =>
  new TuttiError(400, `${what}: expected ${expected}, received ${received}`, { expected, received: String(received) });
