/**
 * Measures the bytes that the engine allocates for a task. The young generation is so large that no collection occurs
 * during the measurement, so the growth of the heap and of the buffers beside it is the allocation.
 *
 *     npx node --expose-gc --max-semi-space-size=1024 --min-semi-space-size=1024 bench/allocations.ts fan-out
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { COUNTED_LOADS, type LoadName } from "./counted-loads.ts";
import { withEmbedded } from "./embedded-counts.ts";

/** The size of the young generation in MiB. A load takes some tens of MiB. */
const ROOM = 1024;
/** The number of loads before the measurement: compiled code allocates less. */
const WARM_UP = 10;
const MEASURED = 3;

/** Measures in a separate process. */
export async function countAllocatedBytes(name: LoadName): Promise<number> {
  const flags = ["--expose-gc", `--max-semi-space-size=${ROOM}`, `--min-semi-space-size=${ROOM}`];
  const child = spawn(process.execPath, [...flags, fileURLToPath(import.meta.url), name], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let said = "";
  child.stdout.on("data", (data) => (said += data));
  const [code] = await once(child, "close");
  if (code !== 0) throw new Error(`counting allocations of ${name} ended with ${code}`);
  return Number(said);
}

const allocated = (): number => {
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
};

async function main(name: LoadName): Promise<void> {
  const most = await withEmbedded(name, async (load) => {
    for (let i = 0; i < WARM_UP; i++) await load();
    const taken: number[] = [];
    for (let i = 0; i < MEASURED; i++) {
      globalThis.gc!();
      let collections = 0;
      const observer = new PerformanceObserver((list) => {
        collections += list.getEntries().length;
      });
      // Earlier collections are reported late.
      await new Promise((resolve) => setTimeout(resolve, 20));
      observer.observe({ entryTypes: ["gc"] });
      const before = allocated();
      await load();
      taken.push(allocated() - before);
      await new Promise((resolve) => setTimeout(resolve, 20));
      observer.disconnect();
      if (collections > 0) throw new Error(`${collections} collections occurred: the bytes they freed are not counted`);
    }
    return Math.min(...taken);
  });
  console.log(Math.round(most / COUNTED_LOADS[name].tasks));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main(process.argv[2] as LoadName);
