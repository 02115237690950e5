import { startCluster } from "./cluster.ts";
import { startFloor } from "./floor.ts";
import type { Workload } from "./main.ts";
import { median, type Row, report } from "./report.ts";

const ROUNDS = 5;

/** One run of N no-op tasks and a reducer, from submit to result, in turn with the floor. */
export const fanOut: Workload = async (server, sizes) => {
  const floor = await startFloor(server.url);
  const cluster = await startCluster(server.url);
  const run = async (n: number) => {
    const from = performance.now();
    const counted = await cluster.client.run("fan-out", { n });
    if (counted !== n) throw new Error(`${n} tasks were to be counted; the result is ${counted}`);
    return performance.now() - from;
  };
  for (let i = 0; i < 3; i++) await Promise.all([floor.fanOut(1000), run(1000)]);
  const rows: Row[] = [];
  for (const n of sizes.length > 0 ? sizes : [1000, 10_000]) {
    const times = { floor: [] as number[], tutti: [] as number[] };
    for (let i = 0; i < ROUNDS; i++) {
      times.floor.push(await floor.fanOut(n));
      times.tutti.push(await run(n));
    }
    const [floorMs, tuttiMs] = [median(times.floor), median(times.tutti)];
    rows.push({
      n,
      "floor ms": Math.round(floorMs),
      "tutti ms": Math.round(tuttiMs),
      "floor tasks/s": Math.round((n / floorMs) * 1000),
      "tutti tasks/s": Math.round((n / tuttiMs) * 1000),
      "of the floor": Number((floorMs / tuttiMs).toFixed(2)),
    });
  }
  report("fan-out", rows, { rounds: ROUNDS, server: cluster.client.bus });
  await cluster.stop();
  await floor.stop();
};
