/** What the client and the worker agree on. */
import type { ConnectionOptions, DefaultJobOptions } from "bullmq";

export const QUEUE = "bench";

/** "Going to production" asks for `maxRetriesPerRequest: null` on workers. */
export const redisAt = (port: string): ConnectionOptions => ({
  host: "127.0.0.1",
  port: Number(port),
  maxRetriesPerRequest: null,
});

/** "Auto-removal of jobs": what is done is not kept; a parent has its children's values all the same. */
export const DONE: DefaultJobOptions = { removeOnComplete: true };
