import CircuitBreaker from "opossum";
import { formatDuration } from "../core/duration.ts";
import { RetryableError } from "../core/error.ts";
import type { Logger } from "../core/logger.ts";
import type { Failure } from "./failure.ts";

export interface BreakerOptions {
  /** It opens when more than this share of the requests in the window failed. Default 50. */
  readonly failurePercentage?: number;
  /** It never opens on fewer requests in the window. Default 5. */
  readonly minimumRequests?: number;
  /**
   * Milliseconds that a request is remembered. Must exceed the usual timeout: opossum counts a request when it begins
   * and its failure when it ends, so a shorter window would forget requests that hang before it counts them. Default
   * 120,000.
   */
  readonly windowMs?: number;
  /** Milliseconds for which nothing is sent; then one request is let through to see. Default 30,000. */
  readonly openMs?: number;
}

/** Stands before one endpoint, for all calls of a process. While the endpoint fails, calls fail at once and cost it nothing. */
export interface Breaker {
  /**
   * Sends one request, unless the breaker is open: then it rejects with a {@link RetryableError} that says when to come
   * again. `judge` says of whatever `send` rejects with whose fault it was.
   */
  run<T>(send: () => Promise<T>, judge: (error: unknown) => Failure): Promise<T>;
  stop(): void;
}

const BUCKETS = 12;

export function createBreaker(name: string, options: BreakerOptions = {}, log: Logger = () => {}): Breaker {
  const { failurePercentage = 50, minimumRequests = 5, windowMs = 120_000, openMs = 30_000 } = options;
  let openedAt = 0;

  const circuit = new CircuitBreaker<[() => Promise<unknown>, (error: unknown) => Failure]>((send) => send(), {
    name,
    // Calls have timeouts of their own, which abort the request; opossum's would leave it running.
    timeout: false,
    errorThresholdPercentage: failurePercentage,
    volumeThreshold: minimumRequests,
    rollingCountTimeout: windowMs,
    rollingCountBuckets: BUCKETS,
    rollingPercentilesEnabled: false,
    enableSnapshots: false,
    resetTimeout: openMs,
    errorFilter: ((error: unknown, _send: unknown, judge: (error: unknown) => Failure) => {
      const { fault } = judge(error);
      // opossum takes what is filtered for a success, and one success closes it. A trial that its caller gave up has shown nothing.
      return fault === "request" || (fault === "nobody" && !circuit.halfOpen);
    }) as (error: unknown) => boolean,
  });
  circuit.on("open", () => {
    openedAt = performance.now();
    log("warn", `${name} keeps failing: nothing is sent for ${formatDuration(openMs)}`);
  });
  circuit.on("halfOpen", () => log("info", `${name}: the next request tries whether it works again`));
  circuit.on("close", () => log("info", `${name} works again`));

  const refuse = () => {
    // While the trial runs nobody knows how long it takes; a whole period is a fair guess.
    const leftMs = circuit.opened ? openedAt + openMs - performance.now() : openMs;
    // Rounded up and a little more, so that who comes back on time does not come before the timer.
    const retryAfterMs = Math.max(0, Math.ceil(leftMs)) + 10;
    return new RetryableError(
      `${name}: not called, because it keeps failing; next try in ${formatDuration(retryAfterMs)}`,
      {
        retryAfterMs,
      },
    );
  };

  return {
    async run(send, judge) {
      try {
        return (await circuit.fire(send, judge)) as Awaited<ReturnType<typeof send>>;
      } catch (error) {
        if (!(error instanceof Error) || !CircuitBreaker.isOurError(error)) throw error;
        if (circuit.isShutdown) throw new RetryableError(`${name}: not called, because the model client was stopped`);
        throw refuse();
      }
    },
    stop: () => circuit.shutdown(),
  };
}
