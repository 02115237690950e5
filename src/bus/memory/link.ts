import { BusError, type BusErrorCode, type Headers, type Stoppable } from "../port.ts";
import { checkSize } from "../sizes.ts";
import type { Receiver } from "./faults.ts";
import { Inbox, Lane, type Network } from "./network.ts";

interface Reply {
  settle(): void;
  fail(error: BusError): void;
  readonly whenLost: BusErrorCode;
}

/** Something that runs until it is stopped, or its connection ends. */
export interface Started {
  /** `crashed`: the connection is gone, and what it held is not given back. */
  end(crashed: boolean): void;
}

/** One connection's end of the network: alive or not, and the way back for every answer of the broker. */
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

  /** Has the broker do `operation` now, and brings its result, or its error, a turn later. */
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

  /** Keeps track of what was started through this link, so that its end ends it. */
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

  /** The orderly end: answers that are due still arrive. With `crashed`, nothing does. */
  close(crashed: boolean): void {
    if (!this.#open) return;
    this.#open = false;
    for (const started of this.#started) started.end(crashed);
    this.#started.clear();
    const due = this.#replies.close();
    // Not sooner than they would have come: others may not have heard yet of what they tell.
    if (!crashed) return this.network.enqueue(() => due.forEach((reply) => void reply.settle()));
    for (const reply of due)
      reply.fail(new BusError(reply.whenLost, "The connection was lost before the answer came."));
  }
}
