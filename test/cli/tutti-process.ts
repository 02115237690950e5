import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

export const MAIN = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));
const OURS = /^(NATS|TUTTI|OPENAI|ANTHROPIC|OTEL)_|^(NO|FORCE)_COLOR$|^npm_|^TERM$/;

/** The environment of a user who has set nothing. */
export const cleanEnv = (more: Record<string, string> = {}): Record<string, string | undefined> => ({
  ...Object.fromEntries(Object.entries(process.env).filter(([key]) => !OURS.test(key))),
  ...(process.env.NATS_SERVER_BIN && { NATS_SERVER_BIN: process.env.NATS_SERVER_BIN }),
  ...more,
});

export interface TuttiProcessOptions {
  readonly env?: Record<string, string>;
  readonly cwd?: string;
  readonly stdin?: string;
  /** Another program than the command. */
  readonly script?: string;
  /** Arguments of Node itself. */
  readonly nodeArgs?: readonly string[];
}

/** The command as a process of its own. It is ended at the latest with the test's process. */
export class TuttiProcess implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown[]>;
  stdout = "";
  stderr = "";

  constructor(args: readonly string[], options: TuttiProcessOptions = {}) {
    const { env, cwd, stdin, script = MAIN, nodeArgs = [] } = options;
    this.#child = spawn(process.execPath, [...nodeArgs, script, ...args], { env: cleanEnv(env), ...(cwd && { cwd }) });
    this.#child.stdout!.setEncoding("utf8").on("data", (text: string) => {
      this.stdout += text;
    });
    this.#child.stderr!.setEncoding("utf8").on("data", (text: string) => {
      this.stderr += text;
    });
    this.#child.stdin!.end(stdin ?? "");
    const kill = () => void this.#child.kill("SIGKILL");
    process.once("exit", kill);
    this.#ended = once(this.#child, "close").finally(() => process.off("exit", kill));
  }

  get pid(): number {
    return this.#child.pid!;
  }

  /** Resolves once standard output or error hold the text; rejects, with all it has said, if it ends or 20 s pass before. */
  async says(what: string | RegExp): Promise<void> {
    const found = () =>
      [this.stdout, this.stderr].some((said) => (typeof what === "string" ? said.includes(what) : what.test(said)));
    // In time for the process to be disposed of within the test's own limit.
    const patience = AbortSignal.timeout(20_000);
    const over = Promise.race([this.#ended, once(patience, "abort")]).then(() => true);
    while (!found()) {
      const heard = Promise.race([once(this.#child.stdout!, "data"), once(this.#child.stderr!, "data")]);
      if ((await Promise.race([heard.then(() => false), over])) && !found())
        throw new Error(`the process never said ${what}; stdout:\n${this.stdout}\nstderr:\n${this.stderr}`);
    }
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Its exit code, once it has ended and all it said is here. A number above 128 for a signal's, as shells have it. */
  async exit(): Promise<number> {
    const [code, signal] = (await this.#ended) as [number | null, NodeJS.Signals | null];
    return code ?? (signal === "SIGKILL" ? 137 : 128);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#ended;
  }
}

/** Runs the command to its end. */
export async function tutti(args: readonly string[], options?: TuttiProcessOptions) {
  await using command = new TuttiProcess(args, options);
  const code = await command.exit();
  return { code, stdout: command.stdout, stderr: command.stderr };
}
