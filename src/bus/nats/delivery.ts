import type { Msg } from "@nats-io/transport-node";
import type { Delivery } from "../port.ts";
import type { Link } from "./link.ts";
import { NatsStoredMessage, parseAckSubject } from "./message.ts";

const ACK = Buffer.from("+ACK");
const NAK = Buffer.from("-NAK");
const IN_PROGRESS = Buffer.from("+WPI");
const TERMINATE = Buffer.from("+TERM");

/**
 * A message of a consumer with its acknowledgements, which are messages to its reply subject. One that cannot be told
 * needs no care: the message is delivered again when its ack wait lapses.
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
    if (!this.#settled) this.#link.tell(this.#reply, IN_PROGRESS);
  }

  terminate(): void {
    this.#settle(TERMINATE);
  }

  #settle(word: Uint8Array): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#link.tell(this.#reply, word);
  }
}

/** Gives a message back that will not be handled here. */
export function giveBack(link: Link, message: Msg): void {
  link.tell(message.reply!, NAK);
}
