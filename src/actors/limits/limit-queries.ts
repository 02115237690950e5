import type { z } from "zod";
import { type Bucket, isBusError } from "../../bus/port.ts";
import { TuttiError } from "../../core/error.ts";
import { encodeJson } from "../../core/json.ts";
import { type LimitEntry, limitEntry } from "../../core/limit-entry.ts";
import { type LimitView, parseLimitName, viewLimit } from "../../core/limit-view.ts";
import type { QUERIES } from "../../core/query.ts";
import { parseRate, RATE_EXPECTED } from "../../core/rate.ts";
import { readAs } from "../host/bucket-entry.ts";
import type { Runtime } from "../host/runtime.ts";
import { entryKey, type LimitName } from "./limit-key.ts";

type SetLimit = z.output<(typeof QUERIES)["limits.set"]>;
type RemoveLimit = z.output<(typeof QUERIES)["limits.remove"]>;

/** Every limit that is set, and those of plans whose tasks run or wait. */
export async function listLimits(runtime: Runtime): Promise<LimitView[]> {
  const entries = await readEntries(await openBucket(runtime));
  const views = [...entries.values()].map(viewLimit);
  return views.sort((a, b) => (`${a.limit} ${a.what}` < `${b.limit} ${b.what}` ? -1 : 1));
}

/** Sets a limit, from now on and for all processes. What is in progress goes on; until it is fewer, nothing more begins. */
export async function setLimit(runtime: Runtime, { limit, tenant, concurrency, rate }: SetLimit): Promise<LimitView[]> {
  const bucket = await openBucket(runtime);
  const name = parseLimitName(limit, tenant);
  const parsed = rate === undefined ? undefined : parseRate(rate);
  if (rate !== undefined && !parsed)
    throw new TuttiError(400, `rate ${JSON.stringify(rate)}: expected ${RATE_EXPECTED}`);
  if (concurrency !== undefined) await change(bucket, name, concurrency);
  if (parsed) {
    // A rate over another time is another entry.
    for (const [id, entry] of await readEntries(bucket))
      if (isOf(entry, name) && entry.perMs !== undefined && entry.perMs !== parsed.perMs && entry.isSet)
        await bucket.delete(id);
    await change(bucket, { ...name, perMs: parsed.perMs }, parsed.most);
  }
  return (await listLimits(runtime)).filter((one) => one.limit === limit && (one.tenant ?? tenant) === tenant);
}

/** Removes what was set: what waits for it goes on. Rejects with 404 where nothing was. */
export async function removeLimit(runtime: Runtime, { limit, tenant }: RemoveLimit): Promise<{ removed: number }> {
  const bucket = await openBucket(runtime);
  const name = parseLimitName(limit, tenant);
  let removed = 0;
  for (const [id, entry] of await readEntries(bucket)) {
    if (!entry.isSet || !isOf(entry, name)) continue;
    // Attempts of plans that state the key themselves hold permits of it still.
    if (name.by === "key" && Object.keys(entry.shards).length > 0)
      await change(bucket, { ...name, perMs: entry.perMs }, entry.most, false);
    else await bucket.delete(id);
    removed++;
  }
  if (removed === 0) throw new TuttiError(404, `no limit ${limit} is set`);
  return { removed };
}

const openBucket = ({ bus, topology }: Runtime): Promise<Bucket> => bus.bucket(topology.buckets.limits);

const isOf = (entry: LimitEntry, { by, of, tenant }: LimitName): boolean =>
  entry.by === by && entry.of === of && entry.tenant === tenant;

async function readEntries(bucket: Bucket): Promise<Map<string, LimitEntry>> {
  const entries = new Map<string, LimitEntry>();
  for (const { key, value } of await bucket.entries()) {
    // What another program has written there is passed over.
    const parsed = readAs(limitEntry, value);
    if (parsed) entries.set(key, parsed);
  }
  return entries;
}

async function change(bucket: Bucket, name: LimitName, most: number, isSet = true): Promise<void> {
  const id = entryKey(name);
  const { by, of, tenant, perMs } = name;
  for (;;) {
    const found = await bucket.get(id);
    const before = found && readAs(limitEntry, found.value);
    const { changes = 0, shards = {}, turn } = before ?? {};
    const entry: LimitEntry = {
      ...{ v: 1, by, of, most, isSet, changes: changes + 1, shards },
      ...(tenant !== undefined && { tenant }),
      ...(perMs !== undefined && { perMs }),
      ...(turn !== undefined && { turn }),
    };
    try {
      if (found) await bucket.update(id, encodeJson(entry), found.revision);
      else await bucket.create(id, encodeJson(entry));
      return;
    } catch (error) {
      if (!isBusError(error, "wrong-sequence")) throw error;
    }
  }
}
