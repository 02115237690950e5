import { createInbox, type Msg, type MsgHdrs, type Payload, type Subscription } from "@nats-io/transport-node";
import { BusError } from "../port.ts";
import { closedError, toBusError } from "./errors.ts";
import { readHeaders } from "./headers.ts";
import type { Link } from "./link.ts";

/** The time without an answer after which a repeatable request is sent again; it doubles up to the last. */
const FIRST_REPEAT_MS = 1000;
const LAST_REPEAT_MS = 5000;
/**
 * The shorter pause before a request is sent again that had no responder: a server is starting, or a cluster elects a
 * leader.
 */
const FIRST_PAUSE_MS = 50;
const LAST_PAUSE_MS = 1000;

export interface RequestOptions {
  /** The time for all attempts together. */
  readonly timeoutMs: number;
  readonly headers?: MsgHdrs | undefined;
  /** The request may be carried out twice: it is sent again until it is answered, also over reconnects. */
  readonly repeat?: boolean;
}

interface Waiting {
  readonly subject: string;
  readonly what: string;
  readonly options: RequestOptions;
  send(): void;
  settle(outcome: Msg | BusError): void;
  /** The state of the last attempt, which decides the error of a timeout. */
  met: "silence" | "no-responders" | "disconnected";
  pauseMs: number;
  cancelRepeat: () => void;
}

/**
 * Requests with one shared inbox. All attempts of a request have the same reply subject, so that a late answer to the
 * first attempt counts. The requests of nats.js are not used, because they decode the headers of an answer without a
 * size limit.
 */
export class Requests {
  readonly #link: Link;
  readonly #inbox = `${createInbox()}.`;
  #subscription: Subscription | undefined;
  readonly #waiting = new Map<string, Waiting>();
  #nextToken = 0;

  constructor(link: Link) {
    this.#link = link;
    link.listen({
      onUp: () => {
        for (const waiting of this.#waiting.values())
          if (waiting.options.repeat || waiting.met === "disconnected") waiting.send();
      },
      onClosed: () => this.#rejectAll(closedError),
      onRefused: (subject, error) => {
        for (const waiting of this.#waiting.values())
          if (waiting.subject === subject) waiting.settle(toBusError(error, waiting.what));
      },
    });
  }

  /**
   * Resolves with the first answer. Rejects with `no-responders`, `timeout`, `unreachable` (there was no connection) or
   * `closed`. While there is no connection, the request waits for one. `what` names the operation in errors.
   */
  send(subject: string, payload: Payload, what: string, options: RequestOptions): Promise<Msg> {
    if (this.#link.closed) return Promise.reject(closedError());
    this.#subscription ??= this.#subscribe();
    const { clock } = this.#link;
    return new Promise((resolve, reject) => {
      const token = (this.#nextToken++).toString(36);
      const reply = this.#inbox + token;
      const { timeoutMs, headers, repeat = false } = options;
      let repeatMs = FIRST_REPEAT_MS;
      const waiting: Waiting = {
        subject,
        what,
        options,
        met: "disconnected",
        pauseMs: FIRST_PAUSE_MS,
        cancelRepeat: () => {},
        settle: (outcome) => {
          disarm();
          waiting.cancelRepeat();
          this.#waiting.delete(token);
          if (outcome instanceof BusError) reject(outcome);
          else resolve(outcome);
        },
        send: () => {
          waiting.cancelRepeat();
          if (!this.#link.connected) return;
          waiting.met = "silence";
          try {
            this.#link.nc.publish(subject, payload, { reply, ...(headers && { headers }) });
          } catch (error) {
            return waiting.settle(toBusError(error, what));
          }
          if (!repeat) return;
          waiting.cancelRepeat = clock.timer(repeatMs, waiting.send);
          repeatMs = Math.min(2 * repeatMs, LAST_REPEAT_MS);
        },
      };
      this.#waiting.set(token, waiting);
      const disarm = clock.timer(timeoutMs, () => waiting.settle(this.#timeout(waiting)));
      waiting.send();
    });
  }

  #subscribe(): Subscription {
    return this.#link.nc.subscribe(`${this.#inbox}*`, {
      callback: (error, message) => {
        if (error) this.#rejectAll((waiting) => toBusError(error, waiting.what));
        else this.#take(message);
      },
    });
  }

  #take(message: Msg): void {
    const waiting = this.#waiting.get(message.subject.slice(this.#inbox.length));
    if (!waiting) return;
    if (message.data.length > 0 || readHeaders(message).status !== 503) return waiting.settle(message);
    waiting.met = "no-responders";
    // If the publish was not permitted, the error that says so arrives a moment later.
    if (!waiting.options.repeat) return this.#link.clock.endOfTurn(() => waiting.settle(noResponders(waiting.what)));
    waiting.cancelRepeat();
    waiting.cancelRepeat = this.#link.clock.timer(waiting.pauseMs, waiting.send);
    waiting.pauseMs = Math.min(2 * waiting.pauseMs, LAST_PAUSE_MS);
  }

  #timeout({ met, what, options }: Waiting): BusError {
    if (met === "no-responders") return noResponders(what);
    if (met === "disconnected" || !this.#link.connected)
      return new BusError("unreachable", `${what}: ${this.#link.url} is not reachable at the moment; reconnecting`);
    return new BusError("timeout", `${what}: no answer within ${options.timeoutMs} ms`);
  }

  #rejectAll(error: (waiting: Waiting) => BusError): void {
    for (const waiting of [...this.#waiting.values()]) waiting.settle(error(waiting));
  }
}

const noResponders = (what: string): BusError => new BusError("no-responders", `${what}: no subscriber answers there`);
