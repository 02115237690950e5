import { readFileSync } from "node:fs";
import { type NatsServer, startNatsServer } from "../test/support/nats-server.ts";
import { UsageError } from "./usage-error.ts";

/** When a server writes what it has taken to the disk itself: by its default, every two minutes, or for each message. */
export type Sync = "default" | "always";

/** A nats-server of our own that tells what goes through it. */
export interface BenchServer extends NatsServer {
  /** E.g. `2.9.10`. */
  readonly version: string;
  /** What clients have sent and been sent since it started, over all connections. */
  traffic(): Promise<Traffic>;
  /** Messages that a stream holds now; 0 when there is no such stream. */
  messagesOf(stream: string): Promise<number>;
}

export interface Traffic {
  readonly messages: number;
  /** Of payloads and headers. */
  readonly bytes: number;
}

/** Rejects when the server does not know `sync_interval` (before 2.10). */
export async function startBenchServer(sync: Sync): Promise<BenchServer> {
  const config = ["http: 127.0.0.1:-1", ...(sync === "always" ? ["jetstream { sync_interval: always }"] : [])];
  const server = await startNatsServer({ config: config.join("\n") }).catch((error: Error) => {
    if (sync === "default") throw error;
    const hint = "--sync always needs a nats-server of 2.10 or later on the PATH or in NATS_SERVER_BIN";
    throw new UsageError(`${hint}: ${error.message}`);
  });
  const monitor = /Starting http monitor on (\S+)/.exec(server.log)?.[1];
  if (!monitor) throw new Error(`the server tells no address of its monitor:\n${server.log}`);
  const ask = async (path: string) => (await fetch(`http://${monitor}/${path}`)).json();
  const { version } = (await ask("varz")) as { version: string };
  // Not a copy: its pid is a getter.
  return Object.assign(Object.create(server) as NatsServer, {
    version,
    async traffic() {
      const told = (await ask("varz")) as Record<"in_msgs" | "out_msgs" | "in_bytes" | "out_bytes", number>;
      return { messages: told.in_msgs + told.out_msgs, bytes: told.in_bytes + told.out_bytes };
    },
    async messagesOf(stream: string) {
      const told = (await ask("jsz?streams=true")) as JetStreamFigures;
      const streams = told.account_details?.flatMap((account) => account.stream_detail ?? []);
      return streams?.find((one) => one.name === stream)?.state.messages ?? 0;
    },
  });
}

interface JetStreamFigures {
  readonly account_details?: readonly {
    readonly stream_detail?: readonly { readonly name: string; readonly state: { readonly messages: number } }[];
  }[];
}

/** Linux counts a process's time in ticks of 10 ms. */
const TICK_MICROS = 10_000;

/** Processor time that a process has used, in microseconds; NaN where there is no /proc to ask. */
export function cpuMicrosOf(pid: number): number {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, "utf8");
  } catch {
    return Number.NaN;
  }
  // The name, in parentheses, may hold anything; what follows it is plain.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * TICK_MICROS;
}
