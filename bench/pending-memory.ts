import { startCluster } from "./cluster.ts";
import type { Workload } from "./main.ts";
import { type Row, report } from "./report.ts";

const MIB = 2 ** 20;

/** Resident size of the orchestrator while tasks are pending (nobody takes them), and after they are cancelled. */
export const pendingMemory: Workload = async (server, sizes) => {
  const cluster = await startCluster(server.url);
  const orchestrator = cluster.orchestrators[0]!;
  for (let i = 0; i < 3; i++) await cluster.client.run("fan-out", { n: 1000 });
  const base = await orchestrator.memory();
  const rows: Row[] = [];
  for (const n of sizes.length > 0 ? sizes : [10_000, 100_000]) {
    let most = 0;
    const run = cluster.client.run("fan-out", { n });
    let over = false;
    void run.finally(() => {
      over = true;
    });
    while (!over) most = Math.max(most, await orchestrator.memory());
    await run;
    const after = await orchestrator.memory();
    rows.push({
      n,
      "base MiB": Math.round(base / MIB),
      "most MiB": Math.round(most / MIB),
      "after MiB": Math.round(after / MIB),
      "bytes/task": Math.round((most - base) / n),
    });
  }
  report("memory", rows, { server: cluster.client.bus });
  await cluster.stop();
};
