/**
 * A worker process for the end of the demo: `node survey-worker.ts NATS_URL`. It prints `ready` and runs until it is
 * stopped.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { plan, tutti, worker } from "../../src/index.ts";
import { ACK_WAIT_MS, measure, summarize, survey } from "./survey.ts";

const surveying = worker(survey, ({ input }) =>
  plan((p) => {
    const parts = Array.from({ length: input.stations }, (_, i) =>
      p.task(measure, { station: i + 1 }, { key: `station-${String(i + 1).padStart(2, "0")}` }),
    );
    return p.task(summarize, { levels: parts.map((part) => part.output.level) });
  }),
);

const measuring = worker(measure, { concurrency: 3 }, async ({ input, signal }) => {
  await sleep(700 + ((input.station * 137) % 500), undefined, { signal });
  return { level: 100 + ((input.station * 37) % 50) };
});

const summarizing = worker(summarize, ({ input: { levels } }) => ({
  stations: levels.length,
  mean: Math.round(levels.reduce((sum, level) => sum + level, 0) / levels.length),
}));

const [bus] = z.tuple([z.string()]).parse(process.argv.slice(2));
const app = await tutti({
  bus,
  workers: [surveying, measuring, summarizing],
  orchestrator: false,
  timing: { ackWaitMs: ACK_WAIT_MS },
  onLog: () => {},
});
process.once("SIGTERM", () => void app.stop().then(() => process.exit(0)));
console.log("ready");
