import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { tutti } from "../src/tutti.ts";
import { benchWorkers } from "./workers.ts";

/** An orchestrator or a worker in a process of its own. */
export interface BenchProcess {
  readonly pid: number;
  /** Resident size, bytes. */
  memory(): Promise<number>;
  stop(): Promise<void>;
}

export interface ProcessOptions {
  readonly bus: string;
  readonly role: "orchestrator" | "worker";
  readonly concurrency?: number;
}

export async function startProcess(options: ProcessOptions): Promise<BenchProcess> {
  const self = fileURLToPath(import.meta.url);
  const child = spawn(process.execPath, ["--expose-gc", self, JSON.stringify(options)], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  await lines.next();
  return {
    pid: child.pid!,
    async memory() {
      child.stdin.write("memory\n");
      return Number((await lines.next()).value);
    },
    stop: () => end(child),
  };
}

function end(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    child.once("exit", () => resolve());
    child.kill("SIGTERM");
  });
}

async function main({ bus, role, concurrency = 500 }: ProcessOptions): Promise<void> {
  const app = await tutti({
    bus,
    orchestrator: role === "orchestrator",
    workers: role === "worker" ? benchWorkers : [],
    concurrency,
  });
  process.once("SIGTERM", () => void app.stop().then(() => process.exit(0)));
  console.log("ready");
  for await (const _ of createInterface({ input: process.stdin })) {
    globalThis.gc?.();
    console.log(process.memoryUsage().rss);
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main(JSON.parse(process.argv[2]!));
