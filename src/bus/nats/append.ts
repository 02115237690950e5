import { createInbox, type Msg, type MsgHdrs, type PublishOptions, type Subscription } from "@nats-io/transport-node";
import { atMost } from "../../core/clock.ts";
import { Fifo } from "../fifo.ts";
import { type Appended, type AppendOptions, BusError } from "../port.ts";
import { checkSize } from "../sizes.ts";
import { type ApiErrorBody, closedError, JetStreamError, toBusError } from "./errors.ts";
import { EXPECT_LAST, fromHeaders, readHeaders } from "./headers.ts";
import type { Link } from "./link.ts";

/** The appends in flight: enough for any round trip, and few enough that a dead connection leaves few in doubt. */
const MAX_IN_FLIGHT = 4000;
const MAX_BYTES_IN_FLIGHT = 32 * 2 ** 20;
/**
 * The timeout in the link's ticks of a second: cheaper than a clock, and time in which the process stood still does not
 * count.
 */
const TIMEOUT_TICKS = 5;

interface Waiting {
  readonly subject: string;
  readonly data: Uint8Array;
  readonly headers: MsgHdrs | undefined;
  readonly size: number;
  /** The tick at which the message was queued, then the tick at which it was sent. */
  since: number;
  readonly resolve: (appended: Appended) => void;
  readonly reject: (error: Error) => void;
}

/**
 * Appends by publishing with a reply subject of one shared inbox, and checks every acknowledgement: several times
 * cheaper than a request per message. Messages wait in order while too many are in flight or there is no connection.
 */
export class Appender {
  readonly #link: Link;
  readonly #inbox = `${createInbox()}.`;
  readonly #subscription: Subscription;
  readonly #unlisten: () => void;
  /**
   * The messages that were sent and not acknowledged, by the last token of the reply subject, in the order of sending.
   */
  readonly #inFlight = new Map<string, Waiting>();
  #bytesInFlight = 0;
  readonly #queue = new Fifo<Waiting>();
  #nextToken = 0;
  #tick = 0;
  #closing = false;
  #onIdle: (() => void) | undefined;

