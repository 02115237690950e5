import { EventEmitter } from "node:events";
import CircuitBreaker from "opossum";
import { createActor } from "xstate";
import { type Clock, systemClock } from "../core/clock.ts";
import { formatDuration } from "../core/duration.ts";
import { RetryableError } from "../core/error.ts";
import type { Logger } from "../core/logger.ts";
import { breakerMachine } from "../machines/breaker.ts";
import type { EffectsOf } from "../machines/effects.ts";
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

/** Parts of the window: a request is forgotten a part at a time. */
const BUCKETS = 12;

export interface BreakerDependencies {
  /** Default: nothing is logged. */
  readonly log?: Logger;
  /** For the window, and for when to come again. Default: the system's. */
  readonly clock?: Clock;
}

/**
 * opossum counts and decides; the chart `machines/breaker.ts` mirrors what it reports. Its window is turned by our
 * clock. Its own timer, which makes an open breaker half-open, cannot be replaced: it is Node's, and so real time.
 */
export function createBreaker(
  name: string,
  options: BreakerOptions = {},
  { log = () => {}, clock = systemClock }: BreakerDependencies = {},
): Breaker {
  const { failurePercentage = 50, minimumRequests = 5, windowMs = 120_000, openMs = 30_000 } = options;
  const turnWindow = createWindowTurner(clock, windowMs / BUCKETS);
  let openedAt = 0;

  const effects: EffectsOf<typeof breakerMachine> = {
    actors: {},
    actions: {
      noteFailure() {
        openedAt = clock.monotonic();
        log("warn", `${name} keeps failing: nothing is sent for ${formatDuration(openMs)}`);
      },
      noteTrial: () => log("info", `${name}: the next request tries whether it works again`),
      noteRecovery: () => log("info", `${name} works again`),
    },
  };
  const chart = createActor(breakerMachine.provide(effects)).start();
  const isIn = (state: "open" | "halfOpen" | "stopped") => chart.getSnapshot().matches(state);

  const send = async <T>(request: () => Promise<T>): Promise<T> => {
    try {
      return await request();
    } finally {
      // Its outcome counts from now on.
      turnWindow.toNow();
    }
  };
  const circuit = new CircuitBreaker<[() => Promise<unknown>, (error: unknown) => Failure]>(
    (request) => send(request),
    {
      name,
      // Calls have timeouts of their own, which abort the request; opossum's would leave it running.
      timeout: false,
      errorThresholdPercentage: failurePercentage,
      volumeThreshold: minimumRequests,
      rollingCountTimeout: windowMs,
      rollingCountBuckets: BUCKETS,
      rotateBucketController: turnWindow.turns,
      rollingPercentilesEnabled: false,
      enableSnapshots: false,
      resetTimeout: openMs,
      errorFilter: ((error: unknown, _send: unknown, judge: (error: unknown) => Failure) => {
        const { fault } = judge(error);
        // opossum takes what is filtered for a success, and one success closes it. A trial that its caller gave up has shown nothing.
        return fault === "request" || (fault === "nobody" && !isIn("halfOpen"));
      }) as (error: unknown) => boolean,
    },
  );
  circuit.on("open", () => chart.send({ type: "opened" }));
  circuit.on("halfOpen", () => chart.send({ type: "halfOpened" }));
  circuit.on("close", () => chart.send({ type: "closed" }));

  const refuse = () => {
    // While the trial runs nobody knows how long it takes; a whole period is a fair guess.
    const leftMs = isIn("open") ? openedAt + openMs - clock.monotonic() : openMs;
    // Rounded up and a little more, so that a caller who comes back on time does not come before the timer.
    const retryAfterMs = Math.max(0, Math.ceil(leftMs)) + 10;
    return new RetryableError(
      `${name}: not called, because it keeps failing; next try in ${formatDuration(retryAfterMs)}`,
      {
        retryAfterMs,
      },
    );
  };

  return {
    async run(request, judge) {
      turnWindow.toNow();
      try {
        return (await circuit.fire(request, judge)) as Awaited<ReturnType<typeof request>>;
      } catch (error) {
        if (!(error instanceof Error) || !CircuitBreaker.isOurError(error)) throw error;
        if (isIn("stopped")) throw new RetryableError(`${name}: not called, because the model client was stopped`);
        throw refuse();
      }
    },
    stop() {
      if (isIn("stopped")) return;
      circuit.shutdown();
      chart.send({ type: "shutDown" });
    },
  };
}

/** Turns opossum's window part by part when it is looked at, without a timer that would keep the process alive. */
function createWindowTurner(clock: Clock, partMs: number): { readonly turns: EventEmitter; toNow(): void } {
  const turns = new EventEmitter();
  let turnedAt = clock.monotonic();
  return {
    turns,
    toNow() {
      const parts = Math.floor((clock.monotonic() - turnedAt) / partMs);
      turnedAt += parts * partMs;
      for (let i = 0; i < Math.min(parts, BUCKETS); i++) turns.emit("rotate");
    },
  };
}
