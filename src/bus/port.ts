/**
 * The bus port: everything Tutti asks of a message bus. It carries bytes and knows no envelope.
 *
 * Two adapters implement it: `nats` (JetStream, servers from 2.9 up) and `memory` (one process, nothing on disk).
 * Both pass `test/contract/bus.ts`, and behave alike to the byte and to the error.
 *
 * Names: `subject` is a concrete subject, `filter` may hold `*` (one token) and, last, `>` (one or more tokens).
 * Sequences are those of a stream: 1, 2, 3, …; 0 stands for "before the first".
 */

import type { BusEvent } from "./bus-event.ts";

export type Headers = Readonly<Record<string, string>>;

/**
 * The most bytes that the headers of a message may have, as they are on the wire: what Node.js takes of an HTTP request.
 * More is refused where a message is sent (`too-large`), and not read where it is received.
 */
export const MAX_HEADER_BYTES = 16 * 1024;

/** Something given back with one call: a subscription, a follower, a service. Stopping twice is harmless. */
export interface Stoppable {
  /** Resolves when no handler will be called any more. */
  stop(): Promise<void>;
}

/** A message that is not stored. */
export interface Message {
  readonly subject: string;
  readonly data: Uint8Array;
  /** Header names are matched without regard to case: look them up with {@link header}. */
  readonly headers?: Headers;
  /** The bytes of headers that were not read because they are more than {@link MAX_HEADER_BYTES}. `headers` is absent then. */
  readonly oversizedHeaders?: number;
  /** Sends an answer to the requester; does nothing when the message was not a request. */
  respond(data: Uint8Array, headers?: Headers): void;
  /** Of a request: the subject that its answer is published to, if another than the receiver is to give it. Undefined where only the receiver can (memory). */
  readonly replyTo?: string;
}

/** A message of a stream, as read from it. */
export interface StoredMessage {
  readonly subject: string;
  readonly sequence: number;
  /** When the server stored it, milliseconds since the epoch. */
  readonly timestamp: number;
  readonly data: Uint8Array;
  readonly headers?: Headers | undefined;
  /** See {@link Message.oversizedHeaders}. */
  readonly oversizedHeaders?: number | undefined;
}

/** A message taken from a queue. Exactly one of ack, nak, terminate ends it; later calls are ignored. */
export interface Delivery extends StoredMessage {
  /** 1 the first time; larger means an earlier delivery was not settled in time (or was given back). */
  readonly deliveries: number;
  /** Done: the message leaves the queue. Fire and forget. */
  ack(): void;
  /** Give it back, to be delivered again after `delayMs` (default: at once). */
  nak(delayMs?: number): void;
  /** Still working: restarts the ack wait. */
  inProgress(): void;
  /** Never deliver it again; the message leaves the queue. */
  terminate(): void;
}

export interface Appended {
  readonly sequence: number;
}

export interface AppendOptions {
  readonly headers?: Headers;
  /** Store only if the last message of this very subject has this sequence (0: the subject has none), else `wrong-sequence`. */
  readonly expectLastSubjectSequence?: number;
}

/** Pulls from one durable consumer by demand. */
export interface Puller extends Stoppable {
  /** Asks for up to `count` more messages; they reach the handler as the queue has them. Survives reconnects. */
  demand(count: number): void;
  /** Messages asked for and neither delivered nor given up on. */
  readonly outstanding: number;
}

export interface FollowOptions {
  /** First sequence wanted (default 1: from the beginning). */
  readonly fromSequence?: number;
  /** Called when the follower has caught up for the first time with what the stream held when it began. At most once; also for an empty stream. */
  readonly onCaughtUp?: () => void;
}

/** An entry of a bucket. */
export interface Entry {
  readonly key: string;
  readonly value: Uint8Array;
  /** For compare-and-set. Grows with every change of the bucket. */
  readonly revision: number;
}

