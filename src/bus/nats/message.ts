import type { Msg } from "@nats-io/transport-node";
import type { Headers, Message, StoredMessage } from "../port.ts";
import { checkSize } from "../sizes.ts";
import { fromHeaders, readHeaders } from "./headers.ts";
import type { Link } from "./link.ts";

/** The reply subject of every message of a stream begins so; messages of the server itself have another or none. */
const ACK_PREFIX = "$JS.ACK.";

export interface AckSubject {
  readonly deliveries: number;
  readonly sequence: number;
  /** The number of the delivery in its consumer: 1, 2, 3, … */
  readonly consumerSequence: number;
  /** The time of storing in milliseconds since the epoch, rounded down. */
  readonly timestamp: number;
  /** What was rounded off, in nanoseconds. */
  readonly nanos: number;
}

export function isStored(message: Msg): boolean {
  return message.reply?.startsWith(ACK_PREFIX) ?? false;
}

/**
 * Parses `$JS.ACK.<stream>.<consumer>.<deliveries>.<sequence>.<consumer sequence>.<nanoseconds>.<pending>`. The newer
 * layout has `<domain>.<account>` before the stream and may have more tokens at the end (ADR-15).
 */
export function parseAckSubject(reply: string): AckSubject {
  let dots = 0;
  for (let i = 0; i < reply.length; i++) if (reply.charCodeAt(i) === DOT) dots++;
  let from = 0;
  for (let token = dots >= 10 ? 6 : 4; token > 0; token--) from = reply.indexOf(".", from) + 1;
  const sequence = reply.indexOf(".", from) + 1;
  const consumerSequence = reply.indexOf(".", sequence) + 1;
  const timestamp = reply.indexOf(".", consumerSequence) + 1;
  const end = reply.indexOf(".", timestamp);
  return {
    deliveries: readNumber(reply, from, sequence - 1),
    sequence: readNumber(reply, sequence, consumerSequence - 1),
    consumerSequence: readNumber(reply, consumerSequence, timestamp - 1),
    timestamp: readNumber(reply, timestamp, end - NANOSECOND_DIGITS),
    nanos: readNumber(reply, end - NANOSECOND_DIGITS, end),
  };
}
const DOT = 0x2e;
const ZERO = 0x30;
/** The last digits of a time in nanoseconds, which are below a millisecond. */
const NANOSECOND_DIGITS = 6;

/** Reads a number without creating a substring, because every message needs it. */
function readNumber(text: string, from: number, to: number): number {
  let number = 0;
  for (let at = from; at < to; at++) number = number * 10 + text.charCodeAt(at) - ZERO;
  return number;
}

/**
 * Converts a message to one of the port. `respond` throws {@link BusError} `too-large`, and does nothing on a closed
 * connection.
 */
export function toMessage(link: Link, message: Pick<Msg, "subject" | "data" | "reply">): Message {
  const { subject, data, reply } = message;
  const respond: Message["respond"] = (answer, headers) => {
    if (!reply) return;
    checkSize(`answer to ${subject}`, answer, headers, link.maxPayload);
    link.send(reply, answer, headers && { headers: fromHeaders(headers) });
  };
  const { headers, oversized } = readHeaders(message);
  return {
    subject,
    data,
    respond,
    ...(headers && { headers }),
    ...(oversized > 0 && { oversizedHeaders: oversized }),
    ...(reply && { replyTo: reply }),
  };
}

/** A message of a stream. Its headers are rarely used and are parsed on access. */
export class NatsStoredMessage implements StoredMessage {
  readonly subject: string;
  readonly sequence: number;
  readonly timestamp: number;
  readonly nanos: number;
  readonly data: Uint8Array;
  readonly #message: Msg;

  constructor(message: Msg, at: AckSubject) {
    this.subject = message.subject;
    this.sequence = at.sequence;
    this.timestamp = at.timestamp;
    this.nanos = at.nanos;
    this.data = message.data;
    this.#message = message;
  }

  get headers(): Headers | undefined {
    return readHeaders(this.#message).headers;
  }

  get oversizedHeaders(): number | undefined {
    return readHeaders(this.#message).oversized || undefined;
  }
}