  constructor(link: Link) {
    this.#link = link;
    this.#subscription = link.nc.subscribe(`${this.#inbox}*`, { callback: (error, reply) => this.#take(error, reply) });
    this.#unlisten = link.listen({
      onDown: () =>
        this.#rejectInFlight("the connection was lost before the acknowledgement came; it may or may not be stored"),
      onUp: () => this.#send(),
      onClosed: () => this.#rejectQueue(() => true, closedError),
      onRefused: (subject, error) => this.#refuse(subject, error),
      onTick: () => this.#expire(),
    });
  }

  append(subject: string, data: Uint8Array, options: AppendOptions = {}): Promise<Appended> {
    return new Promise((resolve, reject) => {
      if (this.#closing || this.#link.closed) throw closedError();
      const expected = options.expectLastSubjectSequence;
      const sent = expected === undefined ? options.headers : { ...options.headers, [EXPECT_LAST]: `${expected}` };
      const size = checkSize(`append to ${subject}`, data, sent, this.#link.maxPayload);
      const headers = sent && fromHeaders(sent);
      const entry = { subject, data, headers, size, since: this.#tick, resolve, reject };
      if (this.#queue.length === 0 && this.#canSend) this.#publish(entry);
      else this.#queue.push(entry);
    });
  }

  /** Refuses new messages, waits up to `withinMs` for the pending ones, and rejects the rest. */
  async close(withinMs: number): Promise<void> {
    this.#closing = true;
    if (this.#link.connected && this.#inFlight.size + this.#queue.length > 0) {
      await new Promise<void>((resolve) => {
        const disarm = this.#link.clock.timer(withinMs, resolve);
        this.#onIdle = () => {
          disarm();
          resolve();
        };
      });
    }
    this.#unlisten();
    this.#rejectInFlight("the bus was closed before the acknowledgement came; it may or may not be stored");
    this.#rejectQueue(() => true, closedError);
    this.#subscription.unsubscribe();
  }

  get #canSend(): boolean {
    const hasRoom = this.#inFlight.size < MAX_IN_FLIGHT && this.#bytesInFlight < MAX_BYTES_IN_FLIGHT;
    return hasRoom && this.#link.connected;
  }

  #send(): void {
    while (this.#queue.length > 0 && this.#canSend) this.#publish(this.#queue.shift()!);
  }

  #publish(entry: Waiting): void {
    // The server's limit became smaller while the message waited. A caller that repeats it is refused, or makes it
    // smaller.
    const { maxPayload } = this.#link;
    if (entry.size > maxPayload)
      return entry.reject(
        unconfirmed(entry.subject, `${entry.size} bytes; the server now accepts ${maxPayload} (it was not sent)`),
      );
    const token = (this.#nextToken++).toString(36);
    const options: PublishOptions = { reply: this.#inbox + token };
    if (entry.headers) options.headers = entry.headers;
    entry.since = this.#tick;
    try {
      this.#link.nc.publish(entry.subject, entry.data, options);
    } catch (error) {
      entry.reject(toBusError(error, `append to ${entry.subject}`));
      return;
    }
    this.#inFlight.set(token, entry);
    this.#bytesInFlight += entry.size;
  }

  #take(error: Error | null, reply: Msg): void {
    if (error) {
      this.#rejectInFlight(error.message);
      return;
    }
    const token = reply.subject.slice(this.#inbox.length);
    const entry = this.#inFlight.get(token);
    if (!entry) return;
    const sequence = readSequence(reply.data);
    if (sequence === 0 && readHeaders(reply).status === 503) {
      // The status also comes after a publish that was not permitted; the error that says so arrives a moment later.
      this.#link.clock.endOfTurn(() => {
        if (!this.#inFlight.has(token)) return;
        this.#forget(token, entry);
        void this.#noStream(entry);
        this.#goOn();
      });
      return;
    }
    this.#forget(token, entry);
    if (sequence > 0) entry.resolve({ sequence });
    else entry.reject(refusal(entry.subject, reply));
    this.#goOn();
  }

  /**
   * Handles an append that no stream answered: its leader is being elected, or the stream is lost. If it is lost and
   * this connection ensured it, it is created again, and the message, which was not stored, is sent once more.
   */
  async #noStream(entry: Waiting): Promise<void> {
    const { known, clock } = this.#link;
    const { subject } = entry;
    const name = known.ofSubject(subject);
    if (name === undefined)
      return entry.reject(new BusError("no-stream", `append to ${subject}: no stream takes this subject`));
    const losses = known.losses(name);
    known.doubt();
    await atMost(clock, TIMEOUT_TICKS * 1000, known.settled());
    if (known.losses(name) === losses || this.#closing || this.#link.closed)
      return entry.reject(unconfirmed(subject, `stream ${name} has no leader at the moment (it was not stored)`));
    this.#queue.push(entry);
    this.#goOn();
  }

  #goOn(): void {
    if (this.#queue.length > 0) this.#send();
    if (this.#inFlight.size + this.#queue.length === 0) this.#onIdle?.();
  }

  #forget(token: string, entry: Waiting): void {
    this.#inFlight.delete(token);
    this.#bytesInFlight -= entry.size;
  }

  /**
   * Rejects the messages that have timed out. The map is in the order of sending, so the sweep ends at the first that
   * has not.
   */
  #expire(): void {
    const oldest = ++this.#tick - TIMEOUT_TICKS;
    for (const [token, entry] of this.#inFlight) {
      if (entry.since >= oldest) break;
      this.#forget(token, entry);
      entry.reject(
        unconfirmed(entry.subject, `no acknowledgement within ${TIMEOUT_TICKS} s; it may or may not be stored`),
      );
    }
    if (!this.#link.connected) {
      this.#rejectQueue(
        (entry) => entry.since < oldest,
        (entry) => unconfirmed(entry.subject, `no connection within ${TIMEOUT_TICKS} s (it was not sent)`),
      );
    }
    this.#goOn();
  }

  #refuse(subject: string, error: Error): void {
    for (const [token, entry] of this.#inFlight) {
      if (entry.subject !== subject) continue;
      this.#forget(token, entry);
      entry.reject(toBusError(error, `append to ${subject}`));
    }
    this.#goOn();
  }

  #rejectInFlight(why: string): void {
    const entries = [...this.#inFlight.values()];
    this.#inFlight.clear();
    this.#bytesInFlight = 0;
    for (const entry of entries) entry.reject(unconfirmed(entry.subject, why));
    this.#onIdle?.();
  }

  #rejectQueue(which: (entry: Waiting) => boolean, error: (entry: Waiting) => BusError): void {
    this.#queue.keep((entry) => {
      if (which(entry)) entry.reject(error(entry));
      return !which(entry);
    });
  }
}

function unconfirmed(subject: string, why: string): BusError {
  return new BusError("unconfirmed", `append to ${subject}: ${why}`);
}

const SEQUENCE = Buffer.from('"seq":');
const END = 0x7d;

/** The sequence in an acknowledgement, or 0 when the reply is anything else. */
function readSequence(data: Uint8Array): number {
  return readLastSequence(data) || readAnySequence(data);
}

/**
 * The sequence of an acknowledgement that ends with it, as in `{"stream":"S","seq":7}`. Nearly all do, and reading from
 * the end takes a fiftieth of the time of JSON.parse. A reply with an error has no sequence.
 */
function readLastSequence(data: Uint8Array): number {
  let at = data.length - 1;
  if (data[at] !== END) return 0;
  let sequence = 0;
  for (let power = 1; ; power *= 10) {
    const digit = data[--at]! - 0x30;
    if (!(digit >= 0 && digit <= 9)) break;
    sequence += digit * power;
  }
  for (let i = SEQUENCE.length - 1; i >= 0; i--, at--) if (data[at] !== SEQUENCE[i]) return 0;
  return sequence;
}

/** The sequence of an acknowledgement in which other fields follow it: `duplicate`, `domain`. */
function readAnySequence(data: Uint8Array): number {
  try {
    const { seq, error } = JSON.parse(Buffer.from(data).toString());
    return error === undefined && Number.isSafeInteger(seq) ? seq : 0;
  } catch {
    return 0;
  }
}

function refusal(subject: string, reply: Msg): BusError {
  const what = `append to ${subject}`;
  try {
    const { error } = reply.json<{ error?: ApiErrorBody }>();
    if (error) return new JetStreamError(what, error);
  } catch {
    // Not JSON, so not from JetStream.
  }
  return new BusError("failed", `${what}: answered by something that is not a stream: ${reply.string().slice(0, 100)}`);
}
