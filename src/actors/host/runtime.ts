import type { Bus } from "../../bus/port.ts";
import type { Topology } from "../../bus/topology.ts";
import type { Clock } from "../../core/clock.ts";
import type { Logger } from "../../core/logger.ts";
import type { BlobStore } from "./blobs.ts";
import type { QueuesInUse } from "./queues-in-use.ts";
import type { Trouble } from "./trouble.ts";
import type { TypeRegistry } from "./type-registry.ts";

/** The objects that all actors of a process share. */
export interface Runtime {
  readonly bus: Bus;
  readonly topology: Topology;
  readonly clock: Clock;
  readonly blobs: BlobStore;
  readonly types: TypeRegistry;
  readonly queues: QueuesInUse;
  readonly log: Logger;
  /** Counts and logs work that has to wait. */
  readonly trouble: Trouble;
  /** The name of this process among workers and orchestrators. */
  readonly id: string;
  /** The number of shards of the log. */
  readonly shards: number;
}

/** The part of the runtime that reading the log requires, and so being a client. */
export type ReaderRuntime = Pick<Runtime, "bus" | "topology" | "clock" | "blobs" | "log" | "trouble">;
