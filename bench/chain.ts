import { startCluster } from "./cluster.ts";
import { startFloor } from "./floor.ts";
import type { Workload } from "./main.ts";
import { median, report } from "./report.ts";

const ROUNDS = 7;

/** N tasks one after another: the time of one hop, in turn with the floor's. */
export const chain: Workload = async (server, [n = 100]) => {
  const floor = await startFloor(server.url);
  const cluster = await startCluster(server.url);
  const times = { floor: [] as number[], tutti: [] as number[] };
  for (let i = 0; i < ROUNDS + 2; i++) {
    const hops: number[] = [];
    for (let k = 0; k < n; k++) hops.push(await floor.hop());
    const from = performance.now();
    await cluster.client.run("chain", { n });
    // The first rounds warm up both.
    if (i < 2) continue;
    times.floor.push(median(hops));
    times.tutti.push((performance.now() - from) / n);
  }
  const [floorMs, tuttiMs] = [median(times.floor), median(times.tutti)];
  const row = {
    n,
    "floor ms/hop": Number(floorMs.toFixed(3)),
    "tutti ms/hop": Number(tuttiMs.toFixed(3)),
    "times the floor": Number((tuttiMs / floorMs).toFixed(2)),
  };
  report("chain", [row], { rounds: ROUNDS, server: cluster.client.bus });
  await cluster.stop();
  await floor.stop();
};
