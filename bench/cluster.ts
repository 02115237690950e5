import type { Tutti } from "../src/app.ts";
import { tutti } from "../src/tutti.ts";
import { type BenchProcess, startProcess } from "./processes.ts";
import { type BenchServer, cpuMicrosOf } from "./server.ts";
import type { Workers } from "./workers.ts";

/** A client here, orchestrators and workers in processes of their own. */
export interface Cluster extends AsyncDisposable {
  readonly client: Tutti;
  readonly orchestrators: readonly BenchProcess[];
  readonly workers: readonly BenchProcess[];
  /** Processor time used so far, in microseconds: of all orchestrators, of all workers, of the server. */
  cpuMicros(): Promise<CpuMicros>;
  stop(): Promise<void>;
}

export interface CpuMicros {
  readonly orchestrator: number;
  readonly worker: number;
  readonly server: number;
}

export interface ClusterOptions {
  /** Default 1 of each. */
  readonly orchestrators?: number;
  readonly workers?: number;
  /** Of each worker. Default 500. */
  readonly concurrency?: number;
  /** So that several can come one after another on one server. */
  readonly prefix?: string;
  /** What the workers can do. Default `plans`. */
  readonly kind?: Workers;
  /** What the environment of orchestrators and workers has beside ours. */
  readonly env?: Readonly<Record<string, string>>;
}

export async function startCluster(server: BenchServer, options: ClusterOptions = {}): Promise<Cluster> {
  const { orchestrators: many = 1, workers: hands = 1, concurrency = 500, prefix, kind = "plans", env } = options;
  const where = { bus: server.url, ...(prefix !== undefined && { prefix }) };
  const times = (n: number, role: "orchestrator" | "worker") =>
    Promise.all(Array.from({ length: n }, () => startProcess({ ...where, role, concurrency, kind }, env)));
  // Workers first: they register the types.
  const workers = await times(hands, "worker");
  const orchestrators = await times(many, "orchestrator");
  const client = await tutti({ ...where, orchestrator: false });
  const sum = async (processes: readonly BenchProcess[]) =>
    (await Promise.all(processes.map((one) => one.cpuMicros()))).reduce((a, b) => a + b, 0);
  const stop = async () => {
    await client.stop();
    await Promise.all([...workers, ...orchestrators].map((one) => one.stop()));
  };
  return {
    client,
    orchestrators,
    workers,
    cpuMicros: async () => ({
      orchestrator: await sum(orchestrators),
      worker: await sum(workers),
      server: cpuMicrosOf(server.pid),
    }),
    stop,
    [Symbol.asyncDispose]: stop,
  };
}
