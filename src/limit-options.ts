import type { Limits, StreamLimit, TuttiOptions } from "./app.ts";
import type { StreamLimits, TopologyOptions } from "./bus/topology.ts";
import type { Environment } from "./core/environment.ts";
import { TuttiError } from "./core/error.ts";
import { formatSize, parseSize, SIZE_EXPECTED } from "./core/size.ts";

const STREAMS = ["log", "tasks", "requests", "dead"] as const;
/** Less would never take anything: the shortest run leaves three messages in the log, and a fifth of it is kept. So is one of the tasks. */
const LEAST_MESSAGES = { log: 4, tasks: 2, requests: 1, dead: 1 } as const;
/** One largest message (1 MiB, unless the server is configured otherwise) with its headers, beside what is kept. */
const LEAST_BYTES = 2 * 2 ** 20;

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
  const variable = `TUTTI_${stream.toUpperCase()}_MAX_MESSAGES`;
  const messages = countOf(`limits.${stream}.messages`, limit?.messages, variable, env, LEAST_MESSAGES[stream], 0);
  const bytes = sizeOf(stream, limit?.bytes, env);
  return { ...(messages !== undefined && { messages }), ...(bytes !== undefined && { bytes }) };
}

function countOf(
  option: string,
  given: number | undefined,
  variable: string,
  env: Environment,
  least: number,
  unlimited?: 0,
): number | undefined {
  const stated = given ?? (env[variable] || undefined);
  if (stated === undefined) return undefined;
  const count = Number(stated);
  if (Number.isSafeInteger(count) && (count >= least || count === unlimited)) return count;
  const expected = `a whole number, ${least} or more${unlimited === 0 ? "; 0 for no limit" : ""}`;
  throw wrong(`${option} (${variable})`, expected, stated);
}

function sizeOf(stream: keyof Limits, given: string | number | undefined, env: Environment): number | undefined {
  const variable = `TUTTI_${stream.toUpperCase()}_MAX_BYTES`;
  const stated = given ?? (env[variable] || undefined);
  if (stated === undefined) return undefined;
  const bytes = parseSize(stated);
  if (bytes !== undefined && (bytes >= LEAST_BYTES || bytes === 0)) return bytes;
  const expected =
    bytes === undefined ? SIZE_EXPECTED : `${formatSize(LEAST_BYTES)} or more, room for one largest message`;
  throw wrong(`limits.${stream}.bytes (${variable})`, `${expected}; 0 for no limit`, stated);
}

const wrong = (what: string, expected: string, received: unknown): TuttiError =>
  new TuttiError(400, `${what}: expected ${expected}, received ${received}`, { expected, received: String(received) });
