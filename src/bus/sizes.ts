/** How large a message may be: the one place that knows, asked by everything that makes one. */
import { type Bus, BusError, type Headers, MAX_HEADER_BYTES } from "./port.ts";

/** A body that is larger than this travels by reference, whatever the server takes: a shard's owner reads each one whole. */
export const LARGEST_INLINE = 256 * 1024;
/** The bytes of a message that are left for headers which are added to it: `traceparent`, the expected sequence. */
const HEADER_ROOM = 512;
/** The smallest message limit of a server that Tutti works with: its own smallest messages have 1 to 2 KiB. */
export const SMALLEST_PAYLOAD = 4096;

/**
 * The most bytes that the body of a message may have now. It follows the server, whose limit can be another one after a
 * reconnect: ask at the time of sending, and keep nothing.
 */
export const mostBytes = ({ maxPayload }: Pick<Bus, "maxPayload">): number =>
  Math.min(LARGEST_INLINE, maxPayload - HEADER_ROOM);

/** The bytes that headers take on the wire: a first line, one line each, and an empty line. */
export function headerBytes(headers: Headers | undefined): number {
  if (!headers) return 0;
  let bytes = "NATS/1.0\r\n\r\n".length;
  for (const name in headers)
    bytes += Buffer.byteLength(name) + Buffer.byteLength(headers[name] ?? "") + ": \r\n".length;
  return bytes;
}

/**
 * The bytes of a message as a server counts them against its limit. Throws {@link BusError} `too-large`, with both sizes:
 * a server that is sent more ends the connection. `what` names the operation and its subject.
 */
export function checkSize(what: string, data: Uint8Array, headers: Headers | undefined, maxPayload: number): number {
  const ofHeaders = headerBytes(headers);
  if (ofHeaders > MAX_HEADER_BYTES)
    throw new BusError("too-large", `${what}: headers of ${ofHeaders} bytes; expected at most ${MAX_HEADER_BYTES}`);
  const bytes = data.length + ofHeaders;
  if (bytes <= maxPayload) return bytes;
  const expected = `expected at most ${maxPayload} (the server's max_payload)`;
  throw new BusError("too-large", `${what}: ${bytes} bytes; ${expected}`);
}
