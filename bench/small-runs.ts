import { startCluster } from "./cluster.ts";
import { startFloor } from "./floor.ts";
import type { Workload } from "./main.ts";
import { median, quantile, report } from "./report.ts";

const ROUNDS = 5;
const IN_FLIGHT = 50;

/** N runs of the six-task plan, 50 in flight, and one at a time. */
export const smallRuns: Workload = async (server, [n = 500]) => {
  const floor = await startFloor(server.url);
  const cluster = await startCluster(server.url);
  const one = async () => {
    const from = performance.now();
    await cluster.client.run("six-tasks", { i: 1 });
    return performance.now() - from;
  };
  const many = async (count: number) => {
    const latencies: number[] = [];
    let left = count;
    const from = performance.now();
    const lane = async () => {
      while (left-- > 0) latencies.push(await one());
    };
    await Promise.all(Array.from({ length: IN_FLIGHT }, lane));
    return { ms: performance.now() - from, latencies };
  };
  await many(n);
  const rates: number[] = [];
  const latencies: number[] = [];
  const hops: number[] = [];
  const alone: number[] = [];
  for (let i = 0; i < ROUNDS; i++) {
    const round = await many(n);
    rates.push((n / round.ms) * 1000);
    latencies.push(...round.latencies);
    for (let k = 0; k < 50; k++) {
      hops.push(await floor.hop());
      alone.push(await one());
    }
  }
  const row = {
    "runs/s": Math.round(median(rates)),
    "p50 ms": Number(median(latencies).toFixed(1)),
    "p99 ms": Number(quantile(latencies, 0.99).toFixed(1)),
    "alone p50 ms": Number(median(alone).toFixed(2)),
    "floor hop ms": Number(median(hops).toFixed(3)),
    "alone in hops": Number((median(alone) / median(hops)).toFixed(1)),
  };
  report("small-runs", [row], { rounds: ROUNDS, inFlight: IN_FLIGHT, server: cluster.client.bus });
  await cluster.stop();
  await floor.stop();
};
