import type { TuttiOptions } from "./app.ts";
import { DEFAULT_LEASE_MS, type TopologyOptions } from "./bus/topology.ts";
import { DURATION_EXPECTED, type Duration, parseDuration } from "./core/duration.ts";
import type { Environment } from "./core/environment.ts";
import { TuttiError } from "./core/error.ts";
import { isName, NAME_EXPECTED } from "./core/names.ts";
import { streamLimits } from "./limit-options.ts";

/** Shorter, and the network's hiccups would take shards from those that are alive. */
const SHORTEST_LEASE_MS = 500;

/** What options and TUTTI_PREFIX, TUTTI_LEASE, TUTTI_REPLICAS, TUTTI_MAX_AGE, TUTTI_…_MAX_… say of the topology. Throws a {@link TuttiError} 400. */
export function topologyOptions(options: TuttiOptions, env: Environment): TopologyOptions {
  const prefix = options.prefix ?? (env.TUTTI_PREFIX || undefined);
  if (prefix !== undefined && !isName(prefix))
    throw new TuttiError(400, `prefix ${JSON.stringify(prefix)}: expected ${NAME_EXPECTED}`);
  const presenceTtlMs = options.timing?.presenceTtlMs ?? readLease(env.TUTTI_LEASE);
  const ackWaitMs = options.timing?.ackWaitMs;
  if (ackWaitMs !== undefined && !(ackWaitMs > 0 && Number.isFinite(ackWaitMs)))
    throw wrong("timing.ackWaitMs", "milliseconds, more than 0", ackWaitMs);
  const replicas = options.replicas ?? (env.TUTTI_REPLICAS ? Number(env.TUTTI_REPLICAS) : undefined);
  if (replicas !== undefined && !(Number.isInteger(replicas) && replicas >= 1 && replicas <= 5))
    throw wrong("replicas (TUTTI_REPLICAS)", "a whole number from 1 to 5", options.replicas ?? env.TUTTI_REPLICAS);
  const limits = streamLimits(options, env);
  const maxAgeMs = readMaxAge(options.maxAge ?? (env.TUTTI_MAX_AGE || undefined), presenceTtlMs);
  return {
    ...(limits && { limits }),
    ...(maxAgeMs !== undefined && { maxAgeMs }),
    ...(ackWaitMs !== undefined && { ackWaitMs }),
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

/** A run is carried when half of the age is over, and a takeover has to fit into what is left. */
const LEASES_IN_AGE = 4;

function readMaxAge(wanted: Duration | undefined, leaseMs = DEFAULT_LEASE_MS): number | undefined {
  if (wanted === undefined) return undefined;
  const ageMs = parseDuration(wanted);
  if (ageMs !== undefined && ageMs >= LEASES_IN_AGE * leaseMs) return ageMs;
  throw wrong(
    "maxAge (TUTTI_MAX_AGE)",
    `${DURATION_EXPECTED}, ${LEASES_IN_AGE} leases (${leaseMs} ms) or more`,
    wanted,
  );
}

function wrong(what: string, expected: string, received: unknown): TuttiError {
  return new TuttiError(400, `${what}: expected ${expected}, received ${received}`, {
    expected,
    received: String(received),
  });
}
