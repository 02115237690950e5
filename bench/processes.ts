import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { tutti } from "../src/tutti.ts";
import { hold, release, WORKERS, type Workers } from "./workers.ts";

/** An orchestrator or a worker in a separate process. */
export interface BenchProcess {
  readonly pid: number;
  /** The memory after a garbage collection. */
  memory(): Promise<Memory>;
  /** The processor time used so far, in microseconds. */
  cpuMicros(): Promise<number>;
  /** Sets whether a worker holds the tasks of type `held`, as it does from its start. */
  hold(held: boolean): Promise<void>;
  stop(): Promise<void>;
}

/** Sizes in bytes. */
export interface Memory {
  /** The resident size now. */
  readonly resident: number;
  /** The largest resident size since the process began. */
  readonly mostResident: number;
  /** The size of all objects, on the heap and in buffers beside it. */
  readonly used: number;
}

export interface ProcessOptions {
  readonly bus: string;
  readonly role: "orchestrator" | "worker";
  readonly concurrency?: number;
  readonly prefix?: string;
  /** The set of workers. Default `plans`. */
  readonly kind?: Workers;
}

/** Starts a process. `env` is added to the environment of this one. */
export async function startProcess(
  options: ProcessOptions,
  env: Readonly<Record<string, string>> = {},
): Promise<BenchProcess> {
  const self = fileURLToPath(import.meta.url);
  const child = spawn(process.execPath, ["--expose-gc", self, JSON.stringify(options)], {
    stdio: ["pipe", "pipe", "inherit"],
    env: { ...env, ...process.env },
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const answer = async () => {
    const { value, done } = await lines.next();
    if (done) throw new Error(`the ${options.role} process has ended`);
    return JSON.parse(value);
  };
  const ask = (question: Question) => {
    child.stdin.write(`${question}\n`);
    return answer();
  };
  await answer();
  return {
    pid: child.pid!,
    memory: () => ask("memory"),
    cpuMicros: () => ask("cpu"),
    hold: (held) => ask(held ? "hold" : "release"),
    stop: () => end(child),
  };
}

function end(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) return resolve();
    child.once("exit", () => resolve());
    child.kill("SIGTERM");
  });
}

const answers = {
  async memory(): Promise<Memory> {
    // Once for garbage, and once for objects that its finalisers release; memory is given back between them.
    for (let i = 0; i < 2; i++) {
      globalThis.gc?.();
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    const { rss, heapUsed, external } = process.memoryUsage();
    return { resident: rss, mostResident: process.resourceUsage().maxRSS * 1024, used: heapUsed + external };
  },
  cpu() {
    const { user, system } = process.cpuUsage();
    return user + system;
  },
  hold: () => hold(),
  release: () => release(),
};
type Question = keyof typeof answers;

async function main({ bus, role, concurrency = 500, prefix, kind = "plans" }: ProcessOptions): Promise<void> {
  const app = await tutti({
    bus,
    orchestrator: role === "orchestrator",
    workers: role === "worker" ? WORKERS[kind] : [],
    concurrency,
    ...(prefix !== undefined && { prefix }),
  });
  process.once("SIGTERM", () => void app.stop({ graceMs: 0 }).then(() => process.exit(0)));
  console.log('"ready"');
  for await (const line of createInterface({ input: process.stdin }))
    console.log(JSON.stringify((await answers[line as Question]()) ?? null));
  // The process that started this one has ended, and the server with it: an orderly stop is not possible.
  process.exit(0);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main(JSON.parse(process.argv[2]!));
