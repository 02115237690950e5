import { createServer } from "node:net";

/** The number of ports that are tried. */
const MOST = 100;

/** The first port from `from` on that no process listens on. Rejects when 100 in a row are taken. */
export async function nextFreePort(host: string, from: number): Promise<number> {
  for (let port = from; port < from + MOST; port++) if (await isFree(host, port)) return port;
  throw new Error(`no free port from ${from} to ${from + MOST - 1} on ${host}`);
}

export const isFree = (host: string, port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen({ port, host, exclusive: true }, () => server.close(() => resolve(true)));
  });
