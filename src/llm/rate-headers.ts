import { parseDuration } from "../core/duration.ts";
import type { RateLimits } from "./rate-window.ts";

/** What an endpoint says of its limits with an answer. */
export interface RateReport {
  readonly limits: RateLimits;
  /** Nothing is left: milliseconds until something is. */
  readonly waitMs?: number;
}

/**
 * Reads `x-ratelimit-limit-…`, `-remaining-…` and `-reset-…` of requests and tokens
 * (https://platform.openai.com/docs/guides/rate-limits), which many compatible services send too. Limits are taken for
 * those of a minute.
 */
export function readRateHeaders(headers: Headers): RateReport {
  const count = (name: string) => {
    const value = Number.parseInt(headers.get(`x-ratelimit-${name}`) ?? "", 10);
    return value >= 0 ? value : undefined;
  };
  const waits = (["requests", "tokens"] as const).flatMap((what) => {
    if (count(`remaining-${what}`) !== 0) return [];
    const reset = readReset(headers.get(`x-ratelimit-reset-${what}`));
    return reset === undefined ? [] : [reset];
  });
  const requests = count("limit-requests");
  const tokens = count("limit-tokens");
  return {
    limits: { ...(requests && { requests }), ...(tokens && { tokens }) },
    ...(waits.length > 0 && { waitMs: Math.max(...waits) }),
  };
}

/** `1s`, `6m0s`, `20ms`, or seconds without a unit. */
function readReset(text: string | null): number | undefined {
  if (!text) return undefined;
  return /^\d+(\.\d+)?$/.test(text) ? Number(text) * 1000 : parseDuration(text);
}

/** `Retry-After` in seconds or as a date (RFC 9110), or OpenAI's `retry-after-ms`; undefined when there is none. */
export function retryAfterMs(headers: Headers | undefined, now = Date.now()): number | undefined {
  const exact = Number.parseFloat(headers?.get("retry-after-ms") ?? "");
  if (exact >= 0) return Math.ceil(exact);
  const text = headers?.get("retry-after")?.trim();
  if (!text) return undefined;
  if (/^\d+(\.\d+)?$/.test(text)) return Math.ceil(Number(text) * 1000);
  const moment = Date.parse(text);
  return Number.isNaN(moment) ? undefined : Math.max(0, moment - now);
}
