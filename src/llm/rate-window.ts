/** What was used in each second of the last minute: the second since the epoch, requests, tokens. */
export type RateWindow = readonly (readonly [second: number, requests: number, tokens: number])[];

/** A minute, over all processes. */
export interface RateLimits {
  readonly requests?: number | undefined;
  readonly tokens?: number | undefined;
}

const PART_MS = 1000;
/** A minute, and the second that has begun: in no 60 s, wherever they begin, is more used than the limit. */
const PARTS = 61;

const partOf = (now: number): number => Math.floor(now / PART_MS);

/** The window without what has left it. */
const current = (window: RateWindow, now: number): RateWindow => {
  const oldest = partOf(now) - PARTS + 1;
  return window.filter(([part]) => part >= oldest);
};

/** The window with what is used now. Fewer tokens than none correct an estimate. */
export function use(window: RateWindow, now: number, requests: number, tokens: number): RateWindow {
  const part = partOf(now);
  const kept = current(window, now);
  const [, usedRequests, usedTokens] = kept.find(([one]) => one === part) ?? [part, 0, 0];
  return [...kept.filter(([one]) => one !== part), [part, usedRequests + requests, usedTokens + tokens]];
}

/** Milliseconds until one request of so many tokens is within the limits; 0: it is now. */
export function waitFor(window: RateWindow, now: number, tokens: number, limits: RateLimits): number {
  const kept = current(window, now).toSorted(([a], [b]) => a - b);
  return Math.max(
    waitForOne(
      kept.map(([part, requests]) => [part, requests]),
      now,
      1,
      limits.requests,
    ),
    waitForOne(
      kept.map(([part, , used]) => [part, used]),
      now,
      tokens,
      limits.tokens,
    ),
  );
}

function waitForOne(
  used: readonly (readonly [part: number, amount: number])[],
  now: number,
  wanted: number,
  limit: number | undefined,
): number {
  if (limit === undefined) return 0;
  let sum = used.reduce((total, [, amount]) => total + amount, 0);
  // What exceeds the limit by itself goes when nothing else does.
  const room = limit - Math.min(wanted, limit);
  let waitMs = 0;
  for (const [part, amount] of used) {
    if (sum <= room) break;
    sum -= amount;
    waitMs = (part + PARTS) * PART_MS - now;
  }
  return waitMs;
}
