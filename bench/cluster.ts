import type { Tutti } from "../src/app.ts";
import { tutti } from "../src/tutti.ts";
import { type BenchProcess, startProcess } from "./processes.ts";

/** A client here, orchestrators and workers in processes of their own. */
export interface Cluster {
  readonly client: Tutti;
  readonly orchestrators: readonly BenchProcess[];
  stop(): Promise<void>;
}

export async function startCluster(
  bus: string,
  counts: { orchestrators?: number; workers?: number; concurrency?: number } = {},
): Promise<Cluster> {
  const { orchestrators: many = 1, workers = 1, concurrency = 500 } = counts;
  const times = (n: number, role: "orchestrator" | "worker") =>
    Promise.all(Array.from({ length: n }, () => startProcess({ bus, role, concurrency })));
  // Workers first: they register the types.
  const working = await times(workers, "worker");
  const orchestrators = await times(many, "orchestrator");
  const client = await tutti({ bus, orchestrator: false });
  return {
    client,
    orchestrators,
    async stop() {
      await client.stop();
      await Promise.all([...working, ...orchestrators].map((one) => one.stop()));
    },
  };
}