/** A small key/value bucket. Keys match `[-/_=.a-zA-Z0-9]+`. */
export interface Bucket {
  /** The entry, or undefined when it is absent, deleted or expired. */
  get(key: string): Promise<Entry | undefined>;
  /** Sets the value, whatever was there. Returns the new revision. */
  put(key: string, value: Uint8Array): Promise<number>;
  /** Sets the value if the key is absent (or deleted, or expired), else rejects with `wrong-sequence`. */
  create(key: string, value: Uint8Array): Promise<number>;
  /** Sets the value if the key stands at `revision`, else rejects with `wrong-sequence`. */
  update(key: string, value: Uint8Array, revision: number): Promise<number>;
  /** Removes the key; with `revision` only if it stands there, else rejects with `wrong-sequence`. */
  delete(key: string, revision?: number): Promise<void>;
  /** All live entries, in no order. */
  entries(): Promise<Entry[]>;
  /**
   * Tells of every present entry, then of changes: a put (`value` set) or a delete (`value` undefined).
   * Expiry is silent, as on server 2.9: poll `entries()` to see it. `onReady` is called once after the present entries.
   */
  watch(onChange: (key: string, value: Uint8Array | undefined) => void, onReady?: () => void): Promise<Stoppable>;
}

/** Content too large for a message. Objects expire with their store's `maxAgeMs`. */
export interface ObjectStore {
  put(name: string, data: Uint8Array): Promise<void>;
  get(name: string): Promise<Uint8Array | undefined>;
  /** Whether there is an object of that name, without fetching it. */
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
    /** The filter it answers; instances of a service share the requests (one queue group). */
    readonly subject: string;
    readonly handler: (message: Message) => void;
  }[];
}

export interface StreamDefinition {
  readonly name: string;
  readonly subjects: readonly string[];
  /** `work-queue`: a message leaves when it is acknowledged. `limits`: it stays until a limit removes it. */
  readonly retention: "work-queue" | "limits";
  /** Keep at most one message a subject and refuse a second one with `subject-taken`. */
  readonly onePerSubject?: boolean;
  readonly maxAgeMs?: number;
  readonly maxMessages?: number;
  readonly maxBytes?: number;
  /** These limits are mere defaults: a stream that is there and has such a limit keeps its own. */
  readonly keep?: readonly ("maxMessages" | "maxBytes")[];
  /** What a full stream does with a new message: refuse it with `full`, or let the oldest go. Default `refuse`. */
  readonly whenFull?: "refuse" | "drop-oldest";
  /** Default 1. */
  readonly replicas?: number;
}

export interface ConsumerDefinition {
  readonly stream: string;
  readonly name: string;
  readonly filter: string;
  /** Unsettled messages are delivered again after this time. */
  readonly ackWaitMs: number;
  /** At most this many messages delivered and unsettled over all pullers; the rest waits. */
  readonly maxAckPending: number;
}

export interface BucketDefinition {
  readonly name: string;
  /** Entries expire this long after their last put. Default: never. */
  readonly ttlMs?: number;
  readonly replicas?: number;
}

/** What a stream holds, and how much it may. */
export interface StreamState {
  readonly messages: number;
  readonly bytes: number;
  readonly maxMessages?: number;
  readonly maxBytes?: number;
}

export interface ObjectStoreDefinition {
  readonly name: string;
  readonly maxAgeMs?: number;
  /** A `put` that finds no room is refused with `full`. Default: what is there stays, what is new has none. */
  readonly maxBytes?: number;
  readonly replicas?: number;
}

export interface Bus extends AsyncDisposable {
  /** E.g. `nats://127.0.0.1:4222 (2.9.10)` or `memory`. */
  readonly description: string;
  /** The largest message the bus takes, in bytes, headers included. */
  readonly maxPayload: number;

  // Messages that are not stored.

  /** Fire and forget. Throws {@link BusError} `too-large`, or `closed`. */
  publish(subject: string, data: Uint8Array, headers?: Headers): void;
  /** With `queue`, each message goes to one of the subscribers that name the same queue. Handlers must not throw. */
  subscribe(filter: string, handler: (message: Message) => void, options?: { queue?: string }): Promise<Stoppable>;
  /** One answer. Rejects with `no-responders`, `timeout`, `too-large`, or `closed`. */
  request(subject: string, data: Uint8Array, options: { timeoutMs: number; headers?: Headers }): Promise<Message>;
  serve(service: ServiceDefinition): Promise<Stoppable>;

