import { type Msg, type MsgHdrs, headers as newHeaders } from "@nats-io/transport-node";
import { BusError, type Headers, MAX_HEADER_BYTES } from "../port.ts";

/** The header with the condition of an append. The server stores it with the message; readers do not get it. */
export const EXPECT_LAST = "Nats-Expected-Last-Subject-Sequence";

/** The parts of a received message that locate its header block. */
type Received = Pick<Msg, "subject" | "reply" | "data">;

interface ReadHeaders {
  /** The number in the first line, as in `NATS/1.0 503`, or 0 when there is none. */
  readonly status: number;
  readonly headers: Headers | undefined;
  /** The size of a block that exceeds {@link MAX_HEADER_BYTES} and was not read, else 0. */
  readonly oversized: number;
}

const NONE: ReadHeaders = { status: 0, headers: undefined, oversized: 0 };
const FIRST_LINE = /^NATS\/1\.0 +(\d{3})/;

/**
 * Reads the headers of a received message. The `headers` of nats.js are never used: it decodes a block in quadratic
 * time (20,000 lines block the process for seconds), and any client may send a block as large as a message. The block
 * lies before the data in the same memory, and the sizes give its start.
 */
export function readHeaders(message: Received): ReadHeaders {
  const { data } = message;
  const bytes =
    sizeOf(message) - data.length - Buffer.byteLength(message.subject) - Buffer.byteLength(message.reply ?? "");
  if (bytes <= 0) return NONE;
  if (bytes > MAX_HEADER_BYTES) return { ...NONE, oversized: bytes };
  return parseHeaders(Buffer.from(data.buffer, data.byteOffset - bytes, bytes));
}

/**
 * The size of a whole message, subjects included. The messages of nats.js have `size`, but their published type does
 * not.
 */
const sizeOf = (message: Received): number => (message as Received & { size(): number }).size();

/** Reads a block `NATS/1.0\r\nName: value\r\n…\r\n\r\n`. If a header occurs several times, the first one counts. */
export function parseHeaders(block: Buffer): ReadHeaders {
  if (block.length > MAX_HEADER_BYTES) return { ...NONE, oversized: block.length };
  const [first = "", ...lines] = block.toString().split("\r\n");
  const headers: Record<string, string> = Object.create(null);
  let count = 0;
  for (const line of lines) {
    const colon = line.indexOf(":");
    const name = line.slice(0, colon);
    if (colon <= 0 || name === EXPECT_LAST || name in headers) continue;
    headers[name] = line.slice(colon + 1).trim();
    count++;
  }
  return { status: Number(FIRST_LINE.exec(first)?.[1] ?? 0), headers: count > 0 ? headers : undefined, oversized: 0 };
}

/** Throws {@link BusError} `failed` for names and values that cannot be sent (CR, LF, a colon in a name). */
export function fromHeaders(headers: Headers): MsgHdrs {
  const result = newHeaders();
  for (const name in headers) {
    try {
      result.append(name, headers[name] ?? "");
    } catch (cause) {
      throw new BusError("failed", `not a valid header: ${JSON.stringify(name)}: ${JSON.stringify(headers[name])}`, {
        cause,
      });
    }
  }
  return result;
}
