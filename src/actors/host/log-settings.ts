import type { z } from "zod";
import { type Bus, isBusError } from "../../bus/port.ts";
import {
  createTopology,
  DEFAULT_LEASE_MS,
  DEFAULT_MAX_AGE_MS,
  type Topology,
  type TopologyOptions,
} from "../../bus/topology.ts";
import { formatDuration } from "../../core/duration.ts";
import { messageOf, TuttiError } from "../../core/error.ts";
import { SHARD_HASH } from "../../core/hash.ts";
import { encodeJson } from "../../core/json.ts";
import type { Logger } from "../../core/logger.ts";
import {
  type LeaseSettings,
  leaseSettings,
  type RetentionSettings,
  retentionSettings,
  type ShardSettings,
  shardSettings,
} from "../../core/settings.ts";
import { parseBy } from "./bucket-entry.ts";

/**
 * Agrees on the number of shards and the hash, which are fixed when the log is created and recorded beside it: with
 * others, runs would be searched in the wrong shards. With `wanted` undefined, the recorded number applies. Rejects
 * with 409 on a mismatch.
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
  const settings = readSetting("shards", recorded!.value, shardSettings);
  if ("problem" in settings) {
    if (wanted === undefined)
      throw unreadable("shards", settings.problem, "the number of shards that the log has (TUTTI_SHARDS)");
    await bucket.put("shards", encodeJson(proposal));
    return wanted;
  }
  if (settings.hash !== SHARD_HASH)
    throw new TuttiError(
      409,
      `the log assigns runs to shards by the hash ${settings.hash}; this build has ${SHARD_HASH}`,
    );
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

/**
 * Agrees on the age of the log, in ms: the value that a process stated last, else the default. Every process that opens
 * a stream or store sets its age, and so has to know it.
 */
export async function agreeOnMaxAge(bus: Bus, stated: TopologyOptions): Promise<number> {
  const bucket = await bus.bucket(createTopology(stated).buckets.config);
  const recorded = await bucket.get("retention");
  const read = recorded && readSetting("retention", recorded.value, retentionSettings);
  if (read && "problem" in read && stated.maxAgeMs === undefined)
    throw unreadable("retention", read.problem, "the time that the log is kept (TUTTI_MAX_AGE)");
  const known = read && "maxAgeMs" in read ? read.maxAgeMs : undefined;
  const { maxAgeMs = known ?? DEFAULT_MAX_AGE_MS } = stated;
  if (stated.maxAgeMs !== undefined && maxAgeMs !== known)
    await bucket.put("retention", encodeJson({ v: 1, maxAgeMs } satisfies RetentionSettings));
  return maxAgeMs;
}

/**
 * Agrees on the lease of all running processes, in ms. The first process sets it, and with it the time after which
 * presences expire; the presence of a process with a longer lease would expire while the process still acts. So a
 * process that starts while others are running uses their lease, and logs a warning if it has stated another.
 */
export async function agreeOnLease(bus: Bus, stated: TopologyOptions, log: Logger): Promise<number> {
  const { presenceTtlMs: wanted = DEFAULT_LEASE_MS } = stated;
  const bucket = await bus.bucket(createTopology(stated).buckets.config);
  const recorded = await bucket.get("lease");
  const read = recorded && readSetting("lease", recorded.value, leaseSettings);
  if (read && "problem" in read) log("warn", `${read.problem}; it is written again, with ${formatDuration(wanted)}`);
  const inForce = read && "leaseMs" in read ? read.leaseMs : undefined;
  if (inForce === wanted) return wanted;
  if (inForce !== undefined && (await hasPresences(bus, { ...stated, presenceTtlMs: inForce }))) {
    if (stated.presenceTtlMs !== undefined) log("warn", describeLeases(wanted, inForce));
    return inForce;
  }
  await bucket.put("lease", encodeJson({ v: 1, leaseMs: wanted } satisfies LeaseSettings));
  return wanted;
}

const describeLeases = (wanted: number, inForce: number): string =>
  `the lease set here (TUTTI_LEASE) is ${formatDuration(wanted)}, but that of the running processes is ${formatDuration(inForce)}, which is used. To change it, stop all orchestrators and workers, and start them with the same lease`;

/** Whether an orchestrator or worker is running. */
async function hasPresences(bus: Bus, inForce: TopologyOptions): Promise<boolean> {
  const { orchestrators, workers } = createTopology(inForce).buckets;
  for (const definition of [orchestrators, workers])
    if ((await (await bus.bucket(definition)).entries()).length > 0) return true;
  return false;
}

function readSetting<S extends z.ZodType>(
  key: string,
  value: Uint8Array,
  schema: S,
): z.output<S> | { problem: string } {
  try {
    return parseBy(schema)(value, key);
  } catch (error) {
    return { problem: `the entry ${key} of the bucket config cannot be read: ${messageOf(error)}` };
  }
}

/**
 * The error for a setting that cannot be read. It is not guessed, which could hide runs or shorten the log: a user
 * states it.
 */
const unreadable = (key: string, problem: string, what: string): TuttiError =>
  new TuttiError(409, `${problem}. State ${what} once, to write the entry again`, { path: key });
