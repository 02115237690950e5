import { spawn } from "node:child_process";
import { once } from "node:events";

/** A program in a process of its own, with all it says. It is killed at the latest with the test's process. */
export interface Program extends AsyncDisposable {
  /** Standard output and error, as they came. */
  readonly said: string;
  readonly stdout: string;
  /** Resolves once it has said the text; rejects, with all it has said, if it ends before. */
  says(text: string): Promise<void>;
  signal(signal: NodeJS.Signals): void;
  /** The exit code, or the signal that ended it. */
  readonly ended: Promise<number | NodeJS.Signals | null>;
}

export interface ProgramOptions {
  readonly env?: Readonly<Record<string, string | undefined>>;
}

export function startProgram(command: string, args: readonly string[], options: ProgramOptions = {}): Program {
  const child = spawn(command, args, { env: { ...process.env, ...options.env }, stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  let stdout = "";
  let waiting: (() => void)[] = [];
  const tell = () => {
    const told = waiting;
    waiting = [];
    for (const one of told) one();
  };
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
    said += text;
    tell();
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    said += text;
    tell();
  });
  const kill = () => void child.kill("SIGKILL");
  process.once("exit", kill);
  let isOver = false;
  const ended = once(child, "close")
    .then(([code, signal]: (number | NodeJS.Signals | null)[]) => code ?? signal ?? null)
    .finally(() => {
      isOver = true;
      process.off("exit", kill);
      tell();
    });
  ended.catch(() => {});
  return {
    get said() {
      return said;
    },
    get stdout() {
      return stdout;
    },
    async says(text) {
      while (!said.includes(text)) {
        if (isOver) throw new Error(`${command} ended and never said ${JSON.stringify(text)}, but:\n${said}`);
        await new Promise<void>((resolve) => waiting.push(resolve));
      }
    },
    signal: (signal) => void child.kill(signal),
    ended,
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await ended.catch(() => {});
    },
  };
}
