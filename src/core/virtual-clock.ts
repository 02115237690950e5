/**
 * A clock on which time passes only when a test advances it. Between two timers everything that is due is done first: promises,
 * and what waits for the end of the turn. So a run depends on the seed alone, and an hour costs what happens in it.
 */
import { type Clock, sortableId } from "./clock.ts";
import { formatDuration } from "./duration.ts";
import { messageOf } from "./error.ts";
import { TimerQueue } from "./timer-queue.ts";

export interface VirtualClockOptions {
  /** Where the wall clock begins, milliseconds since the epoch. Default: 2025-01-01. */
  readonly startMs?: number;
  /** The seed of `random` and `id`, any integer. Default 1. */
  readonly seed?: number;
  /** What is still waiting, in a sentence, for the message when the clock stops at its limit. It may let time pass. */
  readonly describeWaiting?: () => Promise<string>;
}

export interface VirtualClock extends Clock {
  /** Lets `ms` pass: fires the timers that fall due, in order of time, then of arming. */
  advance(ms: number): Promise<void>;
  /**
   * Lets time pass, timer by timer, until `condition` holds (it is asked after each has fired and its work is done).
   * Rejects when no timer is left, or when it would take more than `limitMs` milliseconds of the clock's time (default:
   * 3,600,000, an hour).
   */
  runUntil(condition: () => boolean, limitMs?: number): Promise<void>;
  /** Lets time pass until `promise` settles, and gives its outcome. Rejects as {@link runUntil} does. */
  runUntilSettled<T>(promise: Promise<T>, limitMs?: number): Promise<T>;
  /** Whether time is passing: a call of `advance`, `runUntil`, `runUntilSettled` or `settle` has not returned. */
  readonly isRunning: boolean;
  /** Does everything that is due now. No time passes. */
  settle(): Promise<void>;
  /** Timers armed and not yet fired. */
  readonly pending: number;
}

/** The clock's time that `runUntil` and `runUntilSettled` let pass at most, where the call states no limit. */
export const DEFAULT_LIMIT_MS = 3_600_000;

/** What was waited for does not come, or not within the limit. */
export class VirtualClockError extends Error {
  override readonly name = "VirtualClockError";
}

/** The event loop's own, even where a test has replaced the global. */
const { setImmediate } = globalThis;

export function createVirtualClock(options: VirtualClockOptions = {}): VirtualClock {
  const { startMs = Date.UTC(2025, 0), seed = 1, describeWaiting } = options;
  const timers = new TimerQueue();
  const random = createRandom(seed);
  let elapsedMs = 0;
  let atEndOfTurn: (() => void)[] = [];
  let running = false;

  const settle = async (): Promise<void> => {
    for (;;) {
      // A turn of the real event loop, before which Node runs all microtasks.
      await new Promise((resolve) => setImmediate(resolve));
      if (atEndOfTurn.length === 0) return;
      const turn = atEndOfTurn;
      atEndOfTurn = [];
      for (const run of turn) run();
    }
  };

  /** Two at a time would make time pass twice. */
  const exclusively = async <T>(run: () => Promise<T>): Promise<T> => {
    if (running) throw new VirtualClockError("The virtual clock is already running: await the call before.");
    running = true;
    try {
      return await run();
    } finally {
      running = false;
    }
  };

  /** Fires the next timer if it is due by `untilMs`. */
  const step = async (untilMs: number): Promise<boolean> => {
    const timer = timers.takeDue(untilMs);
    if (!timer) return false;
    elapsedMs = Math.max(elapsedMs, timer.dueMs);
    timer.run();
    await settle();
    return true;
  };

  /** Whether it holds. Rejects when no timer is left; false when the limit is reached. */
  const holdsWithin = (condition: () => boolean, limitMs: number): Promise<boolean> =>
    exclusively(async () => {
      const untilMs = elapsedMs + limitMs;
      await settle();
      while (!condition()) {
        if (await step(untilMs)) continue;
        if (timers.size > 0) return false;
        throw new VirtualClockError("The virtual clock waits in vain: no timer is left, so nothing more will happen.");
      }
      return true;
    });

  const runUntil = async (condition: () => boolean, limitMs = DEFAULT_LIMIT_MS): Promise<void> => {
    if (await holdsWithin(condition, limitMs)) return;
    const armed = `${timers.size} armed, the first for ${formatDuration((timers.firstDueMs ?? 0) - elapsedMs)} from now`;
    const waiting = describeWaiting ? `${await describeWaiting().catch(messageOf)} ` : "";
    throw new VirtualClockError(
      `The virtual clock stopped at its limit: ${limitMs} ms have passed (${formatDuration(limitMs)} of its time), ` +
        `and what is waited for has not come. ${waiting}Timers: ${armed}. ` +
        `If it may take longer, state the limit: clock.runUntilSettled(promise, ${limitMs * 24}).`,
    );
  };

  return {
    now: () => startMs + Math.floor(elapsedMs),
    monotonic: () => elapsedMs,
    timer: (delayMs, run) => timers.arm(elapsedMs + Math.max(0, delayMs), run),
    endOfTurn: (run) => void atEndOfTurn.push(run),
    random,
    id: () => sortableId(startMs + Math.floor(elapsedMs), random),

    settle: () => exclusively(settle),
    advance: (ms) =>
      exclusively(async () => {
        const untilMs = elapsedMs + ms;
        await settle();
        while (await step(untilMs));
        elapsedMs = untilMs;
      }),
    runUntil,
    async runUntilSettled(promise, limitMs) {
      let settled = false;
      const done = () => {
        settled = true;
      };
      promise.then(done, done);
      await runUntil(() => settled, limitMs);
      return promise;
    },
    get pending() {
      return timers.size;
    },
    get isRunning() {
      return running;
    },
  };
}

/** Mulberry32: 32 bits of state, good enough to choose faults by, and the same everywhere. */
function createRandom(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
