import { createConnection } from "node:net";

/** Publishes over a socket what no client library would: `headers` are lines, each ended by CR and LF. Resolves when the server has it. */
export async function publishRaw(
  server: { readonly url: string },
  subject: string,
  reply: string,
  headers: string,
  body = "",
): Promise<void> {
  const block = `NATS/1.0\r\n${headers}\r\n`;
  const socket = createConnection(Number(new URL(server.url).port), "127.0.0.1");
  socket.write(
    `CONNECT {"verbose":false,"headers":true}\r\nHPUB ${subject} ${reply} ${block.length} ${block.length + body.length}\r\n${block}${body}\r\nPING\r\n`,
  );
  await new Promise<void>((resolve, reject) => {
    socket.on("error", reject).on("data", (data) => String(data).includes("PONG") && resolve());
  });
  socket.destroy();
}

/** So many header lines. */
export const headerLines = (length: number): string => Array.from({ length }, (_, i) => `X${i}: y\r\n`).join("");
