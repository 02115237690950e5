/** How large a message may be: the one place that knows, asked by everything that makes one. */
import { BusError, type Headers, MAX_HEADER_BYTES } from "./port.ts";

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
