import type { Worker } from "../../define/worker.ts";

export interface WorkerProcessOptions {
  readonly workers: readonly Worker[];
  /** Attempts executed at once, over all types. Default: each type's own limit; the types without one share 16. */
  readonly concurrency?: number;
  /**
   * A task delivered more often than this is poison: it seems to kill whoever takes it. What a worker hands back when it
   * stops counts too, so the limit leaves room for restarts. Default 10.
   */
  readonly maxDeliveries?: number;
}

export const DEFAULT_MAX_DELIVERIES = 10;
