import { type Cluster, startCluster } from "./cluster.ts";
import type { Memory } from "./processes.ts";
import type { Row } from "./report.ts";
import { median, rounded } from "./rounds.ts";
import type { BenchServer } from "./server.ts";
import type { Workload } from "./workload.ts";

const MIB = 2 ** 20;
const TASKS_STREAM = "TUTTI_TASKS";
const POLL_MS = 50;
/** The time without growth after which a queue is complete. */
const SETTLED_MS = 2000;
const PENDING_WITHIN_MS = 120_000;
/** The setting of the Dockerfile. A value in this process's environment takes precedence. */
const AS_IN_THE_IMAGE = { MALLOC_ARENA_MAX: "2" };
/**
 * The number of runs before the base is measured. After them, code is compiled, buffers are allocated, and the young
 * generation of the heap, which grows by survivors and not by the objects that are held, has its final size.
 */
const WARM_UP = 3;

/**
 * Measures the memory of the orchestrator's process while N tasks of one run are pending, and after the run has ended,
 * run after run. The tasks are pending because the worker, which takes some of them, holds them until they are
 * released.
 */
export const memory: Workload = {
  summary:
    "the orchestrator's memory with N tasks pending, and afterwards, over as many runs in a row as there are rounds",
  sizesAre: "tasks of a run",
  sizes: [10_000, 100_000],
  rounds: 20,
  async measure({ startServer, sizes, rounds, say }) {
    const rows: Row[] = [];
    for (const n of sizes) {
      // New processes for each size: memory that a larger run has left must not count for a smaller one.
      const server = await startServer();
      const cluster = await startCluster(server, { kind: "held", env: AS_IN_THE_IMAGE });
      try {
        rows.push(await measureSize(server, cluster, n, rounds, say));
      } finally {
        await cluster.stop();
        await server.stop();
      }
    }
    return rows;
  },
};

async function measureSize(
  server: BenchServer,
  cluster: Cluster,
  n: number,
  rounds: number,
  say: (line: string) => void,
): Promise<Row> {
  const orchestrator = cluster.orchestrators[0]!;
  const fresh = await orchestrator.memory();
  for (let i = 0; i < WARM_UP; i++) await pass(server, cluster, n);
  const base = await orchestrator.memory();
  const pending: Memory[] = [];
  const after: Memory[] = [];
  for (let round = 1; round <= rounds; round++) {
    const seen = await pass(server, cluster, n);
    pending.push(seen);
    after.push(await orchestrator.memory());
    say(
      `${n} tasks, run ${round} of ${rounds}: ${mib(seen.resident)} MiB while pending, ${mib(after.at(-1)!.resident)} MiB after`,
    );
  }
  const of = (list: readonly Memory[], what: keyof Memory) => median(list.map((one) => one[what]));
  return {
    n,
    "fresh MiB": mib(fresh.resident),
    "base MiB": mib(base.resident),
    "pending MiB": mib(of(pending, "resident")),
    "after MiB": mib(of(after, "resident")),
    "most after MiB": mib(Math.max(...after.map((one) => one.resident))),
    "last after/base": rounded(after.at(-1)!.resident / base.resident, 2),
    "resident bytes/task": rounded((of(pending, "resident") - base.resident) / n),
    "used bytes/task": rounded((of(pending, "used") - base.used) / n),
    "used after MiB": mib(after.at(-1)!.used),
    "peak MiB": mib(after.at(-1)!.mostResident),
  };
}

const mib = (bytes: number): number => rounded(bytes / MIB);

/** Executes one run. Resolves with the orchestrator's memory while all tasks were pending. */
async function pass(server: BenchServer, cluster: Cluster, n: number): Promise<Memory> {
  const [worker, orchestrator] = [cluster.workers[0]!, cluster.orchestrators[0]!];
  await worker.hold(true);
  const run = cluster.client.run("fan-out-held", { n });
  await Promise.race([dispatched(server, n), run]);
  const seen = await orchestrator.memory();
  await worker.hold(false);
  const counted = await run;
  if (counted !== n) throw new Error(`expected ${n} tasks to be counted, received ${JSON.stringify(counted)}`);
  return seen;
}

/**
 * Resolves when the orchestrator has queued all tasks, or as many as its limit allows. Tasks that the worker holds stay
 * on the queue, and the others wait in the orchestrator. (A single task is the root, which has not planned yet.)
 */
async function dispatched(server: BenchServer, n: number): Promise<void> {
  const from = performance.now();
  let [queued, since] = [0, from];
  while (queued < n && !(queued > 1 && performance.now() - since > SETTLED_MS)) {
    if (performance.now() - from > PENDING_WITHIN_MS)
      throw new Error(`the tasks were not on the queue within ${PENDING_WITHIN_MS / 1000} s`);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    const now = await server.messagesOf(TASKS_STREAM);
    if (now !== queued) [queued, since] = [now, performance.now()];
  }
}
