import { countAllocatedBytes } from "./allocations.ts";
import { startCluster } from "./cluster.ts";
import { LOAD_NAMES, type LoadName } from "./counted-loads.ts";
import { countEmbedded, type EmbeddedCounts } from "./embedded-counts.ts";
import { countOnNats, type NatsCounts } from "./nats-counts.ts";
import { rounded } from "./rounds.ts";
import type { BenchServer } from "./server.ts";
import type { Workload } from "./workload.ts";

/** The cost of one task. */
export interface Counts extends EmbeddedCounts, NatsCounts {
  readonly allocatedBytes: number;
}

/** Counts do not depend on what else runs, so the parts need not wait for each other. */
export async function countAll(server: BenchServer): Promise<Record<LoadName, Counts>> {
  const inEach = async <T>(count: (name: LoadName) => Promise<T>) => {
    const counted: T[] = [];
    for (const name of LOAD_NAMES) counted.push(await count(name));
    return counted;
  };
  const onNats = async () => {
    await using cluster = await startCluster(server);
    return await inEach((name) => countOnNats(server, cluster, name));
  };
  const [embedded, nats, allocated] = await Promise.all([inEach(countEmbedded), onNats(), inEach(countAllocatedBytes)]);
  const counts = LOAD_NAMES.map((name, i) => [
    name,
    { ...embedded[i]!, ...nats[i]!, allocatedBytes: allocated[i]! } satisfies Counts,
  ]);
  return Object.fromEntries(counts) as Record<LoadName, Counts>;
}

/** Prints the figures that `test/performance/expected-counts.ts` checks. */
export const counts: Workload = {
  summary: "what one task costs in messages, bytes, machine steps and allocations; a test holds us to these",
  sizesAre: "none",
  sizes: [],
  async measure({ startServer }) {
    const all = await countAll(await startServer());
    return LOAD_NAMES.map((load) => ({
      load,
      ...Object.fromEntries(Object.entries(all[load]).map(([what, count]) => [what, rounded(count, 4)])),
    }));
  },
};
