import type { Bus } from "../../bus/port.ts";
import type { Topology } from "../../bus/topology.ts";
import type { Clock } from "../../core/clock.ts";
import type { Logger } from "../../core/logger.ts";
import type { BlobStore } from "./blobs.ts";
import type { QueuesInUse } from "./queues-in-use.ts";
import type { Trouble } from "./trouble.ts";
import type { TypeRegistry } from "./type-registry.ts";

/** What every actor of one process shares. */
export interface Runtime {
  readonly bus: Bus;
  readonly topology: Topology;
  readonly clock: Clock;
  readonly blobs: BlobStore;
  readonly types: TypeRegistry;
  readonly queues: QueuesInUse;
  readonly log: Logger;
  /** Where work is counted that has to wait. */
  readonly trouble: Trouble;
  /** Name of this process among workers and orchestrators. */
  readonly id: string;
  /** How many shards the log has. */
  readonly shards: number;
}

/** What it takes to read the log, and so to be a client. */
export type ReaderRuntime = Pick<Runtime, "bus" | "topology" | "clock" | "blobs" | "log" | "trouble">;
