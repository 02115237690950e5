/** The settings that client and worker share. */
import type { ConnectionOptions, DefaultJobOptions } from "bullmq";

export const QUEUE = "bench";

/** BullMQ's guide "Going to production" requires `maxRetriesPerRequest: null` on workers. */
export const redisAt = (port: string): ConnectionOptions => ({
  host: "127.0.0.1",
  port: Number(port),
  maxRetriesPerRequest: null,
});

/** BullMQ's "Auto-removal of jobs": completed jobs are removed; a parent still gets its children's values. */
export const DONE: DefaultJobOptions = { removeOnComplete: true };
