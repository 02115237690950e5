import {
  context,
  DiagLogLevel,
  diag,
  logs,
  ProxyTracerProvider,
  propagation,
  TraceFlags,
  trace,
} from "@opentelemetry/api";
import type { SpanExporter, SpanProcessor } from "@opentelemetry/sdk-trace";
import { atMost, systemClock } from "../core/clock.ts";
import type { Environment } from "../core/environment.ts";
import type { Logger } from "../core/logger.ts";
import { SEMANTIC_CONVENTIONS } from "../core/span-attributes.ts";
import { createExportAgent } from "./export-agent.ts";
import { createExportGauge, type ExportGauge } from "./export-gauge.ts";
import { readSettings, type TelemetrySettings, withEnvironment } from "./settings.ts";
import { createIdGenerator } from "./span-ids.ts";
import { provideTracing } from "./tracing.ts";

export interface TelemetryOptions {
  /** Unless OTEL_SERVICE_NAME or OTEL_RESOURCE_ATTRIBUTES say otherwise. */
  readonly serviceName: string;
  /** Default: none. */
  readonly serviceInstanceId?: string;
  /** Default: none. */
  readonly serviceVersion?: string;
  /** Where OTEL_* are read. Default `process.env`. */
  readonly env?: Environment;
  /** Diagnostics, one line each. */
  readonly onLog?: Logger;
}

export interface Telemetry {
  /** Whether spans are exported. */
  readonly enabled: boolean;
  /** Sends what has ended so far; resolves when that is done or has failed, after 2 s at the latest. */
  flush(): Promise<void>;
  /** Sends what is left and shuts down, in 2 s at the latest. Stopping twice is harmless. */
  stop(): Promise<void>;
}

const LONGEST_STOP_MS = 2000;
/** How long a full queue holds back work before the exporter counts as stuck. */
const PATIENCE_MS = 1000;
const TRACER = "tutti";
/** Says to readers which version of the names is meant. */
const SCHEMA_URL = `https://opentelemetry.io/schemas/${SEMANTIC_CONVENTIONS.general}`;
const DISABLED: Telemetry = { enabled: false, flush: async () => {}, stop: async () => {} };

let shared: Promise<{ readonly telemetry: Telemetry; users: number } | undefined> | undefined;

/**
 * Exports spans over OTLP/HTTP when OTEL_EXPORTER_OTLP_ENDPOINT or OTEL_EXPORTER_OTLP_TRACES_ENDPOINT is set, as all
 * of OTEL_* say; else does nothing, and the SDK is not even loaded. A process has one telemetry: a later start
 * shares the first one, which ends with its last user. An endpoint that is down costs its spans and no more.
 */
export async function startTelemetry(options: TelemetryOptions): Promise<Telemetry> {
  const log: Logger = (level, message) => options.onLog?.(level, `telemetry: ${message}`);
  const { serviceName: name, serviceInstanceId: instanceId, serviceVersion: version } = options;
  const service = { name, instanceId, version };
  const settings = readSettings(options.env ?? process.env, service, (problem) => log("warn", problem));
  if (!settings) return DISABLED;
  shared ??= start(settings, log).then((telemetry) => telemetry && { telemetry, users: 0 });
  const joined = shared;
  const leave = () => {
    if (shared === joined) shared = undefined;
  };
  const own = await joined.catch((error: unknown) => {
    log("error", `the OpenTelemetry SDK could not be started, nothing is exported: ${error}`);
  });
  if (!own) {
    leave();
    return DISABLED;
  }
  own.users++;
  let stopped = false;
  return {
    enabled: true,
    flush: own.telemetry.flush,
    async stop() {
      if (stopped) return;
      stopped = true;
      if (--own.users > 0) return;
      leave();
      await own.telemetry.stop();
    },
  };
}

