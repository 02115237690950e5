import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface NatsServer {
  readonly url: string;
  /** Of the process that runs at the moment. */
  readonly pid: number;
  /** Everything the server has logged. */
  readonly log: string;
  /** A clean end (it also removes the data). With `keep`, data and log stay for whoever looks into a failure. */
  stop(options?: { keep?: boolean }): Promise<void>;
  /** Ends the process as a power cut of the process would; the data stays. */
  kill9(): Promise<void>;
  /**
   * Starts it again on the same port and data, after {@link kill9} or in place of the running one. `empty`: without the
   * data; `config`: with these lines in the configuration file.
   */
  restart(changes?: { empty?: boolean; config?: string }): Promise<void>;
}

export interface NatsServerOptions {
  /** Further command line arguments. */
  readonly args?: readonly string[];
  /** Lines for the configuration file. */
  readonly config?: string;
  /** Default true. */
  readonly jetstream?: boolean;
}

const START_TIMEOUT_MS = 10_000;

/**
 * Starts a nats-server with JetStream on a free port of 127.0.0.1 with data of its own. The binary is NATS_SERVER_BIN,
 * or `nats-server` on the PATH. What was started here is ended at the latest with this process.
 */
export async function startNatsServer(options: NatsServerOptions = {}): Promise<NatsServer> {
  const directory = mkdtempSync(join(tmpdir(), "tutti-nats-"));
  const port = await freePort();
  const logFile = join(directory, "server.log");
  const configFile = join(directory, "server.conf");
  writeFileSync(configFile, options.config ?? "");
  const jetstream = options.jetstream === false ? [] : ["-js", "-sd", join(directory, "data")];
  const args = ["-c", configFile, "-a", "127.0.0.1", "-p", `${port}`, ...jetstream, ...(options.args ?? [])];
  let child: ChildProcess | undefined;

  const start = async () => {
    const log = openSync(logFile, "a");
    const started = spawn(process.env.NATS_SERVER_BIN ?? "nats-server", args, {
      stdio: ["ignore", log, log],
    });
    closeSync(log);
    child = started;
    const failed = new Promise<never>((_, reject) => {
      started.once("error", reject);
      started.once("exit", (code) => reject(new Error(`nats-server ended (${code}); log: ${logFile}`)));
    });
    failed.catch(() => {});
    await Promise.race([answers(port), failed]);
  };
  const end = async (signal: NodeJS.Signals) => {
    const ending = child;
    child = undefined;
    if (!ending || ending.exitCode !== null || ending.signalCode !== null) return;
    const exited = once(ending, "exit");
    ending.kill(signal);
    await exited;
  };
  const endWithProcess = () => {
    child?.kill("SIGKILL");
    try {
      rmSync(directory, { recursive: true, force: true });
    } catch {
      // It may write once more before it is gone.
    }
  };
  process.once("exit", endWithProcess);

  try {
    await start();
  } catch (error) {
    await end("SIGKILL");
    process.off("exit", endWithProcess);
    throw error;
  }
  return {
    url: `nats://127.0.0.1:${port}`,
    get pid() {
      return child?.pid ?? -1;
    },
    get log() {
      return readFileSync(logFile, "utf8");
    },
    async stop({ keep = false } = {}) {
      // Nothing here is worth the seconds that an orderly shutdown of JetStream may take.
      await end("SIGKILL");
      process.off("exit", endWithProcess);
      if (keep) console.error(`nats-server: data and log are kept in ${directory}`);
      else rmSync(directory, { recursive: true, force: true });
    },
    kill9: () => end("SIGKILL"),
    async restart({ empty = false, config } = {}) {
      await end(empty ? "SIGKILL" : "SIGTERM");
      if (empty) rmSync(join(directory, "data"), { recursive: true, force: true });
      if (config !== undefined) writeFileSync(configFile, config);
      await start();
    },
  };
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, "close");
  return port;
}

/** Resolves when something on the port has sent its first bytes: a NATS server speaks first. */
async function answers(port: number): Promise<void> {
  const deadline = performance.now() + START_TIMEOUT_MS;
  while (performance.now() < deadline) {
    const spoke = await new Promise<boolean>((resolve) => {
      const socket = connect(port, "127.0.0.1");
      socket.once("data", () => {
        socket.destroy();
        resolve(true);
      });
      socket.once("error", () => resolve(false));
      socket.once("close", () => resolve(false));
    });
    if (spoke) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`nats-server did not answer on port ${port} within ${START_TIMEOUT_MS} ms`);
}
