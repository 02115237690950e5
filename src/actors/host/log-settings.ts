import { type Bus, isBusError } from "../../bus/port.ts";
import {
  createTopology,
  DEFAULT_LEASE_MS,
  DEFAULT_MAX_AGE_MS,
  type Topology,
  type TopologyOptions,
} from "../../bus/topology.ts";
import { formatDuration } from "../../core/duration.ts";
import { TuttiError } from "../../core/error.ts";
import { SHARD_HASH } from "../../core/hash.ts";
import { decodeJson, encodeJson } from "../../core/json.ts";
import type { Logger } from "../../core/logger.ts";

interface ShardSettings {
  readonly v: 1;
  readonly shards: number;
  readonly hash: string;
}

/**
 * The number of shards and the hash, fixed when the log is created and recorded beside it: with another one, runs
 * would be looked for where they are not. `wanted` undefined: whatever is recorded. Rejects with 409 on a mismatch.
 */
export async function agreeOnShards(
  bus: Bus,
  topology: Topology,
  wanted: number | undefined,
  fallback: number,
): Promise<number> {
  const bucket = await bus.bucket(topology.buckets.config);
  const proposal: ShardSettings = { v: 1, shards: wanted ?? fallback, hash: SHARD_HASH };
  let recorded = await bucket.get("shards");
  if (!recorded) {
    try {
      await bucket.create("shards", encodeJson(proposal));
      return proposal.shards;
    } catch (error) {
      if (!isBusError(error, "wrong-sequence")) throw error;
      recorded = await bucket.get("shards");
    }
  }
  const settings = decodeJson(recorded!.value) as ShardSettings;
  if (settings.hash !== SHARD_HASH)
    throw new TuttiError(409, `the log's runs are spread by the hash ${settings.hash}; this build knows ${SHARD_HASH}`);
  if (wanted !== undefined && settings.shards !== wanted)
    throw new TuttiError(
      409,
      `the log has ${settings.shards} shards, fixed when it was created; ${wanted} were asked for (TUTTI_SHARDS)`,
      {
        expected: String(settings.shards),
        received: String(wanted),
      },
    );
  return settings.shards;
}

interface RetentionSettings {
  readonly v: 1;
  readonly maxAgeMs: number;
}

/**
 * How long the log is kept, ms: what was stated last, by this process or another; else the default. Whoever opens a
 * stream or store sets its age, and so has to know.
 */
export async function agreeOnMaxAge(bus: Bus, stated: TopologyOptions): Promise<number> {
  const bucket = await bus.bucket(createTopology(stated).buckets.config);
  const recorded = await bucket.get("retention");
  const known = recorded && (decodeJson(recorded.value) as RetentionSettings).maxAgeMs;
  const { maxAgeMs = known ?? DEFAULT_MAX_AGE_MS } = stated;
  if (stated.maxAgeMs !== undefined && maxAgeMs !== known)
    await bucket.put("retention", encodeJson({ v: 1, maxAgeMs } satisfies RetentionSettings));
  return maxAgeMs;
}

interface LeaseSettings {
  readonly v: 1;
  readonly leaseMs: number;
}

/**
 * The lease of all that are alive, ms. Who comes first sets it, and with it how long presences stand; another's, renewed for a
 * longer one, would expire while their owner goes on. So who comes while others are alive takes theirs, with a warning
 * where it has stated another.
 */
export async function agreeOnLease(bus: Bus, stated: TopologyOptions, log: Logger): Promise<number> {
  const { presenceTtlMs: wanted = DEFAULT_LEASE_MS } = stated;
  const bucket = await bus.bucket(createTopology(stated).buckets.config);
  const recorded = await bucket.get("lease");
  const inForce = recorded && (decodeJson(recorded.value) as LeaseSettings).leaseMs;
  if (inForce === wanted) return wanted;
  if (inForce !== undefined && (await isAnybodyAlive(bus, { ...stated, presenceTtlMs: inForce }))) {
    if (stated.presenceTtlMs !== undefined) log("warn", describeLeases(wanted, inForce));
    return inForce;
  }
  await bucket.put("lease", encodeJson({ v: 1, leaseMs: wanted } satisfies LeaseSettings));
  return wanted;
}

const describeLeases = (wanted: number, inForce: number): string =>
  `the lease asked for here (TUTTI_LEASE) is ${formatDuration(wanted)}, but that of those who are alive is ${formatDuration(inForce)}: theirs is taken. To change it, stop all orchestrators and workers first, and start them with the same`;

async function isAnybodyAlive(bus: Bus, inForce: TopologyOptions): Promise<boolean> {
  const { orchestrators, workers } = createTopology(inForce).buckets;
  for (const definition of [orchestrators, workers])
    if ((await (await bus.bucket(definition)).entries()).length > 0) return true;
  return false;
}
