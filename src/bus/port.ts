/**
 * The bus port: everything Tutti asks of a message bus. It carries bytes and does not interpret them.
 *
 * Two adapters implement it: `nats` (JetStream, servers from 2.9 up) and `memory` (one process, nothing on disk).
 * Both pass `test/contract/bus.ts`, and behave alike to the byte and to the error.
 *
 * Names: a `subject` is concrete; a `filter` may contain `*` (one token) and end in `>` (one or more tokens).
 * Sequences number the messages of a stream: 1, 2, 3, …; 0 stands for "before the first".
 */

import type { BusEvent } from "./bus-event.ts";
import type { BucketDefinition, ConsumerDefinition, ObjectStoreDefinition, StreamDefinition } from "./definitions.ts";

export { BusError, type BusErrorCode, isBusError, isPassing } from "./bus-error.ts";
export type { BucketDefinition, ConsumerDefinition, ObjectStoreDefinition, StreamDefinition } from "./definitions.ts";

export type Headers = Readonly<Record<string, string>>;

/**
 * The largest size of a message's headers on the wire, in bytes: the limit that Node.js has for an HTTP request.
 * Larger headers are refused when a message is sent (`too-large`), and not read when one is received.
 */
export const MAX_HEADER_BYTES = 16 * 1024;

/** Something that runs until it is stopped: a subscription, a follower, a service. Stopping it twice is harmless. */
export interface Stoppable {
  /** Resolves when no handler will be called again. */
  stop(): Promise<void>;
}

/** A message that is not stored. */
export interface Message {
  readonly subject: string;
  readonly data: Uint8Array;
  /** Header names are case-insensitive: look them up with {@link header}. */
  readonly headers?: Headers;
  /**
   * The size in bytes of headers that were not read because it exceeds {@link MAX_HEADER_BYTES}. `headers` is absent
   * then.
   */
  readonly oversizedHeaders?: number;
  /** Sends an answer to the requester; does nothing when the message was not a request. */
  respond(data: Uint8Array, headers?: Headers): void;
  /**
   * The subject that a request's answer is published to, so that another process than the receiver can answer.
   * Undefined where only the receiver can (memory).
   */
  readonly replyTo?: string;
}

/** A message of a stream, as read from it. */
export interface StoredMessage {
  readonly subject: string;
  readonly sequence: number;
  /** When the server stored it, milliseconds since the epoch. */
  readonly timestamp: number;
  /** What the time of storing has beyond its millisecond, in nanoseconds, where the server says it. */
  readonly nanos?: number | undefined;
  readonly data: Uint8Array;
  readonly headers?: Headers | undefined;
  /** See {@link Message.oversizedHeaders}. */
  readonly oversizedHeaders?: number | undefined;
}

/** A message taken from a queue. The first call of `ack`, `nak` or `terminate` settles it; later calls are ignored. */
export interface Delivery extends StoredMessage {
  /** The number of this delivery, from 1. Above 1, an earlier delivery was not settled in time or was given back. */
  readonly deliveries: number;
  /** Confirms that the message is done: it leaves the queue. Fire and forget. */
  ack(): void;
  /** Gives the message back, to be delivered again after `delayMs` (default: at once). */
  nak(delayMs?: number): void;
  /** Reports that work continues: restarts the ack wait. */
  inProgress(): void;
  /** Removes the message from the queue without confirming it: it is not delivered again. */
  terminate(): void;
}

/** Of how many unsettled messages {@link Bus.listUnsettled} gives the subjects. */
export const MOST_UNSETTLED = 1000;

export interface Appended {
  readonly sequence: number;
}

export interface AppendOptions {
  readonly headers?: Headers;
  /**
   * Store only if the last message of exactly this subject has this sequence (0: there is none), else `wrong-sequence`.
   */
  readonly expectLastSubjectSequence?: number;
}

