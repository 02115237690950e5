import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { cleanEnv } from "./tutti-process.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

it("ends when the npm that started it is told to", async () => {
  const npm = spawn("npm", ["run", "--silent", "tutti", "--", "dev", "--json"], {
    cwd: ROOT,
    env: cleanEnv({ NATS_SERVER_BIN: "", PATH: process.env.PATH!, TUTTI_TEST: "" }),
    stdio: ["ignore", "pipe", "ignore"],
  });
  const line = await new Promise<string>((resolve) => npm.stdout.once("data", (data) => resolve(String(data))));
  const { pid } = JSON.parse(line) as { pid: number };
  expect(isAlive(pid)).toBe(true);
  npm.kill("SIGTERM");
  await expect.poll(() => isAlive(pid), { timeout: 20_000, interval: 50 }).toBe(false);
});
