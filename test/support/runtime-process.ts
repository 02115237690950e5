import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { TuttiOptions } from "../../src/app.ts";

export interface ProcessOptions
  extends Pick<TuttiOptions, "bus" | "prefix" | "shards" | "concurrency" | "timing" | "id" | "limits"> {
  /** Default true. */
  readonly orchestrator?: boolean;
  /** Names of workers in `runtime-workers.ts`. Default: none. */
  readonly workers?: readonly string[];
  /** How long handlers are waited for when it is told to stop. Default 10,000. */
  readonly graceMs?: number;
  /** What it does when it is ready: stay until SIGTERM (the default), or stop by itself. */
  readonly onceReady?: "stay" | "stop";
  /** Whether it is a build of the next version. Default: false. */
  readonly isNext?: boolean;
}

/** A process of its own that runs Tutti. */
export interface RuntimeProcess {
  readonly pid: number;
  /** What its workers have told, in order: one line each. */
  readonly lines: readonly string[];
  /** What it wrote to stderr. */
  readonly errors: string;
  /** Resolves when it has told `line`. */
  tells(line: string): Promise<void>;
  signal(signal: NodeJS.Signals): void;
  /** Resolves with the exit code, or the signal that ended it. */
  readonly exited: Promise<number | NodeJS.Signals>;
  kill9(): Promise<void>;
  /** SIGTERM, to the end. Resolves as `exited`. */
  stop(): Promise<number | NodeJS.Signals>;
}

const MAIN = fileURLToPath(new URL("runtime-main.ts", import.meta.url));
const NEXT = ["--import", new URL("next-build.ts", import.meta.url).href];
const running = new Set<ChildProcess>();
process.once("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

/** Resolves when it is ready. */
export async function startRuntimeProcess(
  { isNext = false, ...options }: ProcessOptions,
  env: Readonly<Record<string, string>> = {},
): Promise<RuntimeProcess> {
  const child = spawn(process.execPath, [...(isNext ? NEXT : []), MAIN, JSON.stringify(options)], {
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  running.add(child);
  const lines: string[] = [];
  const waiting = new Map<string, PromiseWithResolvers<void>>();
  let errors = "";
  child.stderr.on("data", (data) => (errors += data));
  createInterface({ input: child.stdout }).on("line", (line) => {
    lines.push(line);
    waiting.get(line)?.resolve();
  });
  const exited = once(child, "exit").then(([code, signal]) => {
    running.delete(child);
    for (const [line, { reject }] of waiting)
      reject(new Error(`the process ended (${code ?? signal}) and never told ${line}:\n${errors}`));
    return (code ?? signal) as number | NodeJS.Signals;
  });
  const tells = (line: string): Promise<void> => {
    if (lines.includes(line)) return Promise.resolve();
    const entry = waiting.get(line) ?? Promise.withResolvers<void>();
    waiting.set(line, entry);
    return entry.promise;
  };
  await tells("ready");
  return {
    pid: child.pid!,
    lines,
    get errors() {
      return errors;
    },
    tells,
    signal: (signal) => void child.kill(signal),
    exited,
    async kill9() {
      child.kill("SIGKILL");
      await exited;
    },
    stop() {
      child.kill("SIGTERM");
      return exited;
    },
  };
}
