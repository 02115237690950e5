import type { TuttiOptions } from "./app.ts";
import type { TopologyOptions } from "./bus/topology.ts";
import { DURATION_EXPECTED, parseDuration } from "./core/duration.ts";
import type { Environment } from "./core/environment.ts";
import { TuttiError } from "./core/error.ts";
import { isName, NAME_EXPECTED } from "./core/names.ts";
import { streamLimits } from "./limit-options.ts";

/** Shorter, and the network's hiccups would take shards from those that are alive. */
const SHORTEST_LEASE_MS = 500;

/** What options and TUTTI_PREFIX, TUTTI_LEASE, TUTTI_REPLICAS, TUTTI_…_MAX_… say of the topology. Throws a {@link TuttiError} 400. */
export function topologyOptions(options: TuttiOptions, env: Environment): TopologyOptions {
  const prefix = options.prefix ?? (env.TUTTI_PREFIX || undefined);
  if (prefix !== undefined && !isName(prefix))
    throw new TuttiError(400, `prefix ${JSON.stringify(prefix)}: expected ${NAME_EXPECTED}`);
  const presenceTtlMs = options.timing?.presenceTtlMs ?? readLease(env.TUTTI_LEASE);
  const replicas = options.replicas ?? (env.TUTTI_REPLICAS ? Number(env.TUTTI_REPLICAS) : undefined);
  if (replicas !== undefined && !(Number.isInteger(replicas) && replicas >= 1 && replicas <= 5))
    throw wrong("replicas (TUTTI_REPLICAS)", "a whole number from 1 to 5", options.replicas ?? env.TUTTI_REPLICAS);
  const limits = streamLimits(options, env);
  return {
    ...(limits && { limits }),
    ...(options.timing?.ackWaitMs !== undefined && { ackWaitMs: options.timing.ackWaitMs }),
    ...(presenceTtlMs !== undefined && { presenceTtlMs }),
    ...(replicas !== undefined && { replicas }),
    ...(prefix !== undefined && { prefix }),
  };
}

function readLease(text: string | undefined): number | undefined {
  if (!text) return undefined;
  const leaseMs = parseDuration(text);
  if (leaseMs !== undefined && leaseMs >= SHORTEST_LEASE_MS) return leaseMs;
  throw wrong("the lease (TUTTI_LEASE)", `${DURATION_EXPECTED}, ${SHORTEST_LEASE_MS} ms or more`, text);
}

function wrong(what: string, expected: string, received: unknown): TuttiError {
  return new TuttiError(400, `${what}: expected ${expected}, received ${received}`, {
    expected,
    received: String(received),
  });
}
