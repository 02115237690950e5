import { startCluster } from "./cluster.ts";
import { startFloor } from "./floor.ts";
import { runMany, runSixTasks } from "./load.ts";
import type { Row } from "./report.ts";
import { median, quantile, rounded } from "./rounds.ts";
import type { Workload } from "./workload.ts";

const IN_FLIGHT = 50;
/** The number of runs and hops that are measured one at a time in each round. */
const ALONE = 50;

/** Measures N runs of the six-task plan with 50 in flight, and with one in flight, in turn with the floor's hop. */
export const smallRuns: Workload = {
  summary: "N runs of six tasks, 50 in flight; and one in flight, in turn with the floor's hop",
  sizesAre: "runs",
  sizes: [500],
  async measure({ startServer, sizes, rounds, say }) {
    const server = await startServer();
    const floor = await startFloor(server.url);
    const cluster = await startCluster(server);
    const one = () => runSixTasks(cluster.client);
    const rows: Row[] = [];
    try {
      for (const n of sizes) {
        for (let i = 0; i < 2; i++) await runMany(n, IN_FLIGHT, one);
        const rates: number[] = [];
        const latencies: number[] = [];
        const hops: number[] = [];
        const alone: number[] = [];
        for (let round = 1; round <= rounds; round++) {
          const { ms, latencies: those } = await runMany(n, IN_FLIGHT, one);
          rates.push((n / ms) * 1000);
          latencies.push(...those);
          for (let k = 0; k < ALONE; k++) {
            hops.push(await floor.hop());
            alone.push(await one());
          }
          say(`${n} runs, round ${round}: ${rounded(rates.at(-1)!)} runs/s, p50 ${rounded(median(those), 1)} ms`);
        }
        rows.push({
          n,
          "runs/s": rounded(median(rates)),
          "p50 ms": rounded(median(latencies), 1),
          "p99 ms": rounded(quantile(latencies, 0.99), 1),
          "alone p50 ms": rounded(median(alone), 2),
          "floor hop ms": rounded(median(hops), 3),
          "alone in hops": rounded(median(alone) / median(hops), 1),
        });
      }
    } finally {
      await cluster.stop();
      await floor.stop();
    }
    return rows;
  },
};
