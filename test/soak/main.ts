/** `node --expose-gc main.ts ROLE URL`: one process of a soak. Answers the line `memory` with what it uses, after a collection. */
import { createInterface } from "node:readline";
import { tutti } from "../../src/tutti.ts";
import { SHAPES } from "./shapes.ts";
import { soakWorkers } from "./workers.ts";

/** Runs that the client has in progress at once. */
const AT_ONCE = 12;

const [role, bus] = process.argv.slice(2) as ["orchestrator" | "worker" | "client", string];
const app = await tutti({
  bus,
  orchestrator: role === "orchestrator",
  workers: role === "worker" ? soakWorkers : [],
  onLog: (level, message) => level === "error" && console.error(role, message),
});
const counts: Record<string, number> = {};
let failure: string | undefined;
let isOver = false;

async function keepRunning(): Promise<void> {
  const names = Object.keys(SHAPES);
  while (!isOver) {
    const name = names[Math.floor(Math.random() * names.length)]!;
    try {
      await SHAPES[name]!(app, Math.random);
      counts[name] = (counts[name] ?? 0) + 1;
    } catch (error) {
      failure ??= `${name}: ${error instanceof Error ? error.message : error}`;
      isOver = true;
    }
  }
}

const loops = role === "client" ? Array.from({ length: AT_ONCE }, keepRunning) : [];
createInterface({ input: process.stdin }).on("line", async (line) => {
  if (line === "memory") {
    globalThis.gc!();
    const { heapUsed, external, rss } = process.memoryUsage();
    console.log(JSON.stringify({ used: heapUsed + external, rss, counts, failure }));
    return;
  }
  isOver = true;
  await Promise.all(loops);
  await app.stop();
  process.exit();
});
console.log(JSON.stringify("ready"));
