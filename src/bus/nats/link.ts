import {
  errors,
  type NatsConnection,
  type Payload,
  type PublishOptions,
  type Subscription,
} from "@nats-io/transport-node";
import { type Clock, sleep } from "../../core/clock.ts";
import type { BusEvent } from "../bus-event.ts";
import { BusError, isBusError } from "../port.ts";
import { callHandler } from "./call-handler.ts";
import { type ApiErrorBody, ConnectionLost, closedError, isPassing, JetStreamError } from "./errors.ts";
import { KnownStreams } from "./known-streams.ts";
import { Requests } from "./requests.ts";

/** The callbacks of the adapter's parts for changes of the connection. */
export interface LinkListener {
  readonly onDown?: () => void;
  readonly onUp?: () => void;
  /** The connection has ended and will not be restored. */
  readonly onClosed?: () => void;
  /** The server does not permit this client to publish to the subject: no acknowledgement will come. */
  readonly onRefused?: (subject: string, error: Error) => void;
  /** Called about every second while the link is open. */
  readonly onTick?: () => void;
}

const TICK_MS = 1000;
/** The delay of a tick from which the process counts as having stood still: blocked by a computation, or suspended. */
const STALLED_MS = 1500;
/** The age below which a lost connection may have been cut by the server because this process read too slowly. */
const SHORT_MS = 5000;
/** The age from which a connection no longer calls for caution. */
const PROVEN_MS = 30_000;
/**
 * The time for all attempts of a request to JetStream: more than a cluster on a busy machine needs to elect a leader.
 */
const API_PATIENCE_MS = 20_000;
/** The time for a request where the connected server has no JetStream: another server of its cluster may have it. */
const NO_JETSTREAM_PATIENCE_MS = 2000;
const FLUSH_PATIENCE_MS = 2000;

/** A connection with its state, and requests to JetStream that wait for the connection instead of failing. */
export class Link {
  readonly nc: NatsConnection;
  readonly clock: Clock;
  readonly url: string;
  connected = true;
  closed = false;
  /** The number of connections in a row that were lost soon after they were made. Followers read more slowly then. */
  caution = 0;
  readonly requests: Requests;
  readonly known: KnownStreams;
  #info: NonNullable<NatsConnection["info"]>;
  readonly #listeners = new Set<LinkListener>();
  readonly #eventListeners = new Set<(event: BusEvent) => void>();
  /** The `reject` functions of all work that must not outlive the connection. */
  readonly #interruptions = new Set<(error: Error) => void>();
  #disarm: () => void;
  #tickedAt: number;
  #connectedAt: number;

