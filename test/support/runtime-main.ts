/** `node runtime-main.ts OPTIONS`: a process that runs Tutti, for `startRuntimeProcess`. */
import type { Worker } from "../../src/define/worker.ts";
import { startTelemetry } from "../../src/telemetry/setup.ts";
import { tutti } from "../../src/tutti.ts";
import type { ProcessOptions } from "./runtime-process.ts";
import * as known from "./runtime-workers.ts";

const { workers = [], onceReady = "stay", graceMs, ...options } = JSON.parse(process.argv[2]!) as ProcessOptions;
const telemetry = await startTelemetry({ serviceName: "tutti-test" });
const app = await tutti({
  ...options,
  workers: workers.map((name) => (known as Record<string, Worker>)[name]!),
  onLog: (level, message) => level !== "debug" && console.error(level, message),
});
const stop = async () => {
  await app.stop(graceMs === undefined ? {} : { graceMs });
  await telemetry.stop();
};
// Nothing ends the process: it ends when nothing keeps it.
if (onceReady === "stay") process.once("SIGTERM", () => void stop());
console.log("ready");
if (onceReady === "stop") await stop();
