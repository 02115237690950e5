/** `npm run bench -- NAME [N …]`: measures one workload, in turn with the floor where there is one. */
import { type NatsServer, startNatsServer } from "../test/support/nats-server.ts";
import { chain } from "./chain.ts";
import { embedded } from "./embedded.ts";
import { fanOut } from "./fan-out.ts";
import { pendingMemory } from "./pending-memory.ts";
import { smallRuns } from "./small-runs.ts";

export type Workload = (server: NatsServer, sizes: readonly number[]) => Promise<void>;

const workloads: Readonly<Record<string, Workload>> = {
  "fan-out": fanOut,
  "small-runs": smallRuns,
  chain,
  embedded,
  memory: pendingMemory,
};

const [name, ...sizes] = process.argv.slice(2);
const workload = name ? workloads[name] : undefined;
if (!workload) {
  console.error(`usage: npm run bench -- NAME [N …]; NAME is one of ${Object.keys(workloads).join(", ")}`);
  process.exit(2);
}
const server = await startNatsServer();
try {
  await workload(server, sizes.map(Number));
} finally {
  await server.stop();
}
