import { readFileSync } from "node:fs";
import { type NatsServer, startNatsServer } from "../test/support/nats-server.ts";
import { UsageError } from "./usage-error.ts";

/** The time at which a server syncs messages to the disk: every two minutes by default, or for each message. */
export type Sync = "default" | "always";

/** A nats-server that reports its traffic. */
export interface BenchServer extends NatsServer {
  /** The version, such as `2.9.10`. */
  readonly version: string;
  /** The messages that clients have sent and received since it started, over all connections. */
  traffic(): Promise<Traffic>;
  /** The number of messages in a stream now; 0 if there is no such stream. */
  messagesOf(stream: string): Promise<number>;
}

export interface Traffic {
  readonly messages: number;
  /** The bytes of payloads and headers. */
  readonly bytes: number;
}

/** Starts a server. Rejects if it does not know `sync_interval` (before 2.10). */
export async function startBenchServer(sync: Sync): Promise<BenchServer> {
  const config = ["http: 127.0.0.1:-1", ...(sync === "always" ? ["jetstream { sync_interval: always }"] : [])];
  const server = await startNatsServer({ config: config.join("\n") }).catch((error: Error) => {
    if (sync === "default") throw error;
    const hint = "--sync always needs a nats-server of 2.10 or later on the PATH or in NATS_SERVER_BIN";
    throw new UsageError(`${hint}: ${error.message}`);
  });
  const monitor = /Starting http monitor on (\S+)/.exec(server.log)?.[1];
  if (!monitor) throw new Error(`the server did not report the address of its monitor:\n${server.log}`);
  const ask = async (path: string) => (await fetch(`http://${monitor}/${path}`)).json();
  const { version } = (await ask("varz")) as { version: string };
  // Extended and not copied, since `pid` is a getter.
  return Object.assign(Object.create(server) as NatsServer, {
    version,
    async traffic() {
      const total = (await ask("varz")) as Record<"in_msgs" | "out_msgs" | "in_bytes" | "out_bytes", number>;
      return { messages: total.in_msgs + total.out_msgs, bytes: total.in_bytes + total.out_bytes };
    },
    async messagesOf(stream: string) {
      const figures = (await ask("jsz?streams=true")) as JetStreamFigures;
      const streams = figures.account_details?.flatMap((account) => account.stream_detail ?? []);
      return streams?.find((one) => one.name === stream)?.state.messages ?? 0;
    },
  });
}

interface JetStreamFigures {
  readonly account_details?: readonly {
    readonly stream_detail?: readonly { readonly name: string; readonly state: { readonly messages: number } }[];
  }[];
}

/** The unit in which Linux counts the time of a process. */
const TICK_MICROS = 10_000;

/** The processor time that a process has used, in microseconds; NaN without /proc. */
export function cpuMicrosOf(pid: number): number {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, "utf8");
  } catch {
    return Number.NaN;
  }
  // The name, in parentheses, may contain any character; the fields after it are separated by blanks.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * TICK_MICROS;
}
