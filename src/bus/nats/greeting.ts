import { createConnection } from "node:net";

const DEFAULT_PORT = 4222;
const PATIENCE_MS = 2000;
/** Its first line; a server says it before anything else, TLS included, unless it is configured to shake hands first. */
const INFO = /^INFO (\{.*\})\s*\r\n/;
/** It lists the other servers of a cluster. */
const MOST_BYTES = 64 * 1024;

/**
 * Whether a server that refuses us demands a certificate of its clients. By TLS 1.3 it refuses when the client takes the
 * handshake for done; nats.js then waits for an answer that never comes, and knows of a timeout only.
 */
export async function demandsCertificate(servers: readonly string[]): Promise<boolean> {
  for (const server of servers) if ((await greetingOf(server))?.tls_verify === true) return true;
  return false;
}

/** What the server says of itself; undefined where it says nothing in time, or nothing that a NATS server would. */
function greetingOf(server: string): Promise<{ readonly tls_verify?: unknown } | undefined> {
  return new Promise((resolve) => {
    if (!URL.canParse(server)) return resolve(undefined);
    const { hostname, port } = new URL(server);
    const host = hostname.replace(/^\[(.*)\]$/, "$1");
    const socket = createConnection({ host, port: Number(port) || DEFAULT_PORT, timeout: PATIENCE_MS });
    let heard = "";
    const end = () => {
      socket.destroy();
      resolve(parse(heard));
    };
    socket.setEncoding("latin1").on("data", (text: string) => {
      heard += text;
      if (INFO.test(heard) || heard.length > MOST_BYTES) end();
    });
    for (const event of ["timeout", "error", "close"]) socket.on(event, end);
  });
}

function parse(heard: string): { readonly tls_verify?: unknown } | undefined {
  try {
    return JSON.parse(INFO.exec(heard)?.[1] ?? "") as { readonly tls_verify?: unknown };
  } catch {
    return undefined;
  }
}
