import { createConnection } from "node:net";

const DEFAULT_PORT = 4222;
const PATIENCE_MS = 2000;
/**
 * The server's first line. It comes before everything else, TLS included, unless the server is set to
 * `handshake_first`.
 */
const INFO = /^INFO (\{.*\})\s*\r\n/;
/** The limit for the first line, which lists the other servers of a cluster. */
const MOST_BYTES = 64 * 1024;

/**
 * Whether a server that refused this client demands a client certificate. In TLS 1.3 the server refuses when the client
 * already considers the handshake done; nats.js then waits for an answer that never comes, and reports only a timeout.
 */
export async function demandsCertificate(servers: readonly string[]): Promise<boolean> {
  for (const server of servers) if ((await greetingOf(server))?.tls_verify === true) return true;
  return false;
}

/** The server's greeting, or undefined when it sends none in time or is not a NATS server. */
function greetingOf(server: string): Promise<{ readonly tls_verify?: unknown } | undefined> {
  return new Promise((resolve) => {
    if (!URL.canParse(server)) return resolve(undefined);
    const { hostname, port } = new URL(server);
    const host = hostname.replace(/^\[(.*)\]$/, "$1");
    const socket = createConnection({ host, port: Number(port) || DEFAULT_PORT, timeout: PATIENCE_MS });
    let received = "";
    const end = () => {
      socket.destroy();
      resolve(parse(received));
    };
    socket.setEncoding("latin1").on("data", (text: string) => {
      received += text;
      if (INFO.test(received) || received.length > MOST_BYTES) end();
    });
    for (const event of ["timeout", "error", "close"]) socket.on(event, end);
  });
}

function parse(received: string): { readonly tls_verify?: unknown } | undefined {
  try {
    return JSON.parse(INFO.exec(received)?.[1] ?? "") as { readonly tls_verify?: unknown };
  } catch {
    return undefined;
  }
}
