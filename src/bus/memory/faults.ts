/** The receiver of what is on its way: one ordered lane of the in-process network. */
export interface Receiver {
  /** Counts the connections of a broker from 1. */
  readonly connection: number;
  readonly kind: "subscription" | "follower" | "puller" | "watcher" | "replies";
  /** The filter, consumer or bucket; empty for replies. */
  readonly name: string;
}

/**
 * What may go wrong, decided case by case by a simulator from its seeded source. Every hook may be left out; with none,
 * the network is perfect.
 */
export interface Faults {
  /**
   * What becomes of a message to be stored: `lose-acknowledgement` stores it, `lose-message` does not; the caller gets
   * `unconfirmed` after the broker's `acknowledgementTimeoutMs` either way. `full`: it is refused as by a full stream.
   * Undefined: all is well.
   */
  append?(subject: string): "lose-acknowledgement" | "lose-message" | "full" | undefined;
  /** True loses a message that is not stored (a publish, request or answer) on its way to one receiver. */
  drop?(subject: string): boolean;
  /** True gives out a pulled message once more, as if the ack wait had lapsed at once. */
  duplicate?(subject: string): boolean;
  /** Milliseconds by which all that waits for a receiver is late. Order in its lane is kept, between lanes it is lost. */
  delayMs?(receiver: Receiver): number;
}
