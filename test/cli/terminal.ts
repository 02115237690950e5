import { execFile } from "node:child_process";
import { randomUUID } from "node:crypto";
import { promisify } from "node:util";
import { expect } from "vitest";
import { cleanEnv, MAIN } from "./tutti-process.ts";

const run = promisify(execFile);

/** A real terminal (tmux), of its own server, with a shell in it. */
export class Terminal implements AsyncDisposable {
  readonly #socket = `tutti-test-${randomUUID()}`;

  static async open(columns: number, rows: number, env: Record<string, string> = {}): Promise<Terminal> {
    const terminal = new Terminal();
    const set = Object.entries({ PS1: "$ ", ...env }).map(([key, value]) => `${key}=${value}`);
    // tmux itself gets a clean environment, and gives it to the shell.
    const shell = ["env", ...set, "bash", "--norc", "--noprofile", "-i"];
    await terminal.#tmux("-f", "/dev/null", "new-session", "-d", "-x", String(columns), "-y", String(rows), ...shell);
    await terminal.#tmux("set-option", "-g", "history-limit", "5000");
    await terminal.shows(/^\$/);
    return terminal;
  }

  /** Types a command line of `tutti`, and has the shell say its exit code. */
  async type(args: string): Promise<void> {
    await this.#tmux("send-keys", "-l", `clear; ${process.execPath} ${MAIN} ${args}; echo "code=$?"`);
    await this.press("Enter");
  }

  async press(key: string): Promise<void> {
    await this.#tmux("send-keys", key);
  }

  async resize(columns: number, rows: number): Promise<void> {
    await this.#tmux("resize-window", "-x", String(columns), "-y", String(rows));
  }

  /** What the window shows, without the empty lines at its end. */
  async screen(): Promise<string> {
    return (await this.#tmux("capture-pane", "-p")).trimEnd();
  }

  /** The window and all that has scrolled out of it. */
  async history(): Promise<string> {
    return (await this.#tmux("capture-pane", "-p", "-S", "-")).trimEnd();
  }

  /** The window with its colours, as escape sequences. */
  styledScreen(): Promise<string> {
    return this.#tmux("capture-pane", "-p", "-e");
  }

  async cursorIsVisible(): Promise<boolean> {
    return (await this.#tmux("display-message", "-p", "#{cursor_flag}")).trim() === "1";
  }

  /** Resolves with the screen once it matches. */
  async shows(what: RegExp): Promise<string> {
    let seen = "";
    await expect
      .poll(
        async () => {
          seen = await this.screen();
          return seen;
        },
        { timeout: 20_000, interval: 50 },
      )
      .toMatch(what);
    return seen;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#tmux("kill-server");
  }

  async #tmux(...args: readonly string[]): Promise<string> {
    const env = cleanEnv({ TERM: "xterm-256color" });
    return (await run("tmux", ["-L", this.#socket, "-u", ...args], { env })).stdout;
  }
}
