import { createInbox, type Msg, type Subscription } from "@nats-io/transport-node";
import type { Delivery, Puller } from "../port.ts";
import { callHandler } from "./call-handler.ts";
import { giveBack, NatsDelivery } from "./delivery.ts";
import { readHeaders } from "./headers.ts";
import type { Link } from "./link.ts";
import { isStored } from "./message.ts";
import { DELETION_MS, Recovery } from "./recovery.ts";

const EXPIRES_MS = 30_000;
const HEARTBEAT_MS = 5000;
/** The ticks of a second without a message, while there is demand, after which requests count as lost. */
const SILENT_TICKS = 12;
/** The time for which the demand of expired requests is gathered into one new request. */
const GATHER_MS = 20;
/** The server's status when the consumer was deleted or its leader changed. */
const CONFLICT = 409;

/**
 * Pull requests on the raw protocol. Only the total of demanded and undelivered messages is kept, because a message
 * does not say which request it answers. When requests are lost (reconnect, silence, deleted consumer), the inbox is
 * abandoned before they are repeated, so that they cannot be answered twice.
 */
export class NatsPuller implements Puller {
  readonly #link: Link;
  readonly #what: string;
  readonly #subject: string;
  readonly #handler: (delivery: Delivery) => void;
  readonly #recovery: Recovery;
  readonly #unlisten: () => void;
  #inbox: { readonly subject: string; readonly subscription: Subscription } | undefined;
  #outstanding = 0;
  /** The part of outstanding that no request asks for yet. */
  #unasked = 0;
  #gathering: (() => void) | undefined;
  /** Cancels the recovery that is due. */
  #disarm: (() => void) | undefined;
  #asking = false;
  #silentTicks = 0;
  #stopped = false;

  /** `ensure` creates the consumer if it does not exist. */
  constructor(
    link: Link,
    stream: string,
    consumer: string,
    ensure: () => Promise<void>,
    handler: (delivery: Delivery) => void,
  ) {
    this.#link = link;
    this.#what = `${stream} ${consumer}`;
    this.#subject = `$JS.API.CONSUMER.MSG.NEXT.${stream}.${consumer}`;
    this.#handler = handler;
    this.#recovery = new Recovery(link, async () => {
      this.#leave();
      await ensure();
      if (this.#stopped) return;
      this.#enter();
      link.emit({ type: "resynchronised", what: `puller of ${this.#what}` });
    });
    this.#unlisten = link.listen({
      // At once, not when the connection is back: nats.js would subscribe to the inbox again, and old requests be
      // answered.
      onDown: () => this.#leave(),
      onUp: () => this.#recovery.run(),
      onTick: () => {
        if (this.#outstanding > 0 && this.#inbox && ++this.#silentTicks >= SILENT_TICKS) this.#recovery.run();
      },
    });
  }

  start(): this {
    this.#enter();
    return this;
  }

  get outstanding(): number {
    return this.#outstanding;
  }

  demand(count: number): void {
    if (this.#stopped || !(count > 0)) return;
    this.#outstanding += count;
    this.#unasked += count;
    if (this.#asking) return;
    // One request for all demand of this turn, such as that of the handlers of one batch.
    this.#asking = true;
    queueMicrotask(() => this.#ask());
  }

  async stop(): Promise<void> {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#unlisten();
    this.#recovery.stop();
    this.#gathering?.();
    this.#disarm?.();
    this.#outstanding = this.#unasked = 0;
    // Messages in transit to the inbox are given back at once instead of after the ack wait.
    if (this.#inbox) await this.#link.drain(this.#inbox.subscription);
    this.#inbox = undefined;
  }

  #enter(): void {
    const subject = createInbox();
    const subscription = this.#link.nc.subscribe(subject, {
      callback: (error, message) => {
        if (inbox !== this.#inbox) return;
        if (error) this.#recovery.run();
        else this.#take(message);
      },
    });
    const inbox = { subject, subscription };
    this.#inbox = inbox;
    this.#unasked = this.#outstanding;
    this.#ask();
  }

  #leave(): void {
    const inbox = this.#inbox;
    this.#inbox = undefined;
    this.#unasked = this.#outstanding;
    if (inbox && !this.#link.closed) inbox.subscription.unsubscribe();
  }

  #ask(): void {
    this.#asking = false;
    const inbox = this.#inbox;
    if (!inbox || this.#unasked <= 0 || !this.#link.connected || this.#stopped) return;
    const request = { batch: this.#unasked, expires: EXPIRES_MS * 1e6, idle_heartbeat: HEARTBEAT_MS * 1e6 };
    this.#unasked = 0;
    this.#silentTicks = 0;
    this.#link.send(this.#subject, JSON.stringify(request), { reply: inbox.subject });
  }

  #take(message: Msg): void {
    this.#silentTicks = 0;
    if (!isStored(message)) this.#control(message);
    else if (this.#stopped || this.#outstanding === 0) giveBack(this.#link, message);
    else {
      this.#outstanding--;
      callHandler(this.#handler, new NatsDelivery(this.#link, message));
    }
  }

  /** Handles a message of the server itself: a heartbeat, or the end of a request. */
  #control(message: Msg): void {
    const { status, headers = {} } = readHeaders(message);
    if (this.#stopped || status === 100) return;
    const left = headers["Nats-Pending-Messages"];
    if (left) {
      this.#unasked = Math.min(this.#outstanding, this.#unasked + Number(left));
      this.#gathering ??= this.#link.clock.timer(GATHER_MS, () => {
        this.#gathering = undefined;
        this.#ask();
      });
    } else {
      // The consumer was deleted, has no leader or does not answer, so the rest of the request is lost. Status 409 may
      // mean a deletion, which must be over before the consumer is created again.
      this.#disarm ??= this.#link.clock.timer(status === CONFLICT ? DELETION_MS : 0, () => {
        this.#disarm = undefined;
        this.#recovery.run();
      });
    }
  }
}
