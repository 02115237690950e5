import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { fileURLToPath } from "node:url";
import { context, propagation, trace } from "@opentelemetry/api";
import { TracerProvider } from "@opentelemetry/sdk-trace";
import { afterEach, describe, expect, test } from "vitest";
import { tracingEnabled } from "../../src/telemetry/attempt-span.ts";
import { recordRun } from "../../src/telemetry/record-run.ts";
import { startTelemetry, type TelemetryOptions } from "../../src/telemetry/setup.ts";
import { traceOf } from "../../src/telemetry/trace-context.ts";
import {
  assertTree,
  type OtlpReceiver,
  type OtlpReceiverOptions,
  startOtlpReceiver,
} from "../support/otlp-receiver.ts";
import { finishedRun, finishedTask } from "./finished-run.ts";

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean();
});
async function receive(options?: OtlpReceiverOptions): Promise<OtlpReceiver> {
  const receiver = await startOtlpReceiver(options);
  cleanups.push(() => receiver.stop());
  return receiver;
}
async function start(env: Record<string, string>, more: Partial<TelemetryOptions> = {}) {
  const telemetry = await startTelemetry({ serviceName: "tutti", env, ...more });
  cleanups.push(() => telemetry.stop());
  return telemetry;
}
/** A port that nobody listens on, and was free a moment ago. */
async function unusedPort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}
const smallRun = (run: string) => finishedRun(run, [finishedTask("-")]);

