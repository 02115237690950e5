import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";

export interface Proxy {
  readonly url: string;
  /** Cuts what is connected; new connections are taken at once. */
  breakConnections(): void;
  /** What is connected stays so, but nothing goes through it any more. */
  stall(): void;
  close(): Promise<void>;
}

/** A TCP proxy before a server, to break one connection and not the other. */
export async function startProxy(target: string): Promise<Proxy> {
  const { hostname, port } = new URL(target);
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
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
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const breakConnections = () => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    url: `nats://127.0.0.1:${(server.address() as { port: number }).port}`,
    breakConnections,
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
