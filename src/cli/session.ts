import type { Tutti, TuttiOptions } from "../app.ts";
import { oneLine, paintFor } from "./style.ts";

/** The time that a stopping process may take to finish its work. */
const GRACE_MS = 10_000;

export interface SessionOptions extends Omit<TuttiOptions, "bus" | "onLog"> {
  readonly bus?: string | undefined;
  /** The name in traces. Default `tutti`. */
  readonly service?: string;
  /** Prints a line of diagnostics. Default: on standard error. */
  readonly print?: (line: string) => void;
}

/** Prints a line on standard error. */
export const printError = (line: string): void => void process.stderr.write(`${line}\n`);

const LEVELS = ["debug", "info", "warn", "error"] as const;

/** A Tutti app with the telemetry of its process. */
export interface Session extends AsyncDisposable {
  readonly app: Tutti;
  /** Stops the app within the grace period, then sends pending telemetry. Calling it twice is harmless. */
  stop(): Promise<void>;
}

export async function openSession(options: SessionOptions): Promise<Session> {
  const { bus, service = "tutti", print = printError, ...rest } = options;
  const [{ startTelemetry }, { processId, tutti }, { systemClock }, { version }] = await Promise.all([
    import("../telemetry/setup.ts"),
    import("../tutti.ts"),
    import("../core/clock.ts"),
    import("./version.ts"),
  ]);
  const paint = paintFor(process.stderr);
  const least = LEVELS.indexOf(process.env.TUTTI_DEBUG === "1" ? "debug" : "warn");
  const onLog = (level: (typeof LEVELS)[number], message: string) => {
    if (LEVELS.indexOf(level) < least) return;
    const style = level === "error" ? "red" : level === "warn" ? "yellow" : "dim";
    print(`${paint(style, `${level}:`)} ${oneLine(message)}`);
  };
  // The same among workers, orchestrators and in traces.
  const id = rest.id ?? processId(systemClock);
  const telemetry = await startTelemetry({
    serviceName: service,
    serviceInstanceId: id,
    serviceVersion: version(),
    onLog,
  });
  const app = await tutti({ ...rest, id, ...(bus !== undefined && { bus }), onLog });
  let stopping: Promise<void> | undefined;
  const stop = (): Promise<void> => {
    const begun = stopping ?? app.stop({ graceMs: GRACE_MS }).finally(() => telemetry.stop());
    stopping = begun;
    return begun;
  };
  return { app, stop, [Symbol.asyncDispose]: stop };
}

/** Opens a session that is only a client, without orchestrator and workers. */
export const openClient = (bus: string, print = printError): Promise<Session> =>
  openSession({ bus, orchestrator: false, print });
