/** `npm run bench -- NAME [N …]`: measures one workload, or all; `--help` says more. */
import { chain } from "./chain.ts";
import { type Command, describeUsage, readCommand } from "./command-line.ts";
import { counts } from "./counts.ts";
import { embedded } from "./embedded.ts";
import { fanOut } from "./fan-out.ts";
import { memory } from "./memory.ts";
import { payload } from "./payload.ts";
import { peers } from "./peers.ts";
import { recovery } from "./recovery.ts";
import { report } from "./report.ts";
import { scale } from "./scale.ts";
import { type BenchServer, startBenchServer } from "./server.ts";
import { smallRuns } from "./small-runs.ts";
import { UsageError } from "./usage-error.ts";
import type { Workload } from "./workload.ts";

const DEFAULT_ROUNDS = 5;

const workloads: Readonly<Record<string, Workload>> = {
  "fan-out": fanOut,
  "small-runs": smallRuns,
  chain,
  embedded,
  memory,
  payload,
  scale,
  recovery,
  counts,
  peers,
};

// All processes that were started end with this one in any case: servers at its exit, others when their input ends.
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(130));

let command: Command | undefined;
try {
  command = readCommand(process.argv.slice(2), workloads);
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  console.error(`${error.message}\nsee npm run bench -- --help`);
  process.exit(2);
}
if (!command) console.log(describeUsage(workloads));
for (const name of command?.names ?? []) {
  try {
    await measure(name, workloads[name]!, command!);
  } catch (error) {
    // The other workloads are still measured.
    if (error instanceof UsageError) console.error(`${name}: ${error.message}`);
    else console.error(`${name}: failed:`, error);
    process.exitCode = 1;
  }
}

async function measure(name: string, workload: Workload, { sizes, rounds, sync, out }: Command): Promise<void> {
  const servers: BenchServer[] = [];
  const noted: Record<string, unknown> = {};
  const settings = {
    sizes: sizes.length > 0 ? sizes : workload.sizes,
    rounds: rounds ?? workload.rounds ?? DEFAULT_ROUNDS,
  };
  try {
    const rows = await workload.measure({
      ...settings,
      sync,
      async startServer() {
        const server = await startBenchServer(sync);
        servers.push(server);
        return server;
      },
      note: (facts) => void Object.assign(noted, facts),
      say: (line) => console.error(`${name}: ${line}`),
    });
    if (rows.some((row) => "failed" in row)) process.exitCode = 1;
    const natsServer = servers[0]?.version;
    const facts = { ...settings, ...(natsServer && { natsServer, sync }), ...noted };
    report({ name: sync === "default" ? name : `${name}-sync-${sync}`, rows, facts }, out);
  } finally {
    for (const server of servers) await server.stop();
  }
}
