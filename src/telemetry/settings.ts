import type { Environment } from "../core/environment.ts";

export interface TelemetrySettings {
  /** Where traces go. */
  readonly url: URL;
  /** How spans are batched, as far as it is stated; the SDK has defaults for the rest. */
  readonly batch: {
    /** Spans that may wait for their export. */
    readonly maxQueueSize: number;
    readonly maxExportBatchSize?: number;
    readonly scheduledDelayMillis: number;
    readonly exportTimeoutMillis?: number;
  };
  /** The level down to which the SDK's own diagnostics are logged: `error`, `warn`, `info`, `debug`, … */
  readonly logLevel: string | undefined;
  /** The OTEL_* variables for the SDK, with Tutti's defaults for those that are not set. */
  readonly variables: Readonly<Record<string, string>>;
}

/** What a process says of itself beside its spans. */
interface Service {
  readonly name: string;
  readonly instanceId: string | undefined;
  readonly version?: string | undefined;
}

/** Spans of a few thousand tasks, some 10 MB; the SDK's own default (2,048) is soon full in a worker of short tasks. */
const QUEUE_SIZE = 8192;
/** A run's tree is written once, at its end: what a killed process had not exported yet is lost. The SDK waits 5 s. */
const SCHEDULED_DELAY_MS = 500;

/**
 * Reads OTEL_*. Undefined when nothing is to be exported: no endpoint, or OTEL_SDK_DISABLED, or OTEL_TRACES_EXPORTER
 * without `otlp`. An unusable endpoint is reported through `complain`, and nothing is exported either.
 */
export function readSettings(
  env: Environment,
  service: Service,
  complain: (message: string) => void,
): TelemetrySettings | undefined {
  const read = (name: string) => env[name]?.trim() || undefined;
  const readPositive = (name: string) => (Number(read(name)) > 0 ? Number(read(name)) : undefined);

  const variable = ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"].find(read);
  if (!variable || read("OTEL_SDK_DISABLED")?.toLowerCase() === "true") return undefined;
  const exporters = (read("OTEL_TRACES_EXPORTER") ?? "otlp").split(",").map((name) => name.trim());
  if (!exporters.includes("otlp")) return undefined;

  const endpoint = read(variable)!;
  const url = URL.canParse(endpoint) ? new URL(endpoint) : undefined;
  if (url?.protocol !== "http:" && url?.protocol !== "https:") {
    const received = JSON.stringify(endpoint);
    complain(`${variable}: expected a URL such as http://localhost:4318, received ${received}; nothing is exported`);
    return undefined;
  }
  const protocol = read("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL") ?? read("OTEL_EXPORTER_OTLP_PROTOCOL");
  if (protocol === "grpc")
    complain(`OTLP over gRPC is not supported: spans are sent to ${url.origin} as JSON over HTTP`);

  const { OTEL_LOG_LEVEL: logLevel, ...stated } = Object.fromEntries(
    Object.entries(env).filter((entry): entry is [string, string] => entry[0].startsWith("OTEL_") && !!entry[1]),
  );
  const exportTimeoutMillis = readPositive("OTEL_BSP_EXPORT_TIMEOUT");
  const maxExportBatchSize = readPositive("OTEL_BSP_MAX_EXPORT_BATCH_SIZE");
  return {
    url,
    batch: {
      maxQueueSize: readPositive("OTEL_BSP_MAX_QUEUE_SIZE") ?? QUEUE_SIZE,
      scheduledDelayMillis: readPositive("OTEL_BSP_SCHEDULE_DELAY") ?? SCHEDULED_DELAY_MS,
      ...(exportTimeoutMillis && { exportTimeoutMillis }),
      ...(maxExportBatchSize && { maxExportBatchSize }),
    },
    logLevel,
    variables: {
      // Of host, operating system and process nothing is looked up unless it is asked for.
      OTEL_NODE_RESOURCE_DETECTORS: "env",
      ...stated,
      ...describeService(service, stated),
    },
  };
}

/** What OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES say of the service comes first. */
function describeService(service: Service, stated: Environment): Record<string, string> {
  const attributes = stated.OTEL_RESOURCE_ATTRIBUTES ?? "";
  const names = new Set(attributes.split(",").map((pair) => pair.split("=")[0]!.trim()));
  const pairs = attributes ? [attributes] : [];
  const add = (name: string, value: string | undefined) => {
    if (value && !names.has(name)) pairs.push(`${name}=${encodeURIComponent(value)}`);
  };
  add("service.instance.id", service.instanceId);
  add("service.version", service.version);
  const named = stated.OTEL_SERVICE_NAME || names.has("service.name");
  return { OTEL_RESOURCE_ATTRIBUTES: pairs.join(","), ...(!named && { OTEL_SERVICE_NAME: service.name }) };
}

/**
 * Runs `setUp` with exactly these OTEL_* in `process.env`, from where the SDK reads its settings and nowhere else.
 * It takes no turn of the event loop, so no other code sees them.
 */
export function withEnvironment<T>(variables: Readonly<Record<string, string>>, setUp: () => T): T {
  const take = () => {
    const taken = Object.entries(process.env).filter(([name]) => name.startsWith("OTEL_"));
    for (const [name] of taken) delete process.env[name];
    return Object.fromEntries(taken);
  };
  const before = take();
  try {
    Object.assign(process.env, variables);
    return setUp();
  } finally {
    take();
    Object.assign(process.env, before);
  }
}
