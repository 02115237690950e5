/**
 * What a task costs on the bus, by the server's own counters: everything that clients send it and it sends them. How
 * results fall together into one message is a matter of time, so these counts vary by some percent.
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

/** What one task costs, with no other work on the server. */
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
