import { connect } from "@nats-io/transport-node";
import { messageOf } from "../src/core/error.ts";
import { type Cluster, startCluster } from "./cluster.ts";
import { runTexts } from "./load.ts";
import type { Row } from "./report.ts";
import { median, rounded } from "./rounds.ts";
import type { BenchServer } from "./server.ts";
import type { Workload } from "./workload.ts";

const TASKS = 1000;
const MIB = 2 ** 20;

/** Measures a run of a thousand tasks with outputs of N bytes, and a reducer that gets them all. */
export const payload: Workload = {
  summary: "1,000 outputs of N bytes through a reducer: throughput, memory, and the largest message",
  sizesAre: "bytes of an output",
  sizes: [1024, 64 * 1024, 1024 * 1024],
  rounds: 3,
  async measure({ startServer, sizes, rounds, say }) {
    const rows: Row[] = [];
    for (const bytes of sizes) {
      // New processes for each size, since their peaks are those of their whole lifetime.
      const server = await startServer();
      const cluster = await startCluster(server, { kind: "texts" });
      try {
        rows.push(await measureSize(server, cluster, bytes, rounds, say));
      } catch (error) {
        // The other sizes are still measured.
        rows.push({ bytes, failed: messageOf(error) });
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
  bytes: number,
  rounds: number,
  say: (line: string) => void,
): Promise<Row> {
  const [orchestrator, worker] = [cluster.orchestrators[0]!, cluster.workers[0]!];
  // Watching takes time, so it is done in a separate round, which also warms up the others.
  const largest = await largestMessage(server, () => runTexts(cluster.client, TASKS, bytes));
  say(`${bytes} bytes: the largest of the messages has ${largest.bytes}`);
  const before = await server.traffic();
  const times: number[] = [];
  for (let round = 1; round <= rounds; round++) {
    times.push(await runTexts(cluster.client, TASKS, bytes));
    say(`${bytes} bytes, round ${round}: ${rounded(times.at(-1)!)} ms`);
  }
  const passed = (await server.traffic()).bytes - before.bytes;
  const [ofOrchestrator, ofWorker] = [await orchestrator.memory(), await worker.memory()];
  const ms = median(times);
  return {
    bytes,
    ms: rounded(ms),
    "tasks/s": rounded((TASKS / ms) * 1000),
    "MiB/s": rounded((TASKS * bytes) / MIB / (ms / 1000), 1),
    "bus bytes/output byte": rounded(passed / rounds / (TASKS * bytes), 1),
    "orchestrator peak MiB": rounded(ofOrchestrator.mostResident / MIB),
    "after MiB": rounded(ofOrchestrator.resident / MIB),
    "worker peak MiB": rounded(ofWorker.mostResident / MIB),
    "largest message": largest.bytes,
    "of max_payload": rounded(largest.bytes / largest.limit, 2),
  };
}

/** The largest message that passes through the server during `run`, headers included, and the server's limit. */
async function largestMessage(
  server: BenchServer,
  run: () => Promise<unknown>,
): Promise<{ bytes: number; limit: number }> {
  const connection = await connect({ servers: server.url });
  let bytes = 0;
  connection.subscribe(">", {
    callback: (error, message) => {
      if (error) throw error;
      // The length of the headers is not known: names, values and a few characters between them are close enough.
      let headers = 0;
      for (const [name, values] of message.headers ?? []) headers += name.length + values.join().length + 4;
      bytes = Math.max(bytes, message.data.length + headers);
    },
  });
  await run();
  await connection.flush();
  const limit = connection.info!.max_payload;
  await connection.close();
  return { bytes, limit };
}
