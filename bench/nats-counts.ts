/**
 * Measures the cost of a task on the bus by the server's counters: everything that clients send and receive. The number
 * of results per message depends on timing, so these counts vary by some percent.
 */
import type { Cluster } from "./cluster.ts";
import { COUNTED_LOADS, type CountedLoad, type LoadName } from "./counted-loads.ts";
import { median } from "./rounds.ts";
import type { BenchServer, Traffic } from "./server.ts";

const ROUNDS = 3;

export interface NatsCounts {
  readonly natsMessages: number;
  readonly natsBytes: number;
}

/** The cost of one task, without other work on the server. */
export async function countOnNats(server: BenchServer, { client }: Cluster, name: LoadName): Promise<NatsCounts> {
  const load: CountedLoad = COUNTED_LOADS[name];
  await load.run(client);
  const taken: Traffic[] = [];
  for (let i = 0; i < ROUNDS; i++) {
    const before = await server.traffic();
    await load.run(client);
    const after = await server.traffic();
    taken.push({ messages: after.messages - before.messages, bytes: after.bytes - before.bytes });
  }
  const perTask = (what: keyof Traffic) => median(taken.map((one) => one[what])) / load.tasks;
  return { natsMessages: perTask("messages"), natsBytes: perTask("bytes") };
}
