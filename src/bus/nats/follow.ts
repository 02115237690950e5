import { createInbox, type Msg, type Subscription } from "@nats-io/transport-node";
import type { FollowOptions, Stoppable, StoredMessage } from "../port.ts";
import { callHandler } from "./call-handler.ts";
import { readHeaders } from "./headers.ts";
import type { Link } from "./link.ts";
import { isStored, NatsStoredMessage, parseAckSubject } from "./message.ts";
import { Recovery } from "./recovery.ts";

const HEARTBEAT_MS = 2000;
/**
 * The ticks of a second without a message after which the consumer counts as lost. They are ticks and not a time: a
 * process that was busy for ten seconds has not read anything either, and ticks once.
 */
const SILENT_TICKS = 7;
/**
 * The rate in bytes per second that a cautious follower asks for, lower with each level of caution, and the lowest
 * rate.
 */
const CAUTIOUS_RATE = 32 * 2 ** 20;
const SLOWEST_RATE = 256 * 2 ** 10;
/** The time without a subscriber after which the server removes a consumer. */
const INACTIVE_MS = 30_000;

export interface FollowSource extends FollowOptions {
  readonly stream: string;
  readonly filter: string;
  /** Begin with the last message of every subject instead of a sequence (buckets). */
  readonly lastPerSubject?: boolean;
  /** Called when the stream was lost. Later messages are those of the new stream, from its beginning. */
  readonly onLost?: () => void;
  /** Called when the bus was closed. No more messages come. */
  readonly onClosed?: () => void;
}

interface Consumer {
  readonly name: string;
  readonly subscription: Subscription;
  /** Whether the server was asked to send slowly, because it has cut the connection while a follower caught up. */
  readonly isSlow: boolean;
  /** The number of messages received. The next message must carry this number plus one. */
  delivered: number;
  /** The number of the last message that existed when the consumer was created, once the server has reported it. */
  last?: number;
}

/**
 * An ordered push consumer with flow control. It is created again from the next sequence whenever messages may be
 * missing: after a gap in the consumer's numbering, silence, or a reconnect. Each consumer has a subscription of its
 * own, so that a late message of an earlier one is not mistaken for one of the current.
 */
export class Follower implements Stoppable {
  readonly #link: Link;
  readonly #source: FollowSource;
  readonly #handler: (message: StoredMessage) => void;
  readonly #recovery: Recovery;
  readonly #unlisten: () => void;
  #consumer: Consumer | undefined;
  #next: number;
  #lastPerSubject: boolean;
  #silentTicks = 0;
  #caughtUp = false;
  #losses = 0;
  #stopped = false;

