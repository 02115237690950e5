import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface RedisServer {
  /** The TCP port. A Unix socket would be faster, but distributed processes do not use one. */
  readonly port: number;
  readonly version: string;
  stop(): Promise<void>;
}

/** The persistence: an append-only file that is written to the disk for each command or once per second, or none. */
export type RedisDurability = "always" | "everysec" | "memory";

const BINARY = process.env.REDIS_SERVER_BIN ?? "redis-server";
const HOW_TO_GET =
  "redis-server is needed on the PATH or in REDIS_SERVER_BIN: apt-get install redis-server, or brew install redis";
const STARTS_WITHIN_MS = 10_000;

/** Starts a redis-server on a free port of 127.0.0.1, with data of its own. */
export async function startRedisServer(durability: RedisDurability, port: number): Promise<RedisServer> {
  const directory = mkdtempSync(join(tmpdir(), "tutti-redis-"));
  const kept = durability === "memory" ? ["--appendonly", "no"] : ["--appendonly", "yes", "--appendfsync", durability];
  // BullMQ requires noeviction: jobs must not be evicted like cache entries.
  const settings = ["--save", "", "--maxmemory-policy", "noeviction", "--dir", directory, ...kept];
  const child = spawn(BINARY, ["--port", `${port}`, "--bind", "127.0.0.1", ...settings], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  const endWithProcess = () => {
    child.kill("SIGKILL");
    rmSync(directory, { recursive: true, force: true });
  };
  process.once("exit", endWithProcess);
  const stop = async () => {
    process.off("exit", endWithProcess);
    if (child.exitCode === null && child.signalCode === null && child.pid) {
      child.kill("SIGKILL");
      await once(child, "exit");
    }
    rmSync(directory, { recursive: true, force: true });
  };
  try {
    const info = await Promise.race([firstAnswer(port), failure(child)]);
    return { port, version: /redis_version:(\S+)/.exec(info)?.[1] ?? "unknown", stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function failure(child: ChildProcess): Promise<never> {
  const [why] = await Promise.race([once(child, "error"), once(child, "exit")]);
  if (why?.code === "ENOENT") throw new Error(HOW_TO_GET);
  throw new Error(`redis-server ended: ${why}`);
}

/** Resolves with the server's INFO as soon as it answers. */
async function firstAnswer(port: number): Promise<string> {
  const deadline = performance.now() + STARTS_WITHIN_MS;
  while (performance.now() < deadline) {
    const info = await new Promise<string | undefined>((resolve) => {
      const socket = connect(port, "127.0.0.1", () => socket.write("INFO server\r\n"));
      socket.once("data", (data) => {
        resolve(data.toString());
        socket.destroy();
      });
      socket.once("error", () => resolve(undefined));
    });
    if (info?.includes("redis_version")) return info;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`redis-server did not answer on port ${port} within ${STARTS_WITHIN_MS / 1000} s`);
}
