/** The definitions of stored things that a process ensures on the bus: streams, consumers, buckets and object stores. */

export interface StreamDefinition {
  readonly name: string;
  readonly subjects: readonly string[];
  /** `work-queue`: a message leaves when it is acknowledged. `limits`: it stays until a limit removes it. */
  readonly retention: "work-queue" | "limits";
  /** Keeps at most one message per subject and refuses a second one with `subject-taken`. */
  readonly onePerSubject?: boolean;
  readonly maxAgeMs?: number;
  readonly maxMessages?: number;
  readonly maxBytes?: number;
  /** Limits that are only defaults: an existing stream that has such a limit keeps its own. */
  readonly keep?: readonly ("maxMessages" | "maxBytes")[];
  /** How a full stream treats a new message: it refuses it with `full`, or drops the oldest. Default `refuse`. */
  readonly whenFull?: "refuse" | "drop-oldest";
  /** Default 1. */
  readonly replicas?: number;
}

export interface ConsumerDefinition {
  readonly stream: string;
  readonly name: string;
  readonly filter: string;
  /** The time after which an unsettled message is delivered again. */
  readonly ackWaitMs: number;
  /** The largest number of delivered and unsettled messages, over all pullers; the rest waits. */
  readonly maxAckPending: number;
}

export interface BucketDefinition {
  readonly name: string;
  /** Entries expire this long after their last put. Default: never. */
  readonly ttlMs?: number;
  readonly replicas?: number;
}

export interface ObjectStoreDefinition {
  readonly name: string;
  readonly maxAgeMs?: number;
  /**
   * The store's size limit; a `put` that exceeds it is refused with `full`. Default: an existing store keeps its limit,
   * a new one has none.
   */
  readonly maxBytes?: number;
  readonly replicas?: number;
}