  // Streams.

  /** Creates it, or updates an existing one where the definition differs and the server allows it. Safe to call from many processes at once. */
  ensureStream(definition: StreamDefinition): Promise<void>;
  ensureConsumer(definition: ConsumerDefinition): Promise<void>;
  /**
   * Publishes into whichever stream takes the subject, and resolves when it is stored. Many may be in flight; messages
   * appended by one caller, in order, without awaiting, are stored in that order. Repeats nothing by itself.
   * Rejects with `subject-taken`, `wrong-sequence`, `full`, `too-large`, `no-stream`, `closed`, or with `unconfirmed`
   * (it may or may not have been stored: the connection was lost or no acknowledgement came in time).
   */
  append(subject: string, data: Uint8Array, options?: AppendOptions): Promise<Appended>;
  /**
   * Reads the messages that match, in order, each once, from `fromSequence` on, and goes on as new ones come, over
   * reconnects and gaps. The handler is called synchronously for one message after another and must not throw.
   */
  follow(
    stream: string,
    filter: string,
    handler: (message: StoredMessage) => void,
    options?: FollowOptions,
  ): Promise<Stoppable>;
  /** How full a stream is, as its leader knows it. */
  streamState(stream: string): Promise<StreamState>;
  /** Sequence of the last message that matches (default: of the whole stream), 0 when there is none. */
  lastSequence(stream: string, filter?: string): Promise<number>;
  /** The message with that sequence, if it is still there. */
  getMessage(stream: string, sequence: number): Promise<StoredMessage | undefined>;
  /** The last message of that subject (or filter), if there is one. */
  getLastMessage(stream: string, filter: string): Promise<StoredMessage | undefined>;
  /** Every distinct subject that has a message and matches. */
  listSubjects(stream: string, filter: string): Promise<string[]>;
  /** Removes all messages of exactly this subject. Resolves with how many there were. */
  removeSubject(stream: string, subject: string): Promise<number>;
  /** Takes from a durable consumer (see {@link Bus.ensureConsumer}). Nothing comes until there is demand. */
  pull(stream: string, consumer: string, handler: (delivery: Delivery) => void): Promise<Puller>;

  // Buckets and objects.

  bucket(definition: BucketDefinition): Promise<Bucket>;
  objects(definition: ObjectStoreDefinition): Promise<ObjectStore>;

  /** Connection events, for logs and resynchronisation. Returns a function that unsubscribes. */
  onEvent(listener: (event: BusEvent) => void): () => void;
  /** Sends what is buffered, stops everything started through this port, and disconnects. */
  close(): Promise<void>;
}

export type BusErrorCode =
  | "no-responders"
  | "timeout"
  | "too-large"
  | "subject-taken"
  | "wrong-sequence"
  | "full"
  | "no-stream"
  | "unconfirmed"
  | "unreachable"
  | "closed"
  | "failed";

/** The one error the port throws. `failed` is anything the port has no word for; `cause` has the adapter's own error. */
export class BusError extends Error {
  readonly code: BusErrorCode;
  constructor(code: BusErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "BusError";
    this.code = code;
  }
}

export function isBusError(error: unknown, ...codes: BusErrorCode[]): error is BusError {
  return error instanceof BusError && (codes.length === 0 || codes.includes(error.code));
}

/** Trouble that passes: the same call may go through later. */
export const isPassing = (error: unknown): error is BusError =>
  isBusError(error, "no-responders", "timeout", "unconfirmed", "unreachable", "full");

/** Case-insensitive header look-up. */
export function header(message: { readonly headers?: Headers | undefined }, name: string): string | undefined {
  // Once: an adapter may have to read them.
  const { headers } = message;
  if (!headers) return undefined;
  const exact = headers[name];
  if (exact !== undefined) return exact;
  const wanted = name.toLowerCase();
  for (const key in headers) if (key.toLowerCase() === wanted) return headers[key];
  return undefined;
}
