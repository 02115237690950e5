import { z } from "zod";
import { duration } from "./duration.ts";
import { fnv1a } from "./hash.ts";
import { priority } from "./names.ts";
import type { OptionNames } from "./option-names.ts";

/** When a failed attempt is followed by another one. */
export const retry = z.strictObject({
  /** Attempts in all, the first included. */
  attempts: z.int().min(1).max(1000).optional(),
  /** How the delay grows from one attempt to the next. */
  backoff: z.enum(["constant", "linear", "exponential"]).optional(),
  /** Before the second attempt. */
  delay: duration.optional(),
  /** No delay is longer. Default 30 s, or the delay where an author states a longer one. */
  maxDelay: duration.optional(),
});
export type RetryInput = z.input<typeof retry>;
export type Retry = z.output<typeof retry>;

/** How one task is to be executed: what an author may state, durations in milliseconds once parsed. */
export const policy = z.strictObject({
  retry: retry.optional(),
  /** The time that one attempt may take, from the start of its execution; the worker enforces it. */
  timeout: duration.optional(),
  priority: priority.optional(),
});
export type PolicyInput = z.input<typeof policy>;

/** The names of a policy's options, as `checkOptions` takes them. */
export const POLICY_OPTIONS: OptionNames<PolicyInput> = {
  retry: { attempts: true, backoff: true, delay: true, maxDelay: true },
  timeout: true,
  priority: true,
};
export type Policy = z.output<typeof policy>;

export type ResolvedRetry = { readonly [K in keyof Retry]-?: NonNullable<Retry[K]> };

export const DEFAULT_RETRY: ResolvedRetry = { attempts: 3, backoff: "exponential", delay: 500, maxDelay: 30_000 };

/** The first policy that states a field wins; a field that none states has its default. */
export function resolveRetry(...stated: readonly (Retry | undefined)[]): ResolvedRetry {
  const pick = <K extends keyof Retry>(key: K): ResolvedRetry[K] =>
    (stated.find((one) => one?.[key] !== undefined)?.[key] ?? DEFAULT_RETRY[key]) as ResolvedRetry[K];
  return { attempts: pick("attempts"), backoff: pick("backoff"), delay: pick("delay"), maxDelay: pick("maxDelay") };
}

/** The policy with a `maxDelay` that does not cut a first delay above the default: its author has stated that one. */
export function meantDelay(policy: Policy): Policy {
  const { retry } = policy;
  if (retry?.delay === undefined || retry.maxDelay !== undefined || retry.delay <= DEFAULT_RETRY.maxDelay)
    return policy;
  return { ...policy, retry: { ...retry, maxDelay: retry.delay } };
}

/**
 * Milliseconds to wait after `attempt` (1, 2, …) has failed. Spread over 80 % to 120 % (never above `maxDelay`) by a hash
 * of run, task and attempt, so that the same log always gives the same moment.
 */
export function backoffMs(stated: ResolvedRetry, run: string, task: string, attempt: number): number {
  const growth = { constant: 1, linear: attempt, exponential: 2 ** Math.min(attempt - 1, 40) }[stated.backoff];
  const delay = Math.min(stated.delay * growth, stated.maxDelay);
  const least = 0.8 * delay;
  const most = Math.min(1.2 * delay, stated.maxDelay);
  return Math.round(least + ((most - least) * fnv1a(`${run}/${task}/${attempt}`)) / 2 ** 32);
}