  constructor(link: Link, source: FollowSource, handler: (message: StoredMessage) => void) {
    this.#link = link;
    this.#source = source;
    this.#handler = handler;
    this.#next = source.fromSequence ?? 1;
    this.#lastPerSubject = source.lastPerSubject ?? false;
    this.#recovery = new Recovery(link, async () => {
      this.#retire();
      await this.#create();
      if (this.#stopped) return;
      link.emit({ type: "resynchronised", what: `follower of ${source.stream} ${source.filter}` });
    });
    this.#unlisten = link.listen({
      onUp: () => this.#restart(),
      onClosed: () => source.onClosed?.(),
      onTick: () => {
        if (!this.#consumer || !link.connected) return;
        if (++this.#silentTicks >= SILENT_TICKS || (this.#consumer.isSlow && link.caution === 0)) this.#restart();
      },
    });
  }

  /** Resolves when the server has the consumer; rejects when it cannot be created (no such stream). */
  async start(): Promise<this> {
    try {
      await this.#link.known.know(this.#source.stream);
      this.#losses = this.#link.known.losses(this.#source.stream);
      await this.#create();
    } catch (error) {
      await this.stop();
      throw error;
    }
    return this;
  }

  async stop(): Promise<void> {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#unlisten();
    this.#recovery.stop();
    this.#retire();
  }

  async #create(): Promise<void> {
    const { stream, filter } = this.#source;
    await this.#link.known.settled();
    if (this.#stopped) return;
    this.#noticeLoss();
    const inbox = createInbox();
    const name = inbox.slice(inbox.indexOf(".") + 1);
    const subscription = this.#link.nc.subscribe(inbox, {
      callback: (error, message) => (error ? this.#restart() : this.#take(consumer, message)),
    });
    const { caution } = this.#link;
    const consumer: Consumer = { name, subscription, isSlow: caution > 0, delivered: 0 };
    this.#consumer = consumer;
    this.#silentTicks = 0;
    const all = filter === ">";
    const info = await this.#link.apiOfStream<{ num_pending: number; delivered: { consumer_seq: number } }>(
      stream,
      `CONSUMER.CREATE.${stream}.${name}${all ? "" : `.${filter}`}`,
      {
        stream_name: stream,
        config: {
          name,
          deliver_subject: inbox,
          ...(this.#lastPerSubject
            ? { deliver_policy: "last_per_subject" }
            : { deliver_policy: "by_start_sequence", opt_start_seq: Math.max(1, this.#next) }),
          ...(all && !this.#lastPerSubject ? {} : { filter_subject: filter }),
          ack_policy: "none",
          max_deliver: 1,
          replay_policy: "instant",
          flow_control: true,
          idle_heartbeat: HEARTBEAT_MS * 1e6,
          // In bits. Flow control does not suffice: its window may exceed the bytes that the server keeps for a
          // connection.
          ...(caution > 0 && { rate_limit_bps: 8 * Math.max(SLOWEST_RATE, CAUTIOUS_RATE / 4 ** caution) }),
          inactive_threshold: INACTIVE_MS * 1e6,
          mem_storage: true,
          num_replicas: 1,
        },
      },
      `follow ${stream} ${filter}`,
    );
    // The stream may have been created again meanwhile.
    if (this.#losses !== this.#link.known.losses(stream)) return this.#restart();
    if (consumer !== this.#consumer) return;
    consumer.last = info.delivered.consumer_seq + info.num_pending;
    this.#checkCaughtUp(consumer);
  }

  /** Starts from the beginning if the stream was lost: its sequences do not apply to the new one. */
  #noticeLoss(): void {
    const losses = this.#link.known.losses(this.#source.stream);
    if (losses === this.#losses) return;
    this.#losses = losses;
    this.#next = 1;
    this.#lastPerSubject = this.#source.lastPerSubject ?? false;
    this.#source.onLost?.();
  }

  #retire(): void {
    const consumer = this.#consumer;
    this.#consumer = undefined;
    if (!consumer || this.#link.closed) return;
    consumer.subscription.unsubscribe();
    // Not awaited: a consumer that is not deleted now expires on the server.
    this.#link.send(`$JS.API.CONSUMER.DELETE.${this.#source.stream}.${consumer.name}`);
  }

  /** Replaces the consumer. No more messages are taken from the current one: they would be delivered twice. */
  #restart(): void {
    if (this.#stopped) return;
    this.#retire();
    this.#recovery.run();
  }

  #take(consumer: Consumer, message: Msg): void {
    if (consumer !== this.#consumer) return;
    this.#silentTicks = 0;
    if (isStored(message)) this.#deliver(consumer, message);
    else this.#control(consumer, message);
  }

  #deliver(consumer: Consumer, message: Msg): void {
    const at = parseAckSubject(message.reply!);
    if (at.consumerSequence !== consumer.delivered + 1) {
      this.#restart();
      return;
    }
    consumer.delivered++;
    // A server begins earlier than requested when the requested sequence is beyond its last.
    if (at.sequence >= this.#next) {
      this.#next = at.sequence + 1;
      this.#lastPerSubject = false;
      callHandler(this.#handler, new NatsStoredMessage(message, at));
    }
    if (!this.#caughtUp) this.#checkCaughtUp(consumer);
  }

  /** Handles a message of the server itself: a heartbeat, flow control, or the end of the consumer. */
  #control(consumer: Consumer, message: Msg): void {
    const { status, headers = {} } = readHeaders(message);
    const stalled = headers["Nats-Consumer-Stalled"];
    if (status !== 100) this.#restart();
    else if (message.reply) this.#link.send(message.reply);
    else if (stalled) this.#link.send(stalled);
    else if (Number(headers["Nats-Last-Consumer"]) > consumer.delivered) this.#restart();
    else if (consumer.last !== undefined) {
      // An idle consumer has nothing left to deliver, even if messages that were counted have been removed meanwhile.
      consumer.last = Math.min(consumer.last, consumer.delivered);
      this.#checkCaughtUp(consumer);
    }
  }

  #checkCaughtUp(consumer: Consumer): void {
    if (this.#caughtUp || consumer.last === undefined || consumer.delivered < consumer.last) return;
    this.#caughtUp = true;
    callHandler(() => this.#source.onCaughtUp?.(), undefined);
  }
}
