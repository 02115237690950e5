import type { Delivery, Headers, Puller, StoredMessage } from "../port.ts";
import type { MemoryConsumer, Taker } from "./consumer.ts";
import type { Link, Started } from "./link.ts";
import type { Inbox } from "./network.ts";

/** A puller over one connection: its demand, and the deliveries in transit to it. */
export class MemoryPuller implements Taker, Started {
  readonly #consumer: MemoryConsumer;
  readonly #inbox: Inbox<MemoryDelivery>;
  readonly #link: Link;
  #demand = 0;
  #ended = false;

  constructor(link: Link, consumer: MemoryConsumer, handler: (delivery: Delivery) => void) {
    this.#link = link;
    this.#consumer = consumer;
    this.#inbox = link.inbox<MemoryDelivery>("puller", consumer.definition.name, handler);
  }

  get outstanding(): number {
    return this.#ended ? 0 : this.#demand + this.#inbox.length;
  }

  demand(count: number): void {
    if (this.#ended || count <= 0) return;
    this.#demand += count;
    this.#consumer.want(this);
  }

  wants(): boolean {
    return this.#demand > 0 && !this.#ended;
  }

  take(message: StoredMessage, deliveries: number): void {
    this.#demand--;
    this.#inbox.push(new MemoryDelivery(message, deliveries, this.#consumer, this.#link));
  }

  end(crashed: boolean): void {
    this.#ended = true;
    for (const delivery of this.#inbox.close()) if (!crashed) this.#consumer.giveBack(delivery.sequence);
  }

  asPuller(): Puller {
    const started = this.#link.start(this);
    const puller = this;
    return {
      demand: (count) => this.demand(count),
      get outstanding() {
        return puller.outstanding;
      },
      stop: started.stop,
    };
  }
}

/** A delivery. It is a class, so that all instances share the methods: every task has at least one. */
class MemoryDelivery implements Delivery {
  readonly subject: string;
  readonly sequence: number;
  readonly timestamp: number;
  readonly data: Uint8Array;
  declare readonly headers?: Headers;
  readonly deliveries: number;
  readonly #consumer: MemoryConsumer;
  readonly #link: Link;
  #settled = false;

  constructor(message: StoredMessage, deliveries: number, consumer: MemoryConsumer, link: Link) {
    this.subject = message.subject;
    this.sequence = message.sequence;
    this.timestamp = message.timestamp;
    this.data = message.data;
    if (message.headers) this.headers = message.headers;
    this.deliveries = deliveries;
    this.#consumer = consumer;
    this.#link = link;
  }

  ack(): void {
    if (this.#first()) this.#consumer.settle(this.sequence);
  }

  nak(delayMs?: number): void {
    if (this.#first()) this.#consumer.giveBack(this.sequence, delayMs);
  }

  inProgress(): void {
    if (!this.#settled && this.#link.open) this.#consumer.extend(this.sequence);
  }

  terminate(): void {
    this.ack();
  }

  /** Returns true on the first call, and never on a closed connection. */
  #first(): boolean {
    if (this.#settled || !this.#link.open) return false;
    this.#settled = true;
    return true;
  }
}
