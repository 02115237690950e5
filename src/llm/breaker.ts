import { EventEmitter } from "node:events";
import CircuitBreaker from "opossum";
import { createActor } from "xstate";
import type { BreakerEntry } from "../core/breaker-entry.ts";
import { type Clock, systemClock } from "../core/clock.ts";
import { formatDuration } from "../core/duration.ts";
import { RetryableError } from "../core/error.ts";
import type { Logger } from "../core/logger.ts";
import { breakerMachine } from "../machines/breaker.ts";
import type { EffectsOf } from "../machines/effects.ts";
import type { BreakerFleet } from "./breaker-fleet.ts";
import type { Failure } from "./failure.ts";
import { notNow } from "./not-now.ts";

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

/** How a breaker stands. Moments are in milliseconds since the epoch. */
export interface BreakerState {
  /** `halfOpen`: a trial is due, or being made. */
  readonly kind: "closed" | "open" | "halfOpen" | "stopped";
  readonly since: number;
  /** Not closed: why it opened. */
  readonly reason?: string;
  /** Open: when a trial may be made. Half-open, while a trial is being made: when to ask again. */
  readonly until?: number;
}

/** Stands before one service, for all calls of a process. While the service fails, calls fail at once and cost it nothing. */
export interface Breaker {
  readonly name: string;
  /** How it stands now. */
  look(): BreakerState;
  /** Whether a call is let through now, the trial of a half-open breaker included. */
  isUsable(): boolean;
  /**
   * Sends one request, unless the breaker is open: then it rejects with the error of {@link notNow}, which says when to
   * come again. `judge` says of whatever `send` rejects with whose fault it was.
   */
  run<T>(send: () => Promise<T>, judge: (error: unknown) => Failure): Promise<T>;
  /** Calls `listener` whenever the breaker opens, makes a trial or closes. Returns a function that ends this. */
  onChange(listener: (state: BreakerState) => void): () => void;
  stop(): void;
}

/** Parts of the window: a request is forgotten a part at a time. */
const BUCKETS = 12;
/** The time after which opossum's own timer would fire: never. The clock of this process decides instead. */
const NEVER_MS = 2 ** 31 - 1;

export interface BreakerDependencies {
  /** Default: nothing is logged. */
  readonly log?: Logger;
  /** Default: the system's. */
  readonly clock?: Clock;
  /** The breakers of the same name in other processes. Default: there are none. */
  readonly fleet?: BreakerFleet;
}

type Send = () => Promise<unknown>;
type Judge = (error: unknown) => Failure;

/**
 * opossum counts and decides; the chart `machines/breaker.ts` mirrors what it reports. All time is our clock's: its
 * window is turned by it, and when the time of an open breaker is over, opossum's circuit is replaced by one that begins
 * half-open with the same counts, as its own timer would have left it.
 */
