import type { Tutti } from "../src/app.ts";
import { tutti } from "../src/tutti.ts";
import { type BenchProcess, startProcess } from "./processes.ts";
import { type BenchServer, cpuMicrosOf } from "./server.ts";
import type { Workers } from "./workers.ts";

/** A client in this process, with orchestrators and workers in separate processes. */
export interface Cluster extends AsyncDisposable {
  readonly client: Tutti;
  readonly orchestrators: readonly BenchProcess[];
  readonly workers: readonly BenchProcess[];
  /** The processor time used so far, in microseconds, by all orchestrators, by all workers, and by the server. */
  cpuMicros(): Promise<CpuMicros>;
  stop(): Promise<void>;
}

export interface CpuMicros {
  readonly orchestrator: number;
  readonly worker: number;
  readonly server: number;
}

export interface ClusterOptions {
  /** The numbers of processes. Default 1 of each. */
  readonly orchestrators?: number;
  readonly workers?: number;
  /** The concurrency of each worker. Default 500. */
  readonly concurrency?: number;
  /** The prefix, so that several clusters can use one server one after another. */
  readonly prefix?: string;
  /** The set of workers. Default `plans`. */
  readonly kind?: Workers;
  /** Variables added to the environment of orchestrators and workers. */
  readonly env?: Readonly<Record<string, string>>;
}

export async function startCluster(server: BenchServer, options: ClusterOptions = {}): Promise<Cluster> {
  const { orchestrators: many = 1, workers: hands = 1, concurrency = 500, prefix, kind = "plans", env } = options;
  const where = { bus: server.url, ...(prefix !== undefined && { prefix }) };
  const times = (n: number, role: "orchestrator" | "worker") =>
    Promise.all(Array.from({ length: n }, () => startProcess({ ...where, role, concurrency, kind }, env)));
  // Workers start first, since they register the types.
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
