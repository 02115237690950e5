/**
 * A process of its own for the tests: `node traced-process.ts attempts|record|idle RUN`. It exports as OTEL_* say and
 * prints a line of JSON when it has done what it is asked; `attempts` then stays until it is killed.
 */
import { registerHooks } from "node:module";
import { trace } from "@opentelemetry/api";
import { inAttemptSpan } from "../../src/telemetry/attempt-span.ts";
import { recordRun } from "../../src/telemetry/record-run.ts";
import { startTelemetry } from "../../src/telemetry/setup.ts";
import { attemptTraceparent } from "../../src/telemetry/tracing.ts";
import { finishedAttempt, finishedRun, finishedTask } from "./finished-run.ts";

const [what, run = "run"] = process.argv.slice(2);
const TASKS = ["-", "a", "b", "a/x"];

let sdkModules = 0;
registerHooks({
  resolve(specifier, context, next) {
    if (specifier.startsWith("@opentelemetry/") && specifier !== "@opentelemetry/api") sdkModules++;
    return next(specifier, context);
  },
});
const logged: string[] = [];
const telemetry = await startTelemetry({
  serviceName: `tutti-${what}`,
  onLog: (level, message) => logged.push(`${level} ${message}`),
});
const tell = (more: object) => console.log(JSON.stringify({ enabled: telemetry.enabled, sdkModules, logged, ...more }));

if (what === "attempts") {
  for (const task of TASKS) {
    const message = {
      traceparent: attemptTraceparent(run, task, 1),
      deliveries: 1,
      worker: "w",
      subject: "s",
      type: "leaf",
    };
    const call = async () => trace.getTracer("model").startSpan("chat").end();
    await inAttemptSpan({ ...message, run, tenant: "default", task, attempt: 1 }, call, () => ({}));
  }
  await telemetry.flush();
  tell({});
  // Killed, not stopped.
  setInterval(() => {}, 60_000);
} else {
  if (what === "record")
    await recordRun(
      finishedRun(
        run,
        TASKS.map((task) => finishedTask(task, { attempts: [finishedAttempt()] })),
      ),
    );
  const began = performance.now();
  await telemetry.stop();
  tell({ stopMs: performance.now() - began });
}