export function createBreaker(
  name: string,
  options: BreakerOptions = {},
  { log = () => {}, clock = systemClock, fleet }: BreakerDependencies = {},
): Breaker {
  const { failurePercentage = 50, minimumRequests = 5, windowMs = 120_000, openMs = 30_000 } = options;
  const turnWindow = createWindowTurner(clock, windowMs / BUCKETS);
  const listeners = new Set<(state: BreakerState) => void>();
  let since = clock.now();
  let until = 0;
  let reason = "";
  let isClaiming = false;
  let isTrying = false;
  let trialUntil = 0;
  let isHearing = false;

  const effects: EffectsOf<typeof breakerMachine> = {
    actors: {},
    actions: {
      noteFailure: () =>
        log("warn", `${name} keeps failing (${reason}): nothing is sent for ${formatDuration(until - clock.now())}`),
      noteTrial: () => log("info", `${name}: one request tries whether it works again`),
      noteRecovery: () => log("info", `${name} works again`),
    },
  };
  const chart = createActor(breakerMachine.provide(effects)).start();
  const isIn = (state: "closed" | "open" | "halfOpen" | "stopped") => chart.getSnapshot().matches(state);

  const settings = {
    name,
    // Calls have timeouts of their own, which abort the request; opossum's would leave it running.
    timeout: false as const,
    errorThresholdPercentage: failurePercentage,
    volumeThreshold: minimumRequests,
    rollingCountTimeout: windowMs,
    rollingCountBuckets: BUCKETS,
    rotateBucketController: turnWindow.turns,
    rollingPercentilesEnabled: false,
    enableSnapshots: false,
    resetTimeout: NEVER_MS,
    errorFilter: ((error: unknown, _send: unknown, judge: Judge) => {
      const { fault, type } = judge(error);
      if (fault === "endpoint") reason = type;
      // opossum takes what is filtered for a success, and one success closes it. A trial that its caller gave up has shown nothing.
      return fault === "request" || (fault === "nobody" && !isIn("halfOpen"));
    }) as (error: unknown) => boolean,
  };
  const send = async (request: Send): Promise<unknown> => {
    try {
      return await request();
    } finally {
      // Its outcome counts from now on.
      turnWindow.toNow();
    }
  };

  const notify = () => {
    for (const listener of listeners) listener(look());
  };
  const change = (event: "opened" | "halfOpened" | "closed") => {
    since = clock.now();
    isTrying = false;
    if (event === "opened") until = since + openMs;
    chart.send({ type: event });
    notify();
  };
  /** What this process has found out itself; what it has heard from another is not passed on. */
  const report = (entry: Pick<BreakerEntry, "state" | "until" | "reason">) => {
    if (fleet && !isHearing) void fleet.report({ v: 1, name, since, by: fleet.id, ...entry });
  };
  const hear = (step: () => void) => {
    isHearing = true;
    step();
    isHearing = false;
  };
  const watchCircuit = (made: CircuitBreaker<[Send, Judge]>) => {
    made.on("open", () => {
      change("opened");
      report({ state: "open", until, reason });
    });
    made.on("close", () => {
      change("closed");
      report({ state: "closed" });
    });
    return made;
  };
  /** `state` is an option of opossum's that its types do not have. */
  const makeCircuit = (begin: { state?: object; status?: CircuitBreaker.Status } = {}) =>
    watchCircuit(new CircuitBreaker<[Send, Judge]>((request) => send(request), { ...settings, ...begin }));
  let circuit = makeCircuit();
  const beginHalfOpen = () => {
    const { status } = circuit;
    // The one that is left has no timer and no listener any more.
    circuit.removeAllListeners();
    circuit.close();
    circuit = makeCircuit({ state: { enabled: true, closed: false, halfOpen: true }, status });
    change("halfOpened");
    isTrying = true;
  };

  /** Follows what another process reports. */
  const take = (entry: BreakerEntry) => {
    if (isIn("stopped")) return;
    if (entry.state === "limited") return;
    if (entry.state === "closed") return hear(() => circuit.close());
    const next = entry.trial?.until ?? entry.until ?? entry.since + openMs;
    if (next <= clock.now() || (isIn("open") && next <= until)) return;
    reason = entry.reason ?? "";
    hear(() => circuit.open());
    since = entry.since;
    until = next;
    notify();
  };

  const refuse = () => {
    // While the trial runs nobody knows how long it takes; a whole period is a fair guess.
    const left = isIn("open") && !isClaiming ? until - clock.now() : openMs;
    const retryAfterMs = Math.max(1, Math.ceil(left));
    return notNow(
      `${name}: not called, because it keeps failing; next try in ${formatDuration(retryAfterMs)}`,
      retryAfterMs,
    );
  };

  /** Rejects where the trial is another's. */
  const beginTrial = async () => {
    const now = clock.now();
    isClaiming = true;
    trialUntil = now + openMs;
    const trial = { by: fleet?.id ?? "", until: trialUntil };
    const entry: BreakerEntry = { v: 1, name, state: "open", since, until, reason, by: trial.by, trial };
    const isOurs = !fleet || (await fleet.claimTrial(entry, now));
    isClaiming = false;
    // Meanwhile another process may have reported that it works again.
    if (!isIn("open")) return;
    if (!isOurs) {
      // Its report ends this; should it die, the time does.
      until = clock.now() + openMs;
      notify();
      throw refuse();
    }
    beginHalfOpen();
  };

  const isDue = () => isIn("open") && clock.now() >= until;
  const look = (): BreakerState => {
    if (isIn("stopped")) return { kind: "stopped", since };
    if (isIn("closed")) return { kind: "closed", since };
    if (isIn("open") && !isDue()) return { kind: "open", since, until, reason };
    return { kind: "halfOpen", since, reason, ...((isTrying || isClaiming) && { until: trialUntil }) };
  };
  const unfollow = fleet?.follow(name, take);

  return {
    name,
    look,
    isUsable: () => isIn("closed") || (isDue() && !isClaiming),
    onChange(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    async run(request, judge) {
      turnWindow.toNow();
      if (isDue() && !isClaiming) await beginTrial();
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
      unfollow?.();
      listeners.clear();
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
