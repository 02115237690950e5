import { BusError, type BusErrorCode, type Headers, type Stoppable } from "../port.ts";
import { checkSize } from "../sizes.ts";
import type { Receiver } from "./faults.ts";
import { Inbox, Lane, type Network } from "./network.ts";

interface Reply {
  settle(): void;
  fail(error: BusError): void;
  readonly whenLost: BusErrorCode;
}

/** Something that runs until it is stopped or its connection ends. */
export interface Started {
  /** With `crashed`, the connection is gone, and deliveries that it held are not given back. */
  end(crashed: boolean): void;
}

/** A connection's end of the network: it knows whether it is open, and receives every answer of the broker. */
export class Link {
  readonly network: Network;
  readonly number: number;
  readonly #maxPayload: () => number;
  #open = true;
  #replies: Inbox<Reply>;
  #started = new Set<Started>();

  constructor(network: Network, number: number, maxPayload: () => number) {
    this.network = network;
    this.number = number;
    this.#maxPayload = maxPayload;
    this.#replies = new Inbox(network, this.receiver("replies", ""), (reply) => reply.settle());
  }

  get maxPayload(): number {
    return this.#maxPayload();
  }

  get open(): boolean {
    return this.#open;
  }

  receiver(kind: Receiver["kind"], name: string): Receiver {
    return { connection: this.number, kind, name };
  }

  inbox<T>(kind: Receiver["kind"], name: string, deliver: (item: T) => void): Inbox<T> {
    return new Inbox(this.network, this.receiver(kind, name), deliver);
  }

  lane(kind: Receiver["kind"], name: string, flush: () => void): Lane {
    return new Lane(this.network, this.receiver(kind, name), flush);
  }

  /** Runs `operation` in the broker now, and settles with its result or error a turn later. */
  ask<T>(operation: () => T, whenLost: BusErrorCode = "closed"): Promise<T> {
    return new Promise((resolve, reject) => {
      this.assertOpen();
      let settle: () => void;
      try {
        const result = operation();
        settle = () => resolve(result);
      } catch (error) {
        settle = () => reject(error);
      }
      this.#replies.push({ settle, fail: reject, whenLost });
    });
  }

  /** Registers something that was started through this link, so that it ends with the link. */
  start(started: Started): Stoppable {
    this.#started.add(started);
    return {
      stop: async () => {
        if (this.#started.delete(started)) started.end(false);
      },
    };
  }

  /** Throws `closed`. */
  assertOpen(): void {
    if (!this.#open) throw new BusError("closed", "The bus is closed.");
  }

  /** Throws `too-large`. */
  assertFits(subject: string, data: Uint8Array, headers?: Headers): void {
    if (data.length > this.maxPayload || headers) checkSize(`message to ${subject}`, data, headers, this.maxPayload);
  }

  /** Closes the link. Pending answers still arrive; with `crashed` they do not. */
  close(crashed: boolean): void {
    if (!this.#open) return;
    this.#open = false;
    for (const started of this.#started) started.end(crashed);
    this.#started.clear();
    const due = this.#replies.close();
    // Not earlier than without the close: other receivers may not have got the messages that these answers confirm.
    if (!crashed) return this.network.enqueue(() => due.forEach((reply) => void reply.settle()));
    for (const reply of due)
      reply.fail(new BusError(reply.whenLost, "The connection was lost before the answer came."));
  }
}
