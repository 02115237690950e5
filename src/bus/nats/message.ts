import type { Msg } from "@nats-io/transport-node";
import type { Headers, Message, StoredMessage } from "../port.ts";
import { checkSize } from "../sizes.ts";
import { fromHeaders, readHeaders } from "./headers.ts";
import type { Link } from "./link.ts";

/** Every message of a stream comes with a reply subject of this kind; what a server says for itself does not. */
const ACK_PREFIX = "$JS.ACK.";

export interface AckSubject {
  readonly deliveries: number;
  readonly sequence: number;
  /** 1, 2, 3, … for what one consumer delivers. */
  readonly consumerSequence: number;
  /** Milliseconds, rounded down. */
  readonly timestamp: number;
}

export function isStored(message: Msg): boolean {
  return message.reply?.startsWith(ACK_PREFIX) ?? false;
}

/**
 * `$JS.ACK.<stream>.<consumer>.<deliveries>.<sequence>.<consumer sequence>.<nanoseconds>.<pending>`; the newer layout
 * has `<domain>.<account>` before the stream and may have more at the end (ADR-15).
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
  };
}
const DOT = 0x2e;
const ZERO = 0x30;
/** Of the nanoseconds, those below a millisecond. */
const NANOSECOND_DIGITS = 6;

/** Without a text of its own for each: this is done for every message. */
function readNumber(text: string, from: number, to: number): number {
  let number = 0;
  for (let at = from; at < to; at++) number = number * 10 + text.charCodeAt(at) - ZERO;
  return number;
}

/** As the port has it; answering throws {@link BusError} `too-large`, and does nothing once the connection is closed. */
export function toMessage(link: Link, message: Pick<Msg, "subject" | "data" | "reply">): Message {
  const { subject, data, reply } = message;
  const respond: Message["respond"] = (answer, headers) => {
    if (!reply) return;
    checkSize(`answer to ${subject}`, answer, headers, link.maxPayload);
    link.tell(reply, answer, headers && { headers: fromHeaders(headers) });
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

/** A message of a stream. Its headers, which few have a use for, are read when they are asked for. */
export class NatsStoredMessage implements StoredMessage {
  readonly subject: string;
  readonly sequence: number;
  readonly timestamp: number;
  readonly data: Uint8Array;
  readonly #message: Msg;

  constructor(message: Msg, at: AckSubject) {
    this.subject = message.subject;
    this.sequence = at.sequence;
    this.timestamp = at.timestamp;
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
