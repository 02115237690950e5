/**
 * Kills and stops real processes and a real server at random: `npm run chaos -- --seconds 60 --runs 300`. Exits with 1
 * if there is any violation, and prints the path of the evidence.
 */
import { unleash } from "../test/chaos/chaos.ts";
import { percentile } from "../test/chaos/failovers.ts";
import { readArguments } from "./arguments.ts";

const { values, count } = readArguments(
  "usage: npm run chaos -- [--seconds N] [--runs N] [--seed N] [--orchestrators N] [--workers N] [--lease MS] [--server-restarts N] [--quiet]",
  {
    seconds: { type: "string", default: "60" },
    runs: { type: "string", default: "300" },
    seed: { type: "string", default: "1" },
    orchestrators: { type: "string", default: "3" },
    workers: { type: "string", default: "4" },
    lease: { type: "string", default: "5000" },
    "server-restarts": { type: "string", default: "2" },
    quiet: { type: "boolean", default: false },
  },
);
const leaseMs = count("lease", values.lease);
const report = await unleash({
  seconds: count("seconds", values.seconds),
  runs: count("runs", values.runs),
  seed: count("seed", values.seed),
  orchestrators: count("orchestrators", values.orchestrators),
  workers: count("workers", values.workers),
  leaseMs,
  serverRestarts: count("server-restarts", values["server-restarts"]),
  ...(!values.quiet && { onLine: console.log }),
});
const { failoverMs, violations, evidence } = report;
const p99 = percentile(failoverMs, 0.99);
const late = p99 > 2 * leaseMs;
console.log(`
runs        ${report.runs}, lost: ${report.lost}
tasks       ${report.counted} counted of ${report.tasks}
executed    ${report.executed} for ${report.needed} attempts of the types that record it; ${report.afterTheEnd} began after their result was stored
struck      ${report.kills} killed, ${report.pauses} stopped, the server restarted ${report.serverRestarts} times, in ${report.seconds.toFixed(0)} s
failover    p50 ${percentile(failoverMs, 0.5).toFixed(0)} ms, p99 ${p99.toFixed(0)} ms over ${failoverMs.length} shards (lease ${leaseMs} ms)`);
for (const violation of violations) console.error(`violation: ${violation}`);
if (late) console.error(`violation: failover p99 is above twice the lease`);
if (evidence) console.error(`evidence: ${evidence}`);
process.exit(violations.length > 0 || late ? 1 : 0);
