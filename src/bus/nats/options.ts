import { readFileSync } from "node:fs";
import {
  type Authenticator,
  type ConnectionOptions,
  credsAuthenticator,
  nkeyAuthenticator,
  type TlsOptions,
  tokenAuthenticator,
  usernamePasswordAuthenticator,
} from "@nats-io/transport-node";
import type { Clock } from "../../core/clock.ts";
import { BusError } from "../port.ts";

export interface NatsOptions {
  /** URLs, separated by commas: `nats://a:4222,nats://b:4222`. A URL may contain `user:password@` or `token@`. */
  readonly servers: string;
  /** The client's name in the server's monitoring. Default `tutti`. */
  readonly name?: string;
  /** Path of a credentials file (JWT and seed). Read again at every reconnect, so that it can be rotated. */
  readonly creds?: string;
  readonly token?: string;
  readonly user?: string;
  readonly password?: string;
  /** An nkey seed (`SU…`), or the path of a file that holds one. */
  readonly nkey?: string;
  /** Paths of PEM files. `ca` alone verifies the server, `cert` and `key` identify the client. */
  readonly tls?: { readonly ca?: string; readonly cert?: string; readonly key?: string };
  /** The source of time and randomness. Default: the system's. */
  readonly clock?: Clock;
}

export const DEFAULT_NATS_URL = "nats://127.0.0.1:4222";

/**
 * Reads NATS_URL (default `nats://127.0.0.1:4222`), NATS_CREDS, NATS_TOKEN, NATS_USER, NATS_PASSWORD, NATS_NKEY,
 * NATS_TLS_CA, NATS_TLS_CERT and NATS_TLS_KEY. Empty counts as absent.
 */
export function readNatsOptions(env: Readonly<Record<string, string | undefined>>): NatsOptions {
  const tls = present({ ca: env.NATS_TLS_CA, cert: env.NATS_TLS_CERT, key: env.NATS_TLS_KEY });
  return {
    servers: env.NATS_URL || DEFAULT_NATS_URL,
    ...present({
      creds: env.NATS_CREDS,
      token: env.NATS_TOKEN,
      user: env.NATS_USER,
      password: env.NATS_PASSWORD,
      nkey: env.NATS_NKEY,
    }),
    ...(Object.keys(tls).length > 0 ? { tls } : {}),
  };
}

function present<K extends string>(values: Record<K, string | undefined>): Partial<Record<K, string>> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value)) as Partial<Record<K, string>>;
}

/** The options of nats.js. Throws {@link BusError} `failed` for files that cannot be read. */
export function connectionOptions(options: NatsOptions): ConnectionOptions {
  const { servers, user, password, token, secure } = parseServers(options.servers);
  const tls = tlsOptions(options.tls, secure);
  return {
    servers,
    name: options.name ?? "tutti",
    authenticator: authenticators({ ...present({ user, password, token }), ...options }),
    maxReconnectAttempts: -1,
    reconnectTimeWait: 250,
    reconnectJitter: 250,
    reconnectJitterTLS: 250,
    waitOnFirstConnect: false,
    // A restarted server may refuse credentials until its accounts are loaded; that must not end the connection.
    ignoreAuthErrorAbort: true,
    timeout: 10_000,
    // A dead peer is noticed after pingInterval * maxPingOut.
    pingInterval: 10_000,
    maxPingOut: 2,
    noAsyncTraces: true,
    ...(tls ? { tls } : {}),
  };
}

/** Takes the credentials out of URLs: nats.js ignores them there, and they must not appear in any message. */
export function parseServers(list: string) {
  const found: { user?: string; password?: string; token?: string } = {};
  let secure = false;
  const servers = list.split(",").flatMap((item) => {
    const url = item.trim();
    if (url === "") return [];
    const match = /^([a-z]+:\/\/)?(?:([^@/]*)@)?([^/]*)\/?$/i.exec(url);
    if (!match?.[3]) {
      throw new BusError(
        "failed",
        `not a valid NATS URL: ${JSON.stringify(redact(url))}; expected e.g. ${DEFAULT_NATS_URL}`,
      );
    }
    const [, scheme = "nats://", userinfo, host] = match;
    if (scheme.toLowerCase() === "tls://") secure = true;
    if (userinfo) {
      const [first = "", second] = userinfo.split(":").map(decodeURIComponent);
      if (second === undefined) found.token = first;
      else Object.assign(found, { user: first, password: second });
    }
    return [`${scheme}${host}`];
  });
  if (servers.length === 0) throw new BusError("failed", `no NATS URL given; expected e.g. ${DEFAULT_NATS_URL}`);
  return { servers, secure, ...found };
}

function redact(url: string): string {
  return url.replace(/\/\/[^@]*@/, "//***@");
}

function authenticators(options: Omit<NatsOptions, "servers">): Authenticator[] {
  const { creds, nkey, token, user, password } = options;
  const list: Authenticator[] = [];
  if (creds) list.push(tried(credsAuthenticator(rereading(creds, "credentials (NATS_CREDS)")), "NATS_CREDS"));
  if (nkey) {
    const seed = nkey.startsWith("SU") ? Buffer.from(nkey) : readFile(nkey, "nkey seed (NATS_NKEY)");
    list.push(tried(nkeyAuthenticator(Buffer.from(Buffer.from(seed).toString().trim())), "NATS_NKEY"));
  }
  if (token) list.push(tokenAuthenticator(token));
  if (user) list.push(usernamePasswordAuthenticator(user, password));
  return list;
}

/** Tries the credentials once: nats.js would report unreadable ones as a server that cannot be reached. */
function tried(authenticator: Authenticator, variable: string): Authenticator {
  try {
    authenticator("nonce");
    return authenticator;
  } catch (cause) {
    throw new BusError("failed", `${variable} holds no usable credentials: ${(cause as Error).message}`, { cause });
  }
}

function rereading(path: string, what: string): () => Uint8Array {
  let last = readFile(path, what);
  return () => {
    try {
      last = readFileSync(path);
    } catch {
      // An unreadable file must not end a connection that the last content can still restore.
    }
    return last;
  };
}

function readFile(path: string, what: string): Uint8Array {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw new BusError("failed", `cannot read the ${what} file ${path}`, { cause });
  }
}

function tlsOptions(tls: NatsOptions["tls"], secure: boolean): TlsOptions | undefined {
  if (!tls) return secure ? {} : undefined;
  return {
    ...(tls.ca ? { ca: readFile(tls.ca, "CA certificate (NATS_TLS_CA)").toString() } : {}),
    ...(tls.cert ? { cert: readFile(tls.cert, "client certificate (NATS_TLS_CERT)").toString() } : {}),
    ...(tls.key ? { key: readFile(tls.key, "client key (NATS_TLS_KEY)").toString() } : {}),
  };
}
