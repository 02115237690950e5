/**
 * Everything that is not a function of its input enters Tutti through this port, so that a virtual clock and a seeded
 * source can replace all of it at once (tests, simulation).
 */
export interface Clock {
  /** Wall-clock time, milliseconds since the epoch. */
  now(): number;
  /** Milliseconds on a clock that never jumps; only differences mean something. */
  monotonic(): number;
  /** Calls `run` once after `delayMs` (0 or more). Returns a function that disarms it; calling that twice is harmless. */
  timer(delayMs: number, run: () => void): () => void;
  /** Calls `run` once, after the work that is due in this turn of the event loop. */
  endOfTurn(run: () => void): void;
  /** Uniform in [0, 1). */
  random(): number;
  /** A new id, at most 24 characters of `[0-9A-Za-z]`, sorting (as a string) by the millisecond it was made in. */
  id(): string;
}

/** Waits `delayMs`, or until `signal` aborts (then it rejects with the signal's reason). */
export function sleep(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const abort = () => {
      disarm();
      reject(signal?.reason);
    };
    const disarm = clock.timer(delayMs, () => {
      signal?.removeEventListener("abort", abort);
      resolve();
    });
    signal?.addEventListener("abort", abort, { once: true });
  });
}

/** The pause after `tries` failures: 100 ms after none, then twice as long each time, up to 5 s. */
export const pauseMs = (tries: number): number => Math.min(100 * 2 ** tries, 5000);

/** Waits for `work`, but no longer than `limitMs`. Its outcome, a failure too, is ignored. */
export async function atMost(clock: Clock, limitMs: number, work: Promise<unknown>): Promise<void> {
  const over = new AbortController();
  const limit = sleep(clock, limitMs, over.signal).catch(() => {});
  await Promise.race([work.catch(() => {}), limit]);
  over.abort();
}

/** setTimeout fires at once for more than this many milliseconds. */
const LONGEST_TIMEOUT_MS = 2 ** 31 - 1;

/** The real clock. Its timers keep the process alive. */
export const systemClock: Clock = {
  now: Date.now,
  monotonic: () => performance.now(),
  timer(delayMs, run) {
    let handle: NodeJS.Timeout;
    const arm = (leftMs: number) => {
      const step = Math.min(leftMs, LONGEST_TIMEOUT_MS);
      handle = setTimeout(() => (leftMs > step ? arm(leftMs - step) : run()), step);
    };
    arm(Math.max(0, delayMs));
    return () => clearTimeout(handle);
  },
  endOfTurn: (run) => void setImmediate(run),
  random: Math.random,
  id: () => sortableId(Date.now(), Math.random),
};

const ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/** 8 characters of time (good until the year 8888) and 12 of randomness (71 bits), in an alphabet that sorts like ASCII. */
export function sortableId(nowMs: number, random: () => number): string {
  let time = "";
  for (let rest = Math.floor(nowMs), i = 0; i < 8; i++, rest = Math.floor(rest / 62)) time = ALPHABET[rest % 62] + time;
  let tail = "";
  for (let i = 0; i < 12; i++) tail += ALPHABET[Math.floor(random() * 62)];
  return time + tail;
}
