import { connect, headers as createHeaders, type NatsConnection } from "@nats-io/transport-node";

/** An answer as any NATS client sees it. */
export interface Answer {
  readonly text: string;
  /** Parsed, when it is JSON. */
  readonly json: unknown;
  readonly headers: Readonly<Record<string, string>>;
}

/** A NATS client that knows nothing of Tutti but the names on the wire. */
export interface PlainClient {
  readonly nc: NatsConnection;
  request(subject: string, body?: unknown, headers?: Readonly<Record<string, string>>): Promise<Answer>;
  publish(subject: string, body?: unknown, headers?: Readonly<Record<string, string>>): void;
  close(): Promise<void>;
}

/** Text and bytes go as they are, anything else as JSON. */
export const toBytes = (body: unknown): Uint8Array =>
  body instanceof Uint8Array
    ? body
    : new TextEncoder().encode(typeof body === "string" ? body : body === undefined ? "" : JSON.stringify(body));

export async function connectPlainly(url: string): Promise<PlainClient> {
  const nc = await connect({ servers: url });
  const options = (stated: Readonly<Record<string, string>> = {}) => {
    const headers = createHeaders();
    for (const [key, value] of Object.entries(stated)) headers.set(key, value);
    return { headers };
  };
  return {
    nc,
    async request(subject, body, headers) {
      const message = await nc.request(subject, toBytes(body), { timeout: 120_000, ...options(headers) });
      const text = message.string();
      let json: unknown;
      try {
        json = JSON.parse(text);
      } catch {
        json = undefined;
      }
      const keys = message.headers?.keys() ?? [];
      return { text, json, headers: Object.fromEntries(keys.map((key) => [key, message.headers!.get(key)])) };
    },
    publish: (subject, body, headers) => nc.publish(subject, toBytes(body), options(headers)),
    close: () => nc.close(),
  };
}
