import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";

export interface Proxy {
  readonly url: string;
  /** Cuts what is connected; new connections are taken at once. */
  breakConnections(): void;
  /** What is connected stays so, but nothing goes through it any more. */
  stall(): void;
  /** What clients send is held back, in order; what the server sends goes through. */
  holdUpstream(): void;
  /** Ends {@link holdUpstream}: what was held back arrives. */
  releaseUpstream(): void;
  /** Cuts what is connected, and takes nothing new until {@link unblock}. */
  block(): void;
  unblock(): void;
  close(): Promise<void>;
}

/** A TCP proxy before a server, to break one connection and not the other. */
export async function startProxy(target: string): Promise<Proxy> {
  const { hostname, port } = new URL(target);
  const sockets = new Set<Socket>();
  const pairs = new Set<readonly [client: Socket, upstream: Socket]>();
  let isBlocked = false;
  const server = createServer((client) => {
    if (isBlocked) return client.destroy();
    const upstream = connect(Number(port), hostname);
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => {
        sockets.delete(socket);
        client.destroy();
        upstream.destroy();
      });
    }
    client.pipe(upstream).pipe(client);
    const pair = [client, upstream] as const;
    pairs.add(pair);
    client.on("close", () => pairs.delete(pair));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const breakConnections = () => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    url: `nats://127.0.0.1:${(server.address() as { port: number }).port}`,
    breakConnections,
    holdUpstream() {
      for (const [client, upstream] of pairs) client.unpipe(upstream);
    },
    releaseUpstream() {
      for (const [client, upstream] of pairs) client.pipe(upstream);
    },
    block() {
      isBlocked = true;
      breakConnections();
    },
    unblock() {
      isBlocked = false;
    },
    stall() {
      for (const socket of sockets) socket.unpipe().pause();
    },
    async close() {
      breakConnections();
      server.close();
      await once(server, "close");
    },
  };
}
