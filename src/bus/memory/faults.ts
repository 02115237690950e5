/** The receiver of messages in transit: one ordered lane of the in-process network. */
export interface Receiver {
  /** The number of the connection; a broker counts them from 1. */
  readonly connection: number;
  readonly kind: "subscription" | "follower" | "puller" | "watcher" | "replies";
  /** The filter, consumer or bucket; empty for replies. */
  readonly name: string;
}

/**
 * The faults of the in-process network. A simulator decides each case from its seeded source. Every hook is optional;
 * without hooks the network is perfect.
 */
export interface Faults {
  /**
   * The fault of one append. `lose-acknowledgement` stores the message, `lose-message` does not; in both cases the
   * caller gets `unconfirmed` after the broker's `acknowledgementTimeoutMs`. `full` refuses it as a full stream does.
   * Undefined: no fault.
   */
  append?(subject: string): "lose-acknowledgement" | "lose-message" | "full" | undefined;
  /** Returns true to lose a message that is not stored (a publish, request or answer) on the way to one receiver. */
  drop?(subject: string): boolean;
  /** Returns true to deliver a pulled message once more, as if the ack wait had lapsed at once. */
  duplicate?(subject: string): boolean;
  /** The delay in ms of everything that waits for a receiver. Order is kept within a lane, and not between lanes. */
  delayMs?(receiver: Receiver): number;
}
