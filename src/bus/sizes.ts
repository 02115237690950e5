/** The size limits of messages, in one place for all code that makes one. */
import { type Bus, BusError, type Headers, MAX_HEADER_BYTES } from "./port.ts";

/**
 * The largest body that is sent inline, in bytes. A larger one travels by reference even if the server would accept it,
 * because a shard's owner reads every body whole.
 */
export const LARGEST_INLINE = 256 * 1024;
/** The bytes of a message that are reserved for headers added later: `traceparent`, the expected sequence. */
const HEADER_ROOM = 512;
/** The smallest message limit of a server that Tutti works with. Tutti's own smallest messages have 1 to 2 KiB. */
export const SMALLEST_PAYLOAD = 4096;

/**
 * The largest message body that can be sent now, in bytes. The server's limit may change with a reconnect: call this
 * when sending, and do not keep the result.
 */
export const mostBytes = ({ maxPayload }: Pick<Bus, "maxPayload">): number =>
  Math.min(LARGEST_INLINE, maxPayload - HEADER_ROOM);

/** The size of headers on the wire: a first line, one line per header, and an empty line. */
export function headerBytes(headers: Headers | undefined): number {
  if (!headers) return 0;
  let bytes = "NATS/1.0\r\n\r\n".length;
  for (const name in headers)
    bytes += Buffer.byteLength(name) + Buffer.byteLength(headers[name] ?? "") + ": \r\n".length;
  return bytes;
}

/**
 * The size of a message as a server counts it against its limit, in bytes. Throws {@link BusError} `too-large`, with
 * both sizes, because a server closes the connection that sends more. `what` names the operation and its subject.
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