/** Pulls messages from one durable consumer, as many as were demanded. */
export interface Puller extends Stoppable {
  /** Asks for `count` more messages; they reach the handler as the queue has them. The demand survives reconnects. */
  demand(count: number): void;
  /** The number of messages that were demanded and not delivered yet. */
  readonly outstanding: number;
}

export interface FollowOptions {
  /** The sequence to begin at (default 1: from the beginning). */
  readonly fromSequence?: number;
  /**
   * Called once, when the follower has delivered everything that the stream held when it began; also for an empty
   * stream.
   */
  readonly onCaughtUp?: () => void;
}

/** An entry of a bucket. */
export interface Entry {
  readonly key: string;
  readonly value: Uint8Array;
  /** The version to compare with in `update` and `delete`. Grows with every change of the bucket. */
  readonly revision: number;
}

/** A small key/value bucket. Keys match `[-/_=.a-zA-Z0-9]+`. */
export interface Bucket {
  /** The entry, or undefined when it is absent, deleted or expired. */
  get(key: string): Promise<Entry | undefined>;
  /** Sets the value unconditionally. Returns the new revision. */
  put(key: string, value: Uint8Array): Promise<number>;
  /** Sets the value if the key is absent (or deleted, or expired), else rejects with `wrong-sequence`. */
  create(key: string, value: Uint8Array): Promise<number>;
  /** Sets the value if the key is at `revision`, else rejects with `wrong-sequence`. */
  update(key: string, value: Uint8Array, revision: number): Promise<number>;
  /** Removes the key. With `revision`, only if the key is at that revision, else rejects with `wrong-sequence`. */
  delete(key: string, revision?: number): Promise<void>;
  /** All live entries, in no particular order. */
  entries(): Promise<Entry[]>;
  /**
   * Reports every present entry, then each change: a put (`value` set) or a delete (`value` undefined).
   * Expiry is not reported, as on server 2.9: poll `entries()` to see it. `onReady` is called once, after the present
   * entries.
   */
  watch(onChange: (key: string, value: Uint8Array | undefined) => void, onReady?: () => void): Promise<Stoppable>;
}

/** A store for content that is too large for a message. Objects expire after the store's `maxAgeMs`. */
export interface ObjectStore {
  put(name: string, data: Uint8Array): Promise<void>;
  get(name: string): Promise<Uint8Array | undefined>;
  /** Whether an object of that name exists, without fetching it. */
  has(name: string): Promise<boolean>;
}

/** A micro service (ADR-32): discoverable with `nats micro ls`. */
export interface ServiceDefinition {
  readonly name: string;
  readonly version: string;
  readonly description: string;
  readonly endpoints: readonly {
    /** `[A-Za-z0-9_-]+` */
    readonly name: string;
    /** The filter of the requests it answers. Instances of a service share them (one queue group). */
    readonly subject: string;
    readonly handler: (message: Message) => void;
  }[];
}

/** The content of a stream in numbers, and its limits. */
export interface StreamState {
  readonly messages: number;
  readonly bytes: number;
  readonly maxMessages?: number;
  readonly maxBytes?: number;
}

export interface Bus extends AsyncDisposable {
  /** E.g. `nats://127.0.0.1:4222 (2.9.10)` or `memory`. */
  readonly description: string;
  /** The largest message that the bus accepts, in bytes, headers included. */
  readonly maxPayload: number;

  // Messages that are not stored.

  /** Fire and forget. Throws {@link BusError} `too-large`, or `closed`. */
  publish(subject: string, data: Uint8Array, headers?: Headers): void;
  /** With `queue`, each message goes to one of the subscribers that name the same queue. Handlers must not throw. */
  subscribe(filter: string, handler: (message: Message) => void, options?: { queue?: string }): Promise<Stoppable>;
  /** Resolves with the first answer. Rejects with `no-responders`, `timeout`, `too-large`, or `closed`. */
  request(subject: string, data: Uint8Array, options: { timeoutMs: number; headers?: Headers }): Promise<Message>;
  serve(service: ServiceDefinition): Promise<Stoppable>;