describe("in this process", () => {
  test("without an endpoint nothing starts", async () => {
    const telemetry = await start({});
    expect(telemetry.enabled).toBe(false);
    expect(tracingEnabled()).toBe(false);
    await recordRun(smallRun("nothing"));
    await telemetry.flush();
    await telemetry.stop();
  });

  test("the resource says which service and instance it is, and nothing of the machine", async () => {
    const receiver = await receive();
    const env = {
      OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
      OTEL_RESOURCE_ATTRIBUTES: "deployment.environment.name=test",
    };
    const { flush } = await start(env, { serviceName: "tutti-worker", serviceInstanceId: "host-1 (2)" });
    await recordRun(smallRun("resource"));
    await flush();
    const { resource } = receiver.spans()[0]!;
    expect(resource).toMatchObject({
      "service.name": "tutti-worker",
      "service.instance.id": "host-1 (2)",
      "deployment.environment.name": "test",
      "telemetry.sdk.language": "nodejs",
    });
    expect(Object.keys(resource).filter((name) => /^(host|os|process)\./.test(name))).toEqual([]);
  });

  test("an endpoint for traces is used as it is, headers and compression are OTEL_*'s", async () => {
    const receiver = await receive();
    const { flush } = await start({
      OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${receiver.url}/v1/traces`,
      OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:1",
      OTEL_EXPORTER_OTLP_COMPRESSION: "gzip",
    });
    await recordRun(smallRun("specific"));
    await flush();
    expect(receiver.spans()).toHaveLength(2);
  });

  test("whoever starts it again shares it; it ends with its last user and can be started anew", async () => {
    const receiver = await receive();
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url };
    const [one, two] = await Promise.all([start(env), start(env)]);
    await one.stop();
    await one.stop();
    expect(tracingEnabled()).toBe(true);
    await recordRun(smallRun("shared"));
    const stopping = two.stop();
    expect(tracingEnabled()).toBe(false);

    const again = await start(env);
    expect(again.enabled).toBe(true);
    await stopping;
    expect(receiver.spans()).toHaveLength(2);
    await recordRun(smallRun("again"));
    await again.stop();
    expect(receiver.spans()).toHaveLength(4);
  });

  test("it leaves an SDK alone that the program has set up itself", async () => {
    trace.setGlobalTracerProvider(new TracerProvider());
    cleanups.push(() => trace.disable());
    const logged: string[] = [];
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:1" };
    expect((await start(env, { onLog: (_, message) => logged.push(message) })).enabled).toBe(false);
    expect(logged).toEqual([
      "telemetry: this process has an OpenTelemetry SDK of its own; Tutti's spans are not exported",
    ]);
  });

  test("what it has set up globally is gone when it has stopped", async () => {
    const receiver = await receive();
    const telemetry = await start({ OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url });
    expect(propagation.fields()).toContain("traceparent");
    await telemetry.stop();
    expect(propagation.fields()).toEqual([]);
    expect(trace.getTracer("any").startSpan("any").isRecording()).toBe(false);
    expect(context.active()).toBeDefined();
  });

  test("a mistake in OTEL_* is told", async () => {
    const receiver = await receive();
    const logged: string[] = [];
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url, OTEL_TRACES_SAMPLER: "sometimes" };
    await start(env, { onLog: (_, message) => logged.push(message) });
    expect(logged).toEqual(['telemetry: unknown OTEL_TRACES_SAMPLER value "sometimes", using default']);
  });

  test("an export that fails is told once, and so is that it works again; nothing waits meanwhile", async () => {
    let status = 500;
    const receiver = await receive({ answer: () => status });
    const logged: string[] = [];
    const env = {
      OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
      OTEL_BSP_MAX_QUEUE_SIZE: "64",
      OTEL_BSP_MAX_EXPORT_BATCH_SIZE: "16",
    };
    const { flush } = await start(env, { onLog: (level, message) => logged.push(`${level} ${message}`) });
    for (const run of ["lost-1", "lost-2", "lost-3"]) {
      await recordRun(smallRun(run));
      await flush();
    }
    status = 200;
    await recordRun(smallRun("kept"));
    await flush();
    expect(logged).toEqual([
      `warn telemetry: spans cannot be exported to ${receiver.url} and are lost until it answers: Internal Server Error`,
      `info telemetry: spans are exported to ${receiver.url} again`,
    ]);
    expect(receiver.spans()).toHaveLength(2);
  });

  test("a collector that is away for a moment is tried again", async () => {
    const receiver = await receive({ answer: (request) => (request === 1 ? 503 : 200) });
    const { flush } = await start({ OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url });
    await recordRun(smallRun("retried"));
    await flush();
    assertTree(receiver.spans());
    expect(receiver.requests).toBe(2);
  });

  test("an endpoint that never answers does not hold up a large run for longer than a moment", async () => {
    const receiver = await receive({ answer: () => new Promise<number>(() => {}) });
    const logged: string[] = [];
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url, OTEL_BSP_MAX_QUEUE_SIZE: "512" };
    const telemetry = await start(env, { onLog: (_, message) => logged.push(message) });
    const tasks = Array.from({ length: 5000 }, (_, i) => finishedTask(i === 0 ? "-" : `t${i}`));
    const began = performance.now();
    await recordRun(finishedRun("stuck", tasks));
    // An export is given up after 10 s: nobody has waited for that.
    expect(performance.now() - began).toBeLessThan(9000);
    expect(logged).toEqual(["telemetry: the export queue is full (512 spans); spans are lost"]);
    const stopping = performance.now();
    await telemetry.stop();
    expect(performance.now() - stopping).toBeLessThan(9000);
  });
});

describe("in processes of their own", () => {
  const script = fileURLToPath(new URL("traced-process.ts", import.meta.url));

  function run(
    args: string[],
    env: Record<string, string>,
  ): { child: ChildProcess; line: Promise<Record<string, unknown>> } {
    const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith("OTEL_"));
    const options = {
      env: { ...Object.fromEntries(inherited), ...env },
      stdio: ["ignore", "pipe", "inherit"] as const,
    };
    const child = spawn(process.execPath, [script, ...args], { ...options, stdio: ["ignore", "pipe", "inherit"] });
    cleanups.push(() => child.kill("SIGKILL"));
    let out = "";
    const line = new Promise<Record<string, unknown>>((resolve, reject) => {
      child.stdout!.on("data", (chunk: Buffer) => {
        out += chunk;
        if (out.includes("\n")) resolve(JSON.parse(out.slice(0, out.indexOf("\n"))));
      });
      child.once("exit", (code) => reject(new Error(`the process ended with ${code} and said ${JSON.stringify(out)}`)));
    });
    return { child, line };
  }
  async function exitOf(child: ChildProcess): Promise<number | null> {
    return child.exitCode ?? ((await once(child, "exit")) as [number | null])[0];
  }

  test("the SDK is loaded only to export", async () => {
    const receiver = await receive();
    expect(await run(["idle"], {}).line).toMatchObject({ enabled: false, sdkModules: 0 });
    const loaded = await run(["idle"], { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url }).line;
    expect(loaded.enabled).toBe(true);
    expect(loaded.sdkModules).toBeGreaterThan(3);
  });

  test("spans of a process that is over at once are sent before it ends", async () => {
    const receiver = await receive();
    const { child, line } = run(["record", "short"], { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url });
    await line;
    expect(await exitOf(child)).toBe(0);
    expect(assertTree(receiver.spans(traceOf("short").traceId)).root.resource["service.name"]).toBe("tutti-record");
  });

  test("a trace is whole when the process that began it was killed and another one ended the run", async () => {
    const receiver = await receive();
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url };
    const first = run(["attempts", "killed"], env);
    await first.line;
    first.child.kill("SIGKILL");
    await exitOf(first.child);
    await run(["record", "killed"], env).line;

    const spans = receiver.spans(traceOf("killed").traceId);
    // The run, four tasks, an attempt and a call of each.
    expect(spans).toHaveLength(1 + 4 * 3);
    const tree = assertTree(spans);
    for (const call of spans.filter((span) => span.name === "chat")) {
      const attempt = tree.parent(call)!;
      const task = tree.parent(attempt)!;
      expect(attempt.attributes["tutti.task"]).toBe(task.attributes["tutti.task"]);
      expect([call, attempt, task].map(({ resource }) => resource["service.name"])).toEqual([
        "tutti-attempts",
        "tutti-record",
        "tutti-record",
      ]);
    }
  });

  test.each(["is down", "never answers"])("an endpoint that %s neither fails a process nor keeps it", async (how) => {
    const url =
      how === "is down"
        ? `http://127.0.0.1:${await unusedPort()}`
        : (await receive({ answer: () => new Promise<number>(() => {}) })).url;
    const { child, line } = run(["record", "lost"], { OTEL_EXPORTER_OTLP_ENDPOINT: url });
    const told = await line;
    const began = performance.now();
    // An export is given up after 10 s: nobody has waited for that.
    expect(told.stopMs).toBeLessThan(9000);
    expect(await exitOf(child)).toBe(0);
    expect(performance.now() - began).toBeLessThan(9000);
  });
});
