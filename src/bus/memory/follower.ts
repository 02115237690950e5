import { Fifo } from "../fifo.ts";
import type { FollowOptions, StoredMessage } from "../port.ts";
import type { Link, Started } from "./link.ts";
import type { Lane } from "./network.ts";
import type { MemoryStream, Reader } from "./stream.ts";

/**
 * The messages of a backlog that are delivered in one turn. A long backlog would otherwise block all other receivers.
 */
const PORTION = 4096;

/** Delivers the messages that match, in order, from a sequence on: first the stored ones, then new ones. */
export class MemoryFollower implements Reader, Started {
  readonly #stream: MemoryStream;
  readonly #filter: string;
  readonly #handler: (message: StoredMessage) => void;
  readonly #fromSequence: number;
  readonly #lane: Lane;
  readonly #ahead = new Fifo<number>();
  #onCaughtUp: (() => void) | undefined;
  /** The sequence of the last message of the backlog. */
  #backlogEnd: number;

  constructor(
    link: Link,
    stream: MemoryStream,
    filter: string,
    handler: (message: StoredMessage) => void,
    options: FollowOptions,
  ) {
    this.#stream = stream;
    this.#filter = filter;
    this.#handler = handler;
    this.#fromSequence = options.fromSequence ?? 1;
    this.#onCaughtUp = options.onCaughtUp;
    this.#lane = link.lane("follower", filter, () => this.#flush());
    this.#backlogEnd = stream.last;
    for (const sequence of stream.select(filter, this.#fromSequence)) this.#ahead.push(sequence);
    stream.addReader(filter, this);
    this.#lane.wake();
  }

  offer(sequence: number): void {
    if (sequence < this.#fromSequence) return;
    this.#ahead.push(sequence);
    this.#lane.wake();
  }

  end(): void {
    this.#stream.removeReader(this.#filter, this);
    this.#lane.close();
  }

  #flush(): void {
    for (let left = Math.min(this.#ahead.length, PORTION); left > 0 && !this.#lane.closed; left--) {
      if ((this.#ahead.peek() as number) > this.#backlogEnd) this.#reportCaughtUp();
      const message = this.#stream.get(this.#ahead.shift() as number);
      if (message && !this.#lane.closed) this.#handler(message);
    }
    if (this.#ahead.length > 0) this.#lane.wake();
    else if (!this.#lane.closed) this.#reportCaughtUp();
  }

  #reportCaughtUp(): void {
    const report = this.#onCaughtUp;
    this.#onCaughtUp = undefined;
    report?.();
  }
}