async function start(settings: TelemetrySettings, log: Logger): Promise<Telemetry | undefined> {
  const registered = trace.getTracerProvider();
  if (!(registered instanceof ProxyTracerProvider) || registered.getDelegateTracer(TRACER)) {
    log("warn", "this process has an OpenTelemetry SDK of its own; Tutti's spans are not exported");
    return undefined;
  }
  const [{ NodeSDK }, { OTLPTraceExporter }, { BatchSpanProcessor, RandomIdGenerator }] = await Promise.all([
    import("@opentelemetry/sdk-node"),
    import("@opentelemetry/exporter-trace-otlp-http"),
    import("@opentelemetry/sdk-trace"),
  ]);

  const gauge = createExportGauge({
    capacity: settings.batch.maxQueueSize,
    patienceMs: PATIENCE_MS,
    flush: () => flush(),
    onFailing: (why) =>
      log("warn", `spans cannot be exported to ${settings.url.origin} and are lost until it answers: ${why}`),
    onRecovered: () => log("info", `spans are exported to ${settings.url.origin} again`),
    onDropping: () => log("warn", `the export queue is full (${settings.batch.maxQueueSize} spans); spans are lost`),
  });
  const ids = createIdGenerator(new RandomIdGenerator());
  // Connections over https stay the SDK's, which gives them the certificates of OTEL_EXPORTER_OTLP_*.
  const agent = settings.url.protocol === "http:" ? createExportAgent() : undefined;

  listenToSdk(settings.logLevel ?? "warn", log);
  const { sdk, exporter, processor } = withEnvironment(settings.variables, () => {
    const exporter = new OTLPTraceExporter(agent ? { httpAgentOptions: () => agent } : {});
    const processor = new BatchSpanProcessor({ exporter: gauged(exporter, gauge), ...settings.batch });
    const spanProcessors = [countingEnds(gauge), processor];
    const sdk = new NodeSDK({ spanProcessors, idGenerator: ids, metricReaders: [], logRecordProcessors: [] });
    sdk.start();
    return { sdk, exporter, processor };
  });
  // What it says during set-up is about its settings. Later on, the gauge logs what matters, in fewer words.
  if (!settings.logLevel) diag.disable();

  const flush = async () => {
    await Promise.allSettled([processor.forceFlush(), exporter.forceFlush()]);
  };
  const tracer = trace.getTracerProvider().getTracer(TRACER, undefined, { schemaUrl: SCHEMA_URL });
  provideTracing({
    startSpan: (name, options, parent, own) => ids.giving(own, () => tracer.startSpan(name, options, parent)),
    room: gauge.room,
    exported: gauge.allExported,
    flush,
  });
  return {
    enabled: true,
    flush: () => atMost(systemClock, LONGEST_STOP_MS, flush()),
    async stop() {
      provideTracing(undefined);
      // At once, so that telemetry can be started again while this one sends what it has left.
      for (const api of [trace, context, propagation, logs, diag]) api.disable();
      await atMost(systemClock, LONGEST_STOP_MS, sdk.shutdown());
      agent?.close();
    },
  };
}

function listenToSdk(level: string, log: Logger): void {
  const telling =
    (as: Parameters<Logger>[0]) =>
    (message: string, ...rest: unknown[]) =>
      log(as, [message, ...rest].join(" "));
  const logger = {
    error: telling("error"),
    warn: telling("warn"),
    info: telling("info"),
    debug: telling("debug"),
    verbose: telling("debug"),
  };
  diag.setLogger(logger, DiagLogLevel[level.toUpperCase() as keyof typeof DiagLogLevel] ?? DiagLogLevel.WARN);
}

function gauged(exporter: SpanExporter, gauge: ExportGauge): SpanExporter {
  return {
    export(spans, done) {
      gauge.exporting(spans.length);
      exporter.export(spans, (result) => {
        gauge.exported(spans.length, result.code === 0 ? undefined : (result.error ?? new Error("refused")));
        done(result);
      });
    },
    forceFlush: async () => exporter.forceFlush?.(),
    shutdown: () => exporter.shutdown(),
  };
}

const countingEnds = (gauge: ExportGauge): SpanProcessor => ({
  onStart() {},
  onEnd(span) {
    if (span.spanContext().traceFlags & TraceFlags.SAMPLED) gauge.ended();
  },
  forceFlush: async () => {},
  shutdown: async () => {},
});
