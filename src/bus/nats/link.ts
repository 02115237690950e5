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

/** What the parts of the adapter do when the connection changes. */
export interface LinkListener {
  readonly onDown?: () => void;
  readonly onUp?: () => void;
  /** For good. */
  readonly onClosed?: () => void;
  /** The server refuses to take messages of this subject from us: no acknowledgement will come. */
  readonly onRefused?: (subject: string, error: Error) => void;
  /** About every second, while the link lives. */
  readonly onTick?: () => void;
}

const TICK_MS = 1000;
/** A tick that is so late tells of a process that stood still: blocked by a computation, or stopped. */
const STALLED_MS = 1500;
/** A connection that is lost so soon was perhaps cut by the server, because we could not read what we had asked for. */
const SHORT_MS = 5000;
/** One that has lasted so long is no reason for caution any more. */
const PROVEN_MS = 30_000;
/** All attempts of a request to JetStream together: longer than a cluster takes to elect a leader on a busy machine. */
const API_PATIENCE_MS = 20_000;
/** A server that has no JetStream may know one that has, but it should not take long to find out. */
const NO_JETSTREAM_PATIENCE_MS = 2000;
const FLUSH_PATIENCE_MS = 2000;

/** One connection, its state, and requests to JetStream that wait for the connection instead of failing. */
export class Link {
  readonly nc: NatsConnection;
  readonly clock: Clock;
  readonly url: string;
  connected = true;
  closed = false;
  /** How many connections in a row were lost soon after they were made. Whoever reads much asks for it more slowly then. */
  caution = 0;
  readonly requests: Requests;
  readonly known: KnownStreams;
  #info: NonNullable<NatsConnection["info"]>;
  readonly #listeners = new Set<LinkListener>();
  readonly #eventListeners = new Set<(event: BusEvent) => void>();
  /** Rejects whatever must not outlive the connection. */
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

  /** Headers included. The last server's word, also while there is none. */
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

  /** Rejects at once with {@link ConnectionLost} when the connection goes before the answer has come. */
  interruptible<T>(work: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#interruptions.add(reject);
      void work.then(resolve, reject).finally(() => this.#interruptions.delete(reject));
    });
  }

  /**
   * A request to the JetStream API, repeated until it is answered or patience ends: over reconnects, while a server starts,
   * and while a cluster elects a leader. Every one that Tutti sends may be repeated. Rejects with {@link BusError}.
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
   * The same, of a stream that may be gone: one of ours is made again first. Rejects with `unconfirmed` where that cannot be
   * done now, and with `no-stream` for one that is not ours to make.
   */
  async apiOfStream<T>(stream: string, subject: string, body?: object, what?: string): Promise<T> {
    for (let isAgain = false; ; isAgain = true) {
      try {
        return await this.api<T>(subject, body, what);
      } catch (error) {
        if (!isBusError(error, "no-stream")) throw error;
        this.known.doubt();
        if (!this.known.isOurs(stream)) throw error;
        if (isAgain) throw new BusError("unconfirmed", `${error.message}; it is being made again`, { cause: error });
        await this.known.settled();
      }
    }
  }

  /** Publishes what nobody needs to know the fate of: never throws. */
  tell(subject: string, payload: Payload = "", options?: PublishOptions): void {
    if (this.nc.isClosed()) return;
    try {
      this.nc.publish(subject, payload, options);
    } catch {
      // Draining, or closed this moment.
    }
  }

  /** Ends a subscription after what is on its way to it has been handled. */
  async drain(subscription: Subscription): Promise<void> {
    if (this.connected && !subscription.isClosed()) await this.briefly(subscription.drain());
    subscription.unsubscribe();
  }

  /** Resolves when the server has seen all that was sent before, or when there is no connection to tell by. */
  async flush(): Promise<void> {
    if (this.connected) await this.briefly(this.nc.flush());
  }

  /** Resolves when the work has settled, the connection is lost, or patience ends: a peer may be there and say nothing. */
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
    this.#tell((listener) => listener.onTick?.());
  }

  async #watchStatus(): Promise<void> {
    for await (const status of this.nc.status()) {
      if (this.closed) return;
      if (status.type === "disconnect") {
        this.connected = false;
        if (this.clock.monotonic() - this.#connectedAt < SHORT_MS) this.caution++;
        this.#interrupt(new ConnectionLost());
        this.#tell((listener) => listener.onDown?.());
        this.emit({ type: "disconnected" });
      } else if (status.type === "reconnect") {
        this.connected = true;
        this.#connectedAt = this.clock.monotonic();
        this.#info = this.nc.info ?? this.#info;
        this.#tell((listener) => listener.onUp?.());
        this.emit({ type: "reconnected" });
      } else if (status.type === "error") {
        const { error } = status;
        if (error instanceof errors.PermissionViolationError && error.operation === "publish") {
          this.#tell((listener) => listener.onRefused?.(error.subject, error));
        }
      }
    }
  }

  #tell(call: (listener: LinkListener) => void): void {
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
    this.#tell((listener) => listener.onDown?.());
    this.#tell((listener) => listener.onClosed?.());
    this.emit(error ? { type: "closed", error } : { type: "closed" });
  };
}
