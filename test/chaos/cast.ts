import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { TuttiOptions } from "../../src/app.ts";

const MAIN = fileURLToPath(new URL("main.ts", import.meta.url));
const running = new Set<ChildProcess>();
process.once("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

/** One part of the cast: whenever its process is gone, another takes its place under a new name. */
export class Player {
  readonly role: "orchestrator" | "worker";
  readonly #options: TuttiOptions;
  readonly #env: Readonly<Record<string, string>>;
  readonly #name: string;
  readonly #folder: string;
  #child: ChildProcess | undefined;
  #life = 0;
  isStopped = false;
  /** It has been told to be ready, and not died since. */
  isReady = false;

  constructor(
    role: Player["role"],
    name: string,
    options: TuttiOptions,
    folder: string,
    env: Readonly<Record<string, string>>,
  ) {
    this.role = role;
    this.#name = name;
    this.#options = options;
    this.#folder = folder;
    this.#env = env;
  }

  /** The name of its present process. */
  get id(): string {
    return `${this.#name}-${this.#life}`;
  }

  get isAlive(): boolean {
    return this.#child !== undefined;
  }

  /** Resolves when the process is ready, or has ended before. */
  async start(): Promise<void> {
    this.#life++;
    const options = { ...this.#options, orchestrator: this.role === "orchestrator", id: this.id };
    const errors = openSync(join(this.#folder, `${this.id}.log`), "a");
    const child = spawn(process.execPath, [MAIN, JSON.stringify(options)], {
      env: { ...process.env, ...this.#env },
      stdio: ["ignore", "pipe", errors],
    });
    closeSync(errors);
    running.add(child);
    this.#child = child;
    const exited = once(child, "exit").then(() => {
      running.delete(child);
      if (this.#child !== child) return;
      this.#child = undefined;
      this.isReady = false;
    });
    await Promise.race([once(child.stdout!, "data").then(() => (this.isReady = this.#child === child)), exited]);
  }

  async kill9(): Promise<void> {
    const child = this.#child;
    if (!child) return;
    this.isReady = false;
    const exited = once(child, "exit");
    child.kill("SIGKILL");
    await exited;
    this.isStopped = false;
  }

  pause(): void {
    this.isStopped = this.#child?.kill("SIGSTOP") ?? false;
  }

  resume(): void {
    this.#child?.kill("SIGCONT");
    this.isStopped = false;
  }

  /** SIGTERM, to the end, or SIGKILL when that takes longer than any grace period. */
  async end(): Promise<number | NodeJS.Signals | undefined> {
    const child = this.#child;
    if (!child) return undefined;
    this.resume();
    const exited = once(child, "exit");
    child.kill("SIGTERM");
    const late = setTimeout(() => child.kill("SIGKILL"), 20_000);
    const [code, signal] = await exited;
    clearTimeout(late);
    return code ?? signal;
  }
}
