import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, statSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { freePort } from "../test/support/nats-server.ts";
import { startCluster } from "./cluster.ts";
import { type Contender, startContender } from "./contender.ts";
import { type RedisDurability, startRedisServer } from "./redis-server.ts";
import type { Row } from "./report.ts";
import { inTurn, median, quantile, rounded } from "./rounds.ts";
import type { Bench, Workload } from "./workload.ts";

const SMALL_RUNS = 500;
const IN_FLIGHT = 50;
const CHAIN = 100;
const WARM_UP = 8;
/** The concurrency of a BullMQ worker; higher and lower values were slower. */
const BULLMQ_CONCURRENCY = 100;

/** Measures the same work with Tutti and its peers, in turn. `bench/README.md` describes each, and what it persists. */
export const peers: Workload = {
  summary: "fan-out, small runs and chain by Tutti, BullMQ and LangGraph.js, in turn (needs redis-server)",
  sizesAre: "tasks of a fan-out",
  sizes: [1000, 10_000],
  async measure(bench) {
    await installPeers(bench.say);
    bench.note(JSON.parse(readFileSync(here("peers/package.json"), "utf8")).dependencies);
    await using contenders = await startContenders(bench);
    const all = contenders.byName;
    const rows: Row[] = [];
    await warmUp(all, bench);
    for (const n of bench.sizes) {
      const taken = await eachInTurn(all, bench, `fan-out of ${n}`, (one) => one.fanOut(n));
      rows.push(row(`fan-out of ${n}, tasks/s`, taken, (times) => rounded((n / median(times)) * 1000)));
    }
    const runs = await eachInTurn(all, bench, "small runs", (one) => one.smallRuns(SMALL_RUNS, IN_FLIGHT));
    const latencies = mapValues(runs, (rounds) => rounds.flatMap((round) => round.latencies));
    rows.push(row(`${SMALL_RUNS} runs of six tasks, runs/s`, runs, (rounds) => rounded(rateOf(rounds))));
    rows.push(row("p50 ms", latencies, (list) => rounded(median(list), 1), false));
    rows.push(row("p99 ms", latencies, (list) => rounded(quantile(list, 0.99), 1), false));
    const alone = await eachInTurn(all, bench, "one run in flight", (one) => one.smallRuns(50, 1));
    rows.push(
      row("alone p50 ms", alone, (rounds) => rounded(median(rounds.flatMap((one) => one.latencies)), 2), false),
    );
    const hops = await eachInTurn(all, bench, "chain", (one) => one.chain(CHAIN));
    rows.push(row(`chain of ${CHAIN}, ms/hop`, hops, (times) => rounded(median(times), 3), false));
    return rows;
  },
};

const rateOf = (rounds: readonly { ms: number }[]): number => (SMALL_RUNS / median(rounds.map(({ ms }) => ms))) * 1000;

const mapValues = <T, U>(record: Readonly<Record<string, T>>, map: (value: T) => U): Record<string, U> =>
  Object.fromEntries(Object.entries(record).map(([name, value]) => [name, map(value)]));

/** The figures of all contenders, and the ratio of Tutti to the first peer of each kind: above 1, Tutti is faster. */
function row<T>(what: string, taken: Readonly<Record<string, T>>, figure: (all: T) => number, more = true): Row {
  const figures = mapValues(taken, figure);
  const names = Object.keys(figures);
  const ahead = (ours: string, theirs: string) =>
    rounded(more ? figures[ours]! / figures[theirs]! : figures[theirs]! / figures[ours]!, 2);
  return {
    measured: what,
    ...figures,
    "tutti : bullmq": ahead(names[0]!, names[1]!),
    ...("langgraph" in figures && { "embedded : langgraph": ahead("tutti embedded", "langgraph") }),
  };
}

function eachInTurn<T>(
  all: Readonly<Record<string, Contender>>,
  { rounds, say }: Bench,
  what: string,
  run: (contender: Contender) => Promise<T>,
): Promise<Record<string, T[]>> {
  const contenders = mapValues(all, (contender) => () => run(contender));
  return inTurn(rounds, contenders, (round) => say(`${what}, round ${round} of ${rounds}`));
}

/** Warms up the contenders until their code is compiled, which takes seconds of work. */
async function warmUp(all: Readonly<Record<string, Contender>>, { sizes, say }: Bench): Promise<void> {
  for (const [name, contender] of Object.entries(all)) {
    say(`warming up ${name}`);
    for (let i = 0; i < WARM_UP; i++) {
      await contender.fanOut(Math.min(...sizes));
      await contender.smallRuns(SMALL_RUNS, IN_FLIGHT);
      await contender.chain(CHAIN);
    }
  }
}

interface Contenders extends AsyncDisposable {
  readonly byName: Readonly<Record<string, Contender>>;
}

const here = (file: string): string => fileURLToPath(new URL(file, import.meta.url));

async function startContenders({ startServer, sync, note }: Bench): Promise<Contenders> {
  await using started = new AsyncDisposableStack();
  const start = async (file: string, ...args: string[]) =>
    started.adopt(await startContender(here(file), args), (contender) => contender.stop());
  const server = await startServer();
  started.use(await startCluster(server));
  const bullmq = async (durability: RedisDurability) => {
    const redis = started.adopt(await startRedisServer(durability, await freePort()), (one) => one.stop());
    note({ redisServer: redis.version });
    const worker = await startWorker("peers/bullmq-worker.ts", `${redis.port}`, `${BULLMQ_CONCURRENCY}`);
    started.defer(() => end(worker));
    return start("peers/bullmq.ts", `${redis.port}`);
  };
  const durable = sync === "always" ? "always" : "everysec";
  const byName = {
    tutti: await start("tutti-contender.ts", server.url),
    [`bullmq ${durable}`]: await bullmq(durable),
    // Contenders that persist nothing do not depend on how the disk is written to.
    ...(sync === "default" && {
      "bullmq memory": await bullmq("memory"),
      "tutti embedded": await start("tutti-contender.ts"),
      langgraph: await start("peers/langgraph.ts"),
    }),
  };
  const all = started.move();
  return { byName, [Symbol.asyncDispose]: () => all.disposeAsync() };
}

async function startWorker(file: string, ...args: string[]): Promise<ChildProcess> {
  const worker = spawn(process.execPath, [here(file), ...args], { stdio: ["pipe", "pipe", "inherit"] });
  const ended = once(worker, "exit").then(([code]) => {
    throw new Error(`${file} ended with ${code}`);
  });
  ended.catch(() => {});
  await Promise.race([once(worker.stdout!, "data"), ended]);
  return worker;
}

async function end(worker: ChildProcess): Promise<void> {
  if (worker.exitCode !== null || worker.signalCode !== null) return;
  worker.kill("SIGKILL");
  await once(worker, "exit");
}

/** Installs the peers' packages if they are missing, since Tutti does not need them. */
async function installPeers(say: (line: string) => void): Promise<void> {
  const [wanted, installed] = [here("peers/package-lock.json"), here("peers/node_modules/.package-lock.json")];
  if (existsSync(installed) && statSync(installed).mtimeMs >= statSync(wanted).mtimeMs) return;
  say("installing the peers' packages into bench/peers/node_modules (npm ci)");
  const npm = spawn("npm", ["ci", "--no-audit", "--no-fund", "--ignore-scripts"], {
    cwd: here("peers"),
    stdio: ["ignore", "ignore", "inherit"],
  });
  const [code] = await once(npm, "exit");
  if (code !== 0) throw new Error(`npm ci in bench/peers ended with ${code}`);
}
