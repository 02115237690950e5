import { type Cluster, startCluster } from "./cluster.ts";
import { runFanOut, runMany } from "./load.ts";
import type { Row } from "./report.ts";
import { inTurn, median, rounded } from "./rounds.ts";
import type { BenchServer } from "./server.ts";
import type { Workload } from "./workload.ts";

const ORCHESTRATORS = [1, 2, 3];
const HANDS = [1, 2, 3, 4];
/** The number of runs in flight, which are spread over the shards and so over the orchestrators. */
const IN_FLIGHT = 16;
const RUNS = 48;
/** The number of warm-up runs per worker, so that every process has compiled its code. */
const WARM_UP_RUNS = 24;

/**
 * Measures the same work on 1 to 3 orchestrators and 1 to 4 workers. Each round measures all of these layouts, each
 * with its own processes and an empty server: runs that others had left would have to be replayed.
 */
export const scale: Workload = {
  summary:
    "48 runs of N tasks, 16 in flight, on 1–3 orchestrators and 1–4 workers: tasks/s, and what a task costs on the bus",
  sizesAre: "tasks of a run",
  sizes: [1000],
  rounds: 3,
  async measure({ startServer, sizes, rounds, say }) {
    const rows: Row[] = [];
    for (const n of sizes) {
      const layouts = ORCHESTRATORS.flatMap((orchestrators) => HANDS.map((workers) => ({ orchestrators, workers })));
      const contenders = Object.fromEntries(
        layouts.map((layout) => [nameOf(layout), () => measureOnce(startServer, layout, n, say)]),
      );
      const taken = await inTurn(rounds, contenders, (round) => say(`round ${round} of ${rounds} is over`));
      for (const layout of layouts) {
        const of = (what: keyof Figures) => median(taken[nameOf(layout)]!.map((one) => one[what]));
        rows.push({
          n,
          ...layout,
          "tasks/s": rounded(of("tasksPerSecond")),
          "messages/task": rounded(of("messages"), 2),
          "bytes/task": rounded(of("bytes")),
          "orchestrator µs cpu/task": rounded(of("orchestrator"), 1),
          worker: rounded(of("worker"), 1),
          server: rounded(of("server"), 1),
        });
      }
    }
    return rows;
  },
};

interface Layout {
  readonly orchestrators: number;
  readonly workers: number;
}

const nameOf = ({ orchestrators, workers }: Layout): string => `${orchestrators} × ${workers}`;

/**
 * The figures of a layout. All but the first are per task; processor time is in microseconds, over all processes of a
 * kind.
 */
interface Figures {
  readonly tasksPerSecond: number;
  readonly messages: number;
  readonly bytes: number;
  readonly orchestrator: number;
  readonly worker: number;
  readonly server: number;
}

async function measureOnce(
  startServer: () => Promise<BenchServer>,
  layout: Layout,
  n: number,
  say: (line: string) => void,
): Promise<Figures> {
  const server = await startServer();
  let cluster: Cluster | undefined;
  try {
    cluster = await startCluster(server, layout);
    const { client } = cluster;
    await balanced(cluster, layout.orchestrators);
    await runMany(WARM_UP_RUNS * layout.workers, IN_FLIGHT, () => runFanOut(client, n));
    const before = { ...(await server.traffic()), ...(await cluster.cpuMicros()) };
    const { ms } = await runMany(RUNS, IN_FLIGHT, () => runFanOut(client, n));
    const after = { ...(await server.traffic()), ...(await cluster.cpuMicros()) };
    const perTask = (what: keyof typeof before) => (after[what] - before[what]) / (RUNS * n);
    const tasksPerSecond = ((RUNS * n) / ms) * 1000;
    say(`${layout.orchestrators} orchestrators, ${layout.workers} workers: ${rounded(tasksPerSecond)} tasks/s`);
    return {
      tasksPerSecond,
      messages: perTask("messages"),
      bytes: perTask("bytes"),
      orchestrator: perTask("orchestrator"),
      worker: perTask("worker"),
      server: perTask("server"),
    };
  } finally {
    await cluster?.stop();
    await server.stop();
  }
}

const SHARDS = 16;
const BALANCED_WITHIN_MS = 30_000;

/** Resolves when the orchestrators own all shards, in numbers that differ by at most one. */
async function balanced({ client }: Cluster, orchestrators: number): Promise<void> {
  const from = performance.now();
  for (;;) {
    const owned = (await client.orchestrators()).map(({ shards }) => shards.length);
    if (owned.length === orchestrators && sum(owned) === SHARDS && Math.max(...owned) - Math.min(...owned) <= 1) return;
    if (performance.now() - from > BALANCED_WITHIN_MS)
      throw new Error(
        `expected ${orchestrators} orchestrators to share ${SHARDS} shards; they own ${owned.join(", ")}`,
      );
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

const sum = (counts: readonly number[]): number => counts.reduce((a, b) => a + b, 0);
