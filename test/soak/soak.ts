import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { startNatsServer } from "../support/nats-server.ts";
import { type Sample, type Trend, trendOf } from "./trend.ts";

export const ROLES = ["orchestrator", "worker", "client"] as const;
type Role = (typeof ROLES)[number];

export interface SoakOptions {
  readonly minutes: number;
  /** Called with one line for every sample. */
  readonly onLine?: (line: string) => void;
}

export interface SoakReport {
  /** Runs by their shape. */
  readonly runs: Readonly<Record<string, number>>;
  readonly trends: Readonly<Record<Role, Trend>>;
}

interface Answer {
  readonly used: number;
  readonly rss: number;
  readonly counts: Readonly<Record<string, number>>;
  readonly failure?: string;
}

/** What is kept on purpose for a while (the ends of two minutes, compiled code) is there after this time. */
const SETTLED_MS = 150_000;
const SAMPLES = 60;
const MB = 2 ** 20;

/**
 * Has an orchestrator, a worker and a client execute runs of all shapes on a real server, and measures what memory each
 * uses after a collection of garbage. The first part, a third and at most half of the time, is not counted. Rejects when a
 * run ends otherwise than its shape does.
 */
export async function soak({ minutes, onLine = () => {} }: SoakOptions): Promise<SoakReport> {
  const server = await startNatsServer();
  const processes: SoakProcess[] = [];
  try {
    for (const role of ROLES) processes.push(await startProcess(role, server.url));
    const totalMs = minutes * 60_000;
    const ignoredMs = Math.min(Math.max(totalMs / 3, SETTLED_MS), totalMs / 2);
    const everyMs = (totalMs - ignoredMs) / SAMPLES;
    const samples: Record<Role, Sample[]> = { orchestrator: [], worker: [], client: [] };
    let last: Answer | undefined;
    const began = performance.now();
    while (performance.now() - began < totalMs && !last?.failure) {
      await pause(everyMs);
      const at = performance.now() - began;
      const line: string[] = [];
      for (const { role, measure } of processes) {
        const answer = await measure();
        if (at > ignoredMs) samples[role].push({ at, bytes: answer.used });
        line.push(`${role} ${(answer.used / MB).toFixed(1)} MB (resident ${(answer.rss / MB).toFixed(0)})`);
        last = answer;
      }
      onLine(`${(at / 60_000).toFixed(1)} min: ${line.join(", ")}; ${total(last!.counts)} runs`);
    }
    if (last?.failure) throw new Error(`a run ended otherwise than it should: ${last.failure}`);
    const trends = Object.fromEntries(ROLES.map((role) => [role, trendOf(samples[role])])) as Record<Role, Trend>;
    return { runs: last!.counts, trends };
  } finally {
    await Promise.all(processes.toReversed().map((one) => one.stop()));
    await server.stop();
  }
}

export const total = (counts: Readonly<Record<string, number>>): number =>
  Object.values(counts).reduce((sum, count) => sum + count, 0);

interface SoakProcess {
  readonly role: Role;
  measure(): Promise<Answer>;
  stop(): Promise<void>;
}

async function startProcess(role: Role, url: string): Promise<SoakProcess> {
  const main = fileURLToPath(new URL("main.ts", import.meta.url));
  const child: ChildProcess = spawn(process.execPath, ["--expose-gc", main, role, url], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
  const answer = async () => {
    const { value, done } = await lines.next();
    if (done) throw new Error(`the ${role} has ended (${child.exitCode ?? child.signalCode})`);
    return JSON.parse(value);
  };
  await answer();
  return {
    role,
    measure() {
      child.stdin!.write("memory\n");
      return answer();
    },
    async stop() {
      const exited = child.exitCode !== null || once(child, "exit");
      child.stdin!.write("stop\n");
      const killing = setTimeout(() => child.kill("SIGKILL"), 10_000);
      await exited;
      clearTimeout(killing);
    },
  };
}
