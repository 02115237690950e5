import { tutti } from "../src/tutti.ts";
import type { Workload } from "./main.ts";
import { median, type Row, report } from "./report.ts";
import { benchWorkers } from "./workers.ts";

const ROUNDS = 7;

/** Everything in this process, on the memory bus: the engine's own cost. */
export const embedded: Workload = async (_, sizes) => {
  await using app = await tutti({ workers: benchWorkers, concurrency: 500 });
  const timed = async (type: string, n: number) => {
    const from = performance.now();
    await app.run(type, { n });
    return performance.now() - from;
  };
  for (let i = 0; i < 3; i++) await timed("fan-out", 10_000);
  const rows: Row[] = [];
  for (const n of sizes.length > 0 ? sizes : [1000, 10_000, 100_000]) {
    const times: number[] = [];
    for (let i = 0; i < ROUNDS; i++) times.push(await timed("fan-out", n));
    rows.push({
      workload: "fan-out",
      n,
      ms: Math.round(median(times)),
      "tasks/s": Math.round((n / median(times)) * 1000),
    });
  }
  const hops: number[] = [];
  for (let i = 0; i < ROUNDS; i++) hops.push((await timed("chain", 100)) / 100);
  rows.push({ workload: "chain", n: 100, "ms/hop": Number(median(hops).toFixed(3)) });
  report("embedded", rows, { rounds: ROUNDS });
};
