import { startCluster } from "./cluster.ts";
import { startFloor } from "./floor.ts";
import { runChain } from "./load.ts";
import type { Row } from "./report.ts";
import { inTurn, median, rounded } from "./rounds.ts";
import type { Workload } from "./workload.ts";

/** Measures the time of one hop in a chain of N tasks, in turn with the floor's. */
export const chain: Workload = {
  summary: "a run of N tasks one after another: the time of a hop, in turn with the floor's",
  sizesAre: "tasks of a run",
  sizes: [100],
  rounds: 11,
  async measure({ startServer, sizes, rounds, say }) {
    const server = await startServer();
    const floor = await startFloor(server.url);
    const cluster = await startCluster(server);
    const rows: Row[] = [];
    try {
      for (const n of sizes) {
        const contenders = {
          // As for Tutti, the time of all hops together, including slow ones.
          async floor() {
            const from = performance.now();
            for (let k = 0; k < n; k++) await floor.hop();
            return (performance.now() - from) / n;
          },
          tutti: () => runChain(cluster.client, n),
        };
        // A warm-up, so that both run compiled code.
        await inTurn(20, contenders);
        const taken = await inTurn(rounds, contenders, (round, { floor, tutti }) =>
          say(`${n} tasks, round ${round}: floor ${rounded(floor, 3)} ms, tutti ${rounded(tutti, 3)} ms`),
        );
        const [floorMs, tuttiMs] = [median(taken.floor), median(taken.tutti)];
        rows.push({
          n,
          "floor ms/hop": rounded(floorMs, 3),
          "tutti ms/hop": rounded(tuttiMs, 3),
          "times the floor": rounded(tuttiMs / floorMs, 2),
        });
      }
    } finally {
      await cluster.stop();
      await floor.stop();
    }
    return rows;
  },
};
