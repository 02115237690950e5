import { createInbox, type Msg, type Subscription } from "@nats-io/transport-node";
import type { FollowOptions, Stoppable, StoredMessage } from "../port.ts";
import { callHandler } from "./call-handler.ts";
import { readHeaders } from "./headers.ts";
import type { Link } from "./link.ts";
import { isStored, NatsStoredMessage, parseAckSubject } from "./message.ts";
import { Recovery } from "./recovery.ts";

const HEARTBEAT_MS = 2000;
/** Ticks of a second without a word after which the consumer counts as lost. Ticks, not time: a process that was busy
 * for ten seconds has heard nothing either, and ticks once. */
const SILENT_TICKS = 7;
/** Bytes per second that a follower asks for, the more cautious the slower; and at least. */
const CAUTIOUS_RATE = 32 * 2 ** 20;
const SLOWEST_RATE = 256 * 2 ** 10;
/** The server removes a consumer nobody listens to after this time. */
const INACTIVE_MS = 30_000;

export interface FollowSource extends FollowOptions {
  readonly stream: string;
  readonly filter: string;
  /** Begin with the last message of every subject instead of a sequence (buckets). */
  readonly lastPerSubject?: boolean;
  /** The stream was lost: what comes from now on is of another one, from its beginning. */
  readonly onLost?: () => void;
  /** The bus was closed: nothing comes any more. */
  readonly onClosed?: () => void;
}

interface Consumer {
  readonly name: string;
  readonly subscription: Subscription;
  /** Asked to send slowly, because the server has cut us off while we caught up. */
  readonly isSlow: boolean;
  /** Messages received; the next must carry this number plus one. */
  delivered: number;
  /** The number of the last message there was when it began, once the server has told. */
  last?: number;
}

/**
 * An ordered push consumer with flow control, made anew from the next sequence whenever anything is doubtful: a gap in
 * the consumer's numbering, silence, a reconnect. Each has a subscription of its own, so a late message of an earlier
 * one cannot be taken for one of the present.
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

  /** Resolves when the server has the consumer; rejects when it cannot be made (no such stream). */
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
          // In bits. The flow control's window is no help: it may be larger than what the server lets us have pending.
          ...(caution > 0 && { rate_limit_bps: 8 * Math.max(SLOWEST_RATE, CAUTIOUS_RATE / 4 ** caution) }),
          inactive_threshold: INACTIVE_MS * 1e6,
          mem_storage: true,
          num_replicas: 1,
        },
      },
      `follow ${stream} ${filter}`,
    );
    // The stream may have been made again in the middle of this.
    if (this.#losses !== this.#link.known.losses(stream)) return this.#restart();
    if (consumer !== this.#consumer) return;
    consumer.last = info.delivered.consumer_seq + info.num_pending;
    this.#checkCaughtUp(consumer);
  }

  /** Sequences of a stream that was lost say nothing of the one in its place. */
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
    // Nobody waits for it: what is not deleted now goes by itself later.
    this.#link.tell(`$JS.API.CONSUMER.DELETE.${this.#source.stream}.${consumer.name}`);
  }

  /** Nothing more is taken from the present consumer: what it still sends would come twice. */
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
    // A server begins earlier than asked when that sequence is beyond its last.
    if (at.sequence >= this.#next) {
      this.#next = at.sequence + 1;
      this.#lastPerSubject = false;
      callHandler(this.#handler, new NatsStoredMessage(message, at));
    }
    if (!this.#caughtUp) this.#checkCaughtUp(consumer);
  }

  /** What the server says for itself: heartbeats, flow control, and that the consumer is gone. */
  #control(consumer: Consumer, message: Msg): void {
    const { status, headers = {} } = readHeaders(message);
    const stalled = headers["Nats-Consumer-Stalled"];
    if (status !== 100) this.#restart();
    else if (message.reply) this.#link.tell(message.reply);
    else if (stalled) this.#link.tell(stalled);
    else if (Number(headers["Nats-Last-Consumer"]) > consumer.delivered) this.#restart();
    else if (consumer.last !== undefined) {
      // Idle means that nothing is left to deliver, also when messages that were counted have gone meanwhile.
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
