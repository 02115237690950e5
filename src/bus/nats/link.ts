import {
  errors,
  type Msg,
  type NatsConnection,
  type Payload,
  type PublishOptions,
  type Subscription,
} from "@nats-io/transport-node";
import { type Clock, sleep } from "../../core/clock.ts";
import { BusError, type BusEvent } from "../port.ts";
import {
  type ApiErrorBody,
  ConnectionLost,
  closedError,
  isNoResponders,
  isPassing,
  isWorthRetrying,
  JetStreamError,
  toBusError,
} from "./errors.ts";
import { callHandler } from "./message.ts";

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
/** An attempt of a request to JetStream may take this long, and all attempts together may take the second. */
const API_ATTEMPT_MS = 5000;
const API_PATIENCE_MS = 10_000;
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
  /** The subjects of the streams that were ensured through this link, by name. */
  readonly streams = new Map<string, readonly string[]>();
  #info: NonNullable<NatsConnection["info"]>;
  readonly #listeners = new Set<LinkListener>();
  readonly #eventListeners = new Set<(event: BusEvent) => void>();
  /** Rejects whatever must not outlive the connection. */
  readonly #interruptions = new Set<(error: Error) => void>();
  #wakers: ((error?: Error) => void)[] = [];
  #disarm: () => void;
  #tickedAt: number;
  #connectedAt: number;

  constructor(nc: NatsConnection, clock: Clock) {
    this.nc = nc;
    this.clock = clock;
    this.url = `nats://${nc.getServer()}`;
    this.#info = nc.info!;
    this.#tickedAt = this.#connectedAt = clock.monotonic();
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

  /** Resolves when there is a connection; rejects `closed`, or `unreachable` when there is none within that time. */
  ready(withinMs: number): Promise<void> {
    if (this.closed) return Promise.reject(closedError());
    if (this.connected) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const disarm = this.clock.timer(Math.max(0, withinMs), () => {
        this.#wakers = this.#wakers.filter((other) => other !== wake);
        reject(new BusError("unreachable", `${this.url} is not reachable at the moment; reconnecting`));
      });
      const wake = (error?: Error) => {
        disarm();
        error ? reject(error) : resolve();
      };
      this.#wakers.push(wake);
    });
  }

  /** Rejects at once with {@link ConnectionLost} when the connection goes before the answer has come. */
  interruptible<T>(work: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#interruptions.add(reject);
      void work.then(resolve, reject).finally(() => this.#interruptions.delete(reject));
    });
  }

  /**
   * Sends a request that may be repeated, until it is answered or patience ends: over reconnects, and while nobody
   * answers because the server is starting. Rejects with what the last attempt met.
   */
  async #requestPatiently(subject: string, payload: Payload, patienceMs: number): Promise<Msg> {
    const until = this.clock.monotonic() + patienceMs;
    for (let pauseMs = 50; ; pauseMs = Math.min(2 * pauseMs, 1000)) {
      try {
        await this.ready(until - this.clock.monotonic());
        return await this.interruptible(this.nc.request(subject, payload, { timeout: API_ATTEMPT_MS }));
      } catch (error) {
        if (this.closed) throw closedError();
        if (!isWorthRetrying(error) || this.clock.monotonic() + pauseMs > until) throw error;
        await sleep(this.clock, pauseMs);
      }
    }
  }

  /** A request to the JetStream API. Every one that Tutti sends may be repeated. Rejects with {@link BusError}. */
  async api<T>(subject: string, body?: object, what = subject): Promise<T> {
    const patienceMs = this.#info.jetstream ? API_PATIENCE_MS : NO_JETSTREAM_PATIENCE_MS;
    const until = this.clock.monotonic() + patienceMs;
    const payload = body ? JSON.stringify(body) : "";
    for (;;) {
      const leftMs = until - this.clock.monotonic();
      const reply = await this.#requestPatiently(`$JS.API.${subject}`, payload, leftMs).catch((error) => {
        if (!isNoResponders(error)) throw toBusError(error, what);
        const message = `${what}: JetStream does not answer at ${this.url}; start the server with JetStream (-js)`;
        throw new BusError("failed", message, { cause: error });
      });
      const answer = reply.json<T & { error?: ApiErrorBody }>();
      if (!answer.error) return answer;
      if (!isPassing(answer.error) || leftMs < 500) throw new JetStreamError(what, answer.error);
      await sleep(this.clock, 250);
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
        this.#wake();
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

  #wake(error?: Error): void {
    const wakers = this.#wakers;
    this.#wakers = [];
    for (const wake of wakers) wake(error);
  }

  readonly #end = (error?: Error): void => {
    if (this.closed) return;
    this.closed = true;
    this.connected = false;
    this.#disarm();
    this.#interrupt(closedError());
    this.#wake(closedError());
    this.#tell((listener) => listener.onDown?.());
    this.#tell((listener) => listener.onClosed?.());
    this.emit(error ? { type: "closed", error } : { type: "closed" });
  };
}
