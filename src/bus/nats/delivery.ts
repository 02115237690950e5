import type { Msg } from "@nats-io/transport-node";
import type { Delivery } from "../port.ts";
import type { Link } from "./link.ts";
import { NatsStoredMessage, parseAckSubject } from "./message.ts";

const ACK = Buffer.from("+ACK");
const NAK = Buffer.from("-NAK");
const IN_PROGRESS = Buffer.from("+WPI");
const TERMINATE = Buffer.from("+TERM");

/**
 * A message of a consumer with its acknowledgements, which are messages to its reply subject. An acknowledgement that
 * cannot be sent needs no handling: the message is delivered again when its ack wait lapses.
 */
export class NatsDelivery extends NatsStoredMessage implements Delivery {
  readonly deliveries: number;
  readonly #link: Link;
  readonly #reply: string;
  #settled = false;

  constructor(link: Link, message: Msg) {
    const at = parseAckSubject(message.reply!);
    super(message, at);
    this.deliveries = at.deliveries;
    this.#link = link;
    this.#reply = message.reply!;
  }

  ack(): void {
    this.#settle(ACK);
  }

  nak(delayMs = 0): void {
    const delayNs = Math.round(delayMs * 1e6);
    this.#settle(delayNs > 0 ? Buffer.from(`-NAK ${JSON.stringify({ delay: delayNs })}`) : NAK);
  }

  inProgress(): void {
    if (!this.#settled) this.#link.send(this.#reply, IN_PROGRESS);
  }

  terminate(): void {
    this.#settle(TERMINATE);
  }

  #settle(word: Uint8Array): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#link.send(this.#reply, word);
  }
}

/** Gives back a message that this process will not handle. */
export function giveBack(link: Link, message: Msg): void {
  link.send(message.reply!, NAK);
}
