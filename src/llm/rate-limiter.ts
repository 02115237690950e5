import type { Clock } from "../core/clock.ts";
import { messageOf } from "../core/error.ts";
import { decodeJson, encodeJson } from "../core/json.ts";
import { isConflict, type KeyValue } from "../core/key-value.ts";
import type { Logger } from "../core/logger.ts";
import { rateEntry } from "../core/rate-entry.ts";
import { storeKey } from "./breaker-fleet.ts";
import { type RateLimits, type RateWindow, use, waitFor } from "./rate-window.ts";

interface LimiterDependencies {
  readonly clock: Clock;
  readonly log: Logger;
  /** Where all processes count together. Default: this one counts alone. */
  readonly store?: Promise<KeyValue>;
}

/** How often a count is tried that other processes changed meanwhile. */
const MOST_CONFLICTS = 50;

/** Counts the requests and tokens of one endpoint over all processes, and lets a call begin only within its limits. */
export class RateLimiter {
  readonly #name: string;
  readonly #dependencies: LimiterDependencies;
  #limits: RateLimits;
  /** What this process knows; with a store, what it read last. */
  #window: RateWindow = [];
  #turn: Promise<unknown> = Promise.resolve();

  constructor(name: string, limits: RateLimits, dependencies: LimiterDependencies) {
    this.#name = name;
    this.#limits = limits;
    this.#dependencies = dependencies;
  }

  get limits(): RateLimits {
    return this.#limits;
  }

  /** Whether anything is limited: else nothing is counted. */
  get isLimited(): boolean {
    return this.#limits.requests !== undefined || this.#limits.tokens !== undefined;
  }

  /** Takes what the endpoint states, where nothing is configured. */
  learn(stated: RateLimits): void {
    const { requests = stated.requests, tokens = stated.tokens } = this.#limits;
    this.#limits = { requests, tokens };
  }

  /** Counts one request of so many tokens if the limits allow it: resolves with 0, or with the milliseconds to wait. */
  take(tokens: number): Promise<number> {
    return this.#inTurn((window, now) => {
      const waitMs = waitFor(window, now, tokens, this.#limits);
      return waitMs > 0 ? { result: waitMs } : { result: 0, window: use(window, now, 1, tokens) };
    });
  }

  /** Corrects an estimate by what the endpoint reports. */
  async correct(estimated: number, reported: number): Promise<void> {
    if (estimated === reported || this.#limits.tokens === undefined) return;
    await this.#inTurn((window, now) => ({ result: undefined, window: use(window, now, 0, reported - estimated) }));
  }

  /** One change of this process at a time: they would only get in each other's way. */
  #inTurn<R>(step: (window: RateWindow, now: number) => { result: R; window?: RateWindow }): Promise<R> {
    const turn = this.#turn.then(() => this.#change(step));
    this.#turn = turn.catch(() => {});
    return turn;
  }

  async #change<R>(step: (window: RateWindow, now: number) => { result: R; window?: RateWindow }): Promise<R> {
    const { clock, store, log } = this.#dependencies;
    const alone = () => {
      const { result, window } = step(this.#window, clock.now());
      if (window) this.#window = window;
      return result;
    };
    if (!store) return alone();
    try {
      const key = storeKey(this.#name);
      const open = await store;
      for (let conflicts = 0; conflicts < MOST_CONFLICTS; conflicts++) {
        const stored = await open.get(key);
        const shared = stored ? (rateEntry.safeParse(decodeJson(stored.value)).data?.used ?? []) : [];
        const { result, window } = step(shared, clock.now());
        if (!window) return result;
        const value = encodeJson({ v: 1, name: this.#name, used: window });
        try {
          await (stored ? open.update(key, value, stored.revision) : open.create(key, value));
          this.#window = window;
          return result;
        } catch (error) {
          if (!isConflict(error)) throw error;
        }
      }
    } catch (error) {
      log("debug", `${this.#name}: limits are counted by this process alone: ${messageOf(error)}`);
    }
    return alone();
  }
}