  constructor(nc: NatsConnection, clock: Clock) {
    this.nc = nc;
    this.clock = clock;
    this.url = `nats://${nc.getServer()}`;
    this.#info = nc.info!;
    this.#tickedAt = this.#connectedAt = clock.monotonic();
    this.requests = new Requests(this);
    this.known = new KnownStreams(this);
    this.#disarm = clock.timer(TICK_MS, () => this.#tick());
    void this.#watchStatus();
    nc.closed().then((error) => this.#end(error ?? undefined), this.#end);
  }

  /** The largest message in bytes, headers included. Without a connection it is the limit of the last server. */
  get maxPayload(): number {
    return this.#info.max_payload;
  }

  get version(): string {
    return this.#info.version;
  }

  listen(listener: LinkListener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  onEvent(listener: (event: BusEvent) => void): () => void {
    this.#eventListeners.add(listener);
    return () => void this.#eventListeners.delete(listener);
  }

  emit(event: BusEvent): void {
    for (const listener of [...this.#eventListeners]) callHandler(listener, event);
  }

  /** Settles like `work`, but rejects with {@link ConnectionLost} as soon as the connection is lost. */
  interruptible<T>(work: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#interruptions.add(reject);
      void work.then(resolve, reject).finally(() => this.#interruptions.delete(reject));
    });
  }

  /**
   * Sends a request to the JetStream API and repeats it until it is answered or the time is over: across reconnects,
   * while a server starts, and while a cluster elects a leader. All requests that Tutti sends may be repeated. Rejects
   * with {@link BusError}.
   */
  async api<T>(subject: string, body?: object, what = subject): Promise<T> {
    const until = this.clock.monotonic() + (this.#info.jetstream ? API_PATIENCE_MS : NO_JETSTREAM_PATIENCE_MS);
    const payload = body ? JSON.stringify(body) : "";
    for (;;) {
      const leftMs = until - this.clock.monotonic();
      const options = { timeoutMs: Math.max(0, leftMs), repeat: true };
      const reply = await this.requests.send(`$JS.API.${subject}`, payload, what, options).catch((error) => {
        if (!isBusError(error, "no-responders")) throw error;
        const message = `${what}: JetStream does not answer at ${this.url}; start the server with JetStream (-js)`;
        throw new BusError("failed", message, { cause: error });
      });
      const answer = reply.json<T & { error?: ApiErrorBody }>();
      if (!answer.error) return answer;
      if (!isPassing(answer.error) || leftMs < 500) throw new JetStreamError(what, answer.error);
      await sleep(this.clock, 250);
    }
  }

  /**
   * As {@link api}, for a stream that may be lost. A stream that this connection ensured is created again first;
   * rejects with `unconfirmed` if that is not possible now. Rejects with `no-stream` for any other stream that does not
   * exist.
   */
  async apiOfStream<T>(stream: string, subject: string, body?: object, what?: string): Promise<T> {
    for (let isAgain = false; ; isAgain = true) {
      try {
        return await this.api<T>(subject, body, what);
      } catch (error) {
        if (!isBusError(error, "no-stream")) throw error;
        this.known.doubt();
        if (!this.known.isEnsured(stream)) throw error;
        if (isAgain) throw new BusError("unconfirmed", `${error.message}; it is being created again`, { cause: error });
        await this.known.settled();
      }
    }
  }

  /** Publishes a message whose loss does no harm: never throws. */
  send(subject: string, payload: Payload = "", options?: PublishOptions): void {
    if (this.nc.isClosed()) return;
    try {
      this.nc.publish(subject, payload, options);
    } catch {
      // The connection is draining, or was closed a moment ago.
    }
  }

  /** Ends a subscription after the messages in transit to it have been handled. */
  async drain(subscription: Subscription): Promise<void> {
    if (this.connected && !subscription.isClosed()) await this.briefly(subscription.drain());
    subscription.unsubscribe();
  }

  /** Resolves when the server has received everything that was sent before, or when there is no connection. */
  async flush(): Promise<void> {
    if (this.connected) await this.briefly(this.nc.flush());
  }

  /**
   * Resolves when the work has settled, the connection is lost, or {@link FLUSH_PATIENCE_MS} is over: a connected
   * server may still not answer.
   */
  async briefly(work: Promise<unknown>): Promise<void> {
    await new Promise<void>((resolve) => {
      const disarm = this.clock.timer(FLUSH_PATIENCE_MS, resolve);
      void this.interruptible(work)
        .catch(() => {})
        .then(disarm)
        .then(resolve);
    });
  }

  #tick(): void {
    if (this.closed) return;
    const now = this.clock.monotonic();
    const lateMs = now - this.#tickedAt - TICK_MS;
    this.#tickedAt = now;
    if (this.connected && now - this.#connectedAt > PROVEN_MS) this.caution = 0;
    if (lateMs > STALLED_MS) this.emit({ type: "stalled", ms: lateMs });
    this.#disarm = this.clock.timer(TICK_MS, () => this.#tick());
    this.#notify((listener) => listener.onTick?.());
  }

  async #watchStatus(): Promise<void> {
    for await (const status of this.nc.status()) {
      if (this.closed) return;
      if (status.type === "disconnect") {
        this.connected = false;
        if (this.clock.monotonic() - this.#connectedAt < SHORT_MS) this.caution++;
        this.#interrupt(new ConnectionLost());
        this.#notify((listener) => listener.onDown?.());
        this.emit({ type: "disconnected" });
      } else if (status.type === "reconnect") {
        this.connected = true;
        this.#connectedAt = this.clock.monotonic();
        this.#info = this.nc.info ?? this.#info;
        this.#notify((listener) => listener.onUp?.());
        this.emit({ type: "reconnected" });
      } else if (status.type === "error") {
        const { error } = status;
        if (error instanceof errors.PermissionViolationError && error.operation === "publish") {
          this.#notify((listener) => listener.onRefused?.(error.subject, error));
        }
      }
    }
  }

  #notify(call: (listener: LinkListener) => void): void {
    for (const listener of [...this.#listeners]) call(listener);
  }

  #interrupt(error: Error): void {
    for (const reject of this.#interruptions) reject(error);
    this.#interruptions.clear();
  }

  readonly #end = (error?: Error): void => {
    if (this.closed) return;
    this.closed = true;
    this.connected = false;
    this.#disarm();
    this.#interrupt(closedError());
    this.#notify((listener) => listener.onDown?.());
    this.#notify((listener) => listener.onClosed?.());
    this.emit(error ? { type: "closed", error } : { type: "closed" });
  };
}
