import { type Cluster, startCluster } from "./cluster.ts";
import { type Floor, startFloor } from "./floor.ts";
import { runFanOut } from "./load.ts";
import type { Row } from "./report.ts";
import { inTurn, median, rounded } from "./rounds.ts";
import { type BenchServer, cpuMicrosOf } from "./server.ts";
import type { Workload } from "./workload.ts";

/** Measures one run of N no-op tasks and a reducer, from submission to result, in turn with the floor. */
export const fanOut: Workload = {
  summary: "one run of N no-op tasks and a reducer, in turn with the floor",
  sizesAre: "tasks of a run",
  sizes: [1000, 10_000, 100_000],
  async measure({ startServer, sizes, rounds, say }) {
    const server = await startServer();
    const floor = await startFloor(server.url);
    const cluster = await startCluster(server);
    const rows: Row[] = [];
    try {
      for (let i = 0; i < 5; i++) {
        await floor.fanOut(1000);
        await runFanOut(cluster.client, 1000);
      }
      for (const n of sizes) {
        const taken = await inTurn(
          rounds,
          {
            floor: () => measured(server, floor, cluster, () => floor.fanOut(n)),
            tutti: () => measured(server, floor, cluster, () => runFanOut(cluster.client, n)),
          },
          (round, { floor, tutti }) =>
            say(`${n} tasks, round ${round}: floor ${rounded(floor.ms)} ms, tutti ${rounded(tutti.ms)} ms`),
        );
        const of = (who: "floor" | "tutti", what: keyof Measured) => median(taken[who].map((one) => one[what]));
        const perTask = (who: "floor" | "tutti", what: keyof Measured) => rounded(of(who, what) / n, 1);
        const [floorMs, tuttiMs] = [of("floor", "ms"), of("tutti", "ms")];
        rows.push({
          n,
          "floor ms": rounded(floorMs),
          "tutti ms": rounded(tuttiMs),
          "floor tasks/s": Math.round((n / floorMs) * 1000),
          "tutti tasks/s": Math.round((n / tuttiMs) * 1000),
          "of the floor": rounded(floorMs / tuttiMs, 2),
          "floor µs cpu/task": perTask("floor", "all"),
          "tutti µs cpu/task": perTask("tutti", "all"),
          orchestrator: perTask("tutti", "orchestrator"),
          worker: perTask("tutti", "worker"),
          server: perTask("tutti", "server"),
        });
      }
    } finally {
      await cluster.stop();
      await floor.stop();
    }
    return rows;
  },
};

/** Elapsed time, and processor time in microseconds. */
interface Measured {
  readonly ms: number;
  /** The processor time of all processes, including this one, which is the client and the floor's dispatcher. */
  readonly all: number;
  readonly orchestrator: number;
  readonly worker: number;
  readonly server: number;
}

async function measured(
  server: BenchServer,
  floor: Floor,
  cluster: Cluster,
  run: () => Promise<number>,
): Promise<Measured> {
  const before = { ...(await cluster.cpuMicros()), floor: floor.workerCpuMicros(), own: process.cpuUsage() };
  const ms = await run();
  const { user, system } = process.cpuUsage(before.own);
  const server_ = cpuMicrosOf(server.pid) - before.server;
  const floorWorker = floor.workerCpuMicros() - before.floor;
  const after = await cluster.cpuMicros();
  const orchestrator = after.orchestrator - before.orchestrator;
  const worker = after.worker - before.worker;
  return {
    ms,
    orchestrator,
    worker,
    server: server_,
    all: user + system + server_ + floorWorker + orchestrator + worker,
  };
}
