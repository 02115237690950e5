import { z } from "zod";

/**
 * What processes report to each other of one circuit breaker, or of a limit that an endpoint has stated: its entry in the
 * bucket `breakers`.
 */
export const breakerEntry = z.object({
  v: z.literal(1),
  /** What stands behind the breaker: `openai/gpt-5.6-terra`, `crm`. */
  name: z.string(),
  /** `limited`: the endpoint works, and takes no more until then. */
  state: z.enum(["closed", "open", "limited"]),
  /** Milliseconds since the epoch. */
  since: z.number(),
  /** When it opened: why. */
  reason: z.string().optional(),
  /** The process that reports it. */
  by: z.string(),
  /** Open: when the next trial may be made; limited: when calls may be made again. Milliseconds since the epoch. */
  until: z.number().optional(),
  /** The process that makes a trial; others wait until it reports, or `until`. */
  trial: z.object({ by: z.string(), until: z.number() }).optional(),
});
export type BreakerEntry = z.output<typeof breakerEntry>;