  // Streams.

  /**
   * Creates the stream, or updates an existing one where the definition differs and the server allows it. Many
   * processes may call it at once.
   */
  ensureStream(definition: StreamDefinition): Promise<void>;
  ensureConsumer(definition: ConsumerDefinition): Promise<void>;
  /**
   * Publishes into the stream that takes the subject, and resolves when the message is stored. Many appends may be in
   * flight; those of one caller that does not await them are stored in the order of the calls. Nothing is repeated.
   * Rejects with `subject-taken`, `wrong-sequence`, `full`, `too-large`, `no-stream`, `closed`, or with `unconfirmed`:
   * the connection was lost or no acknowledgement came in time, so the message may or may not have been stored.
   */
  append(subject: string, data: Uint8Array, options?: AppendOptions): Promise<Appended>;
  /**
   * Reads the messages that match, in order, each once, from `fromSequence` on, and continues with new ones, over
   * reconnects and gaps. The handler is called synchronously for one message after another and must not throw.
   */
  follow(
    stream: string,
    filter: string,
    handler: (message: StoredMessage) => void,
    options?: FollowOptions,
  ): Promise<Stoppable>;
  /** The names of the streams that take messages of a subject or filter, whichever process has made them. */
  findStreams(filter: string): Promise<string[]>;
  /** The stream's content in numbers and its limits, as its leader knows them. */
  streamState(stream: string): Promise<StreamState>;
  /** The sequence of the last message that matches (default: of the whole stream), 0 when there is none. */
  lastSequence(stream: string, filter?: string): Promise<number>;
  /** The message with that sequence, if the stream still holds it. */
  getMessage(stream: string, sequence: number): Promise<StoredMessage | undefined>;
  /** The last message of that subject (or filter), if there is one. */
  getLastMessage(stream: string, filter: string): Promise<StoredMessage | undefined>;
  /** Every distinct subject that has a message and matches. */
  listSubjects(stream: string, filter: string): Promise<string[]>;
  /** Removes all messages of exactly this subject. Resolves with their number. */
  removeSubject(stream: string, subject: string): Promise<number>;
  /**
   * The highest sequence of the stream that a durable consumer has delivered, 0 before the first. Later messages that
   * match its filter were not delivered to any puller yet. Rejects with `failed` when there is no such consumer.
   */
  lastDelivered(stream: string, consumer: string): Promise<number>;
  /**
   * The subjects of the messages that a durable consumer has delivered and that are not settled: in the hands of a receiver, or
   * about to be delivered again. In order of the stream, and those of the first 1,000 at most.
   */
  listUnsettled(stream: string, consumer: string): Promise<string[]>;
  /** Takes messages from a durable consumer (see {@link Bus.ensureConsumer}). None arrive before there is demand. */
  pull(stream: string, consumer: string, handler: (delivery: Delivery) => void): Promise<Puller>;

  // Buckets and objects.

  bucket(definition: BucketDefinition): Promise<Bucket>;
  objects(definition: ObjectStoreDefinition): Promise<ObjectStore>;

  /** Listens to connection events, for logs and resynchronisation. Returns a function that unsubscribes. */
  onEvent(listener: (event: BusEvent) => void): () => void;
  /** Sends buffered messages, stops everything that was started through this port, and disconnects. */
  close(): Promise<void>;
}

/** Case-insensitive header look-up. */
export function header(message: { readonly headers?: Headers | undefined }, name: string): string | undefined {
  // Read once: in an adapter, `headers` may be a getter that parses them.
  const { headers } = message;
  if (!headers) return undefined;
  const exact = headers[name];
  if (exact !== undefined) return exact;
  const wanted = name.toLowerCase();
  for (const key in headers) if (key.toLowerCase() === wanted) return headers[key];
  return undefined;
}
