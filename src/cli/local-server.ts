import { type ChildProcess, spawn } from "node:child_process";
import { access, constants, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { createInterface } from "node:readline";
import { UsageError } from "./failure.ts";
import { isFree, nextFreePort } from "./free-port.ts";

/**
 * A nats-server with JetStream that this process starts, for this machine only. It ends with this process in any case.
 */
export interface LocalServer extends AsyncDisposable {
  readonly url: string;
  readonly pid: number;
  /** Rejects when the server ends before it was stopped; never resolves. */
  readonly failed: Promise<never>;
  stop(): Promise<void>;
}

const HOST = "127.0.0.1";
const FIRST_PORT = 4222;
const READY_WITHIN_MS = 20_000;
const STOP_WITHIN_MS = 5_000;

/**
 * Finds the program `NATS_SERVER_BIN`, or nats-server on the PATH; undefined if there is none. Rejects with a
 * {@link UsageError} for a wrong `NATS_SERVER_BIN`.
 */
export async function findServer(env: NodeJS.ProcessEnv = process.env): Promise<string | undefined> {
  const isExecutable = (path: string) =>
    access(path, constants.X_OK).then(
      () => true,
      () => false,
    );
  const named = env.NATS_SERVER_BIN;
  if (named) {
    if (await isExecutable(named)) return named;
    throw new UsageError(`NATS_SERVER_BIN ${JSON.stringify(named)}: no such program`, {
      expected: "the path of a nats-server",
      received: named,
    });
  }
  const suffix = process.platform === "win32" ? ".exe" : "";
  for (const folder of (env.PATH ?? "").split(delimiter).filter(Boolean)) {
    const path = join(folder, `nats-server${suffix}`);
    if (await isExecutable(path)) return path;
  }
  return undefined;
}

/**
 * Starts a server on port 4222 or the next free one, with its data in `folder`, which is kept. Rejects with a
 * {@link UsageError} if another such server uses that folder, and with the server's last output if it does not start.
 */
export async function startServer(program: string, folder: string): Promise<LocalServer> {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, ".gitignore"), "*\n");
  const lock = join(folder, "nats-server.pid");
  await refuseIfTaken(lock, folder);
  for (let port = await nextFreePort(HOST, FIRST_PORT); ; port = await nextFreePort(HOST, port + 1)) {
    const child = launch(program, ["-js", "-sd", folder, "-a", HOST, "-p", String(port)]);
    const { ready, lastLines } = listen(child);
    if (await ready) {
      await writeFile(lock, `${child.pid} ${port}\n`);
      return supervise(child, `nats://${HOST}:${port}`, lock, lastLines);
    }
    // If another process took the port meanwhile, the next one is tried.
    if (!lastLines.some((line) => line.includes("address already in use")))
      throw new Error(
        `nats-server did not start: ${lastLines.slice(-3).join(" | ") || `no output within ${READY_WITHIN_MS / 1000} s`}`,
      );
  }
}

/**
 * Launches the server in a process group of its own, so that Ctrl-C reaches only this process and the server outlives
 * its draining. A watcher ends the server when this process's end of the pipe closes, so even `kill -9` leaves no
 * server behind. The pid of the child is the server's.
 */
function launch(program: string, args: readonly string[]): ChildProcess {
  if (process.platform === "win32")
    return spawn(program, args, { stdio: ["ignore", "ignore", "pipe"], windowsHide: true });
  const script =
    'exec 3<&0; (cat <&3 >/dev/null 2>&1; kill -TERM $$ 2>/dev/null) 2>/dev/null & exec "$0" "$@" 3<&- </dev/null';
  return spawn("/bin/sh", ["-c", script, program, ...args], { stdio: ["pipe", "ignore", "pipe"], detached: true });
}

/** Reads the server's output. `ready` resolves with whether it has started; `lastLines` are its last lines. */
function listen(child: ChildProcess): { ready: Promise<boolean>; lastLines: string[] } {
  const lastLines: string[] = [];
  const ready = new Promise<boolean>((resolve, reject) => {
    const timer = setTimeout(() => {
      child.kill("SIGKILL");
      resolve(false);
    }, READY_WITHIN_MS);
    const settle = (value: boolean) => {
      clearTimeout(timer);
      resolve(value);
    };
    createInterface({ input: child.stderr! }).on("line", (line) => {
      lastLines.push(line.replace(/^\[\d+\] \S+ \S+ /, ""));
      if (lastLines.length > 20) lastLines.shift();
      if (line.includes("Server is ready")) settle(true);
    });
    child.once("error", reject);
    child.once("close", () => settle(false));
  });
  return { ready, lastLines };
}

function supervise(child: ChildProcess, url: string, lock: string, lastLines: readonly string[]): LocalServer {
  const pid = child.pid!;
  let isStopping = false;
  const ended = new Promise<void>((resolve) => void child.once("exit", () => resolve()));
  const failed = new Promise<never>((_, reject) => {
    child.once("exit", (code, signal) => {
      if (!isStopping)
        reject(new Error(`nats-server ended (${signal ?? `exit code ${code}`}): ${lastLines.slice(-3).join(" | ")}`));
    });
  });
  failed.catch(() => {});
  const kill = () => void child.kill("SIGTERM");
  process.once("exit", kill);
  let stopping: Promise<void> | undefined;
  const stop = (): Promise<void> => {
    stopping ??= (async () => {
      isStopping = true;
      const impatience = setTimeout(() => child.kill("SIGKILL"), STOP_WITHIN_MS);
      if (child.exitCode === null && child.signalCode === null) {
        kill();
        await ended;
      }
      clearTimeout(impatience);
      process.off("exit", kill);
      child.stdin?.destroy();
      await rm(lock, { force: true });
    })();
    return stopping;
  };
  return { url, pid, failed, stop, [Symbol.asyncDispose]: stop };
}

/**
 * Refuses a folder that another server uses. Its pid may belong to another process by now, so its port is tried, too.
 */
async function refuseIfTaken(lock: string, folder: string): Promise<void> {
  const [pid, port] = (await readFile(lock, "utf8").catch(() => "")).split(" ").map(Number);
  if (!pid || !port || !isAlive(pid) || (await isFree(HOST, port))) return;
  throw new UsageError(
    `the data in ${folder} is in use by a nats-server (pid ${pid}, port ${port}), probably that of another \`tutti dev\``,
    { expected: `--data DIR for data of its own, or --bus nats://${HOST}:${port} to join that server` },
  );
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
