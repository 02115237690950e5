import { tutti } from "../src/tutti.ts";
import { runChain, runFanOut, runMany, runSixTasks } from "./load.ts";
import type { Row } from "./report.ts";
import { inTurn, median, quantile, rounded } from "./rounds.ts";
import { WORKERS } from "./workers.ts";
import type { Workload } from "./workload.ts";

const SMALL_RUNS = 500;
const IN_FLIGHT = 50;
const CHAIN = 100;

/** Measures the cost of the engine alone: everything runs in this process, on the memory bus. */
export const embedded: Workload = {
  summary: "fan-out, small runs and chain in one process on the memory bus: the engine's own cost",
  sizesAre: "tasks of a fan-out",
  sizes: [1000, 10_000, 100_000],
  async measure({ sizes, rounds, say }) {
    await using app = await tutti({ workers: WORKERS.plans, concurrency: 500 });
    const one = () => runSixTasks(app);
    for (let i = 0; i < Math.min(3, rounds); i++) {
      await runFanOut(app, Math.min(10_000, Math.max(...sizes)));
      await runMany(SMALL_RUNS, IN_FLIGHT, one);
      await runChain(app, CHAIN);
    }
    const rows: Row[] = [];
    for (const n of sizes) {
      const { tutti: times } = await inTurn(rounds, { tutti: () => runFanOut(app, n) }, (round, { tutti }) =>
        say(`fan-out of ${n}, round ${round}: ${rounded(tutti)} ms`),
      );
      rows.push({ workload: "fan-out", n, ms: rounded(median(times)), "tasks/s": rounded((n / median(times)) * 1000) });
    }
    const taken = await inTurn(
      rounds,
      {
        async many() {
          const { ms, latencies } = await runMany(SMALL_RUNS, IN_FLIGHT, one);
          return { ms, latencies };
        },
        async alone() {
          const { ms, latencies } = await runMany(50, 1, one);
          return { ms, latencies };
        },
        chain: async () => ({ ms: await runChain(app, CHAIN), latencies: [] }),
      },
      (round) => say(`small runs and chain, round ${round}`),
    );
    const latencies = taken.many.flatMap((round) => round.latencies);
    const ms = median(taken.many.map((round) => round.ms));
    rows.push({
      workload: "small-runs",
      n: SMALL_RUNS,
      ms: rounded(ms),
      "runs/s": rounded((SMALL_RUNS / ms) * 1000),
      "p50 ms": rounded(median(latencies), 1),
      "p99 ms": rounded(quantile(latencies, 0.99), 1),
      "alone p50 ms": rounded(median(taken.alone.flatMap((round) => round.latencies)), 3),
    });
    rows.push({ workload: "chain", n: CHAIN, "ms/hop": rounded(median(taken.chain.map((round) => round.ms)), 4) });
    return rows;
  },
};
