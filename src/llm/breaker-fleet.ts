import { type BreakerEntry, breakerEntry } from "../core/breaker-entry.ts";
import { messageOf } from "../core/error.ts";
import { fnv1a } from "../core/hash.ts";
import { decodeJson, encodeJson } from "../core/json.ts";
import { isConflict, type KeyValue } from "../core/key-value.ts";
import type { Logger } from "../core/logger.ts";

/** How the breakers of one name in many processes know of each other. */
export interface BreakerFleet {
  /** The name of this process. */
  readonly id: string;
  /** Resolves once what others have reported is known, or cannot be. */
  readonly ready?: Promise<void>;
  /** Calls `listener` with what another process reported last, if one has, and with all that is reported from now on. */
  follow(name: string, listener: (entry: BreakerEntry) => void): () => void;
  /** Never rejects: a breaker works without the others. */
  report(entry: BreakerEntry): Promise<void>;
  /** Whether this process may make the trial. Never rejects: without an answer each process makes its own. */
  claimTrial(entry: BreakerEntry, now: number): Promise<boolean>;
}

/** A key in a bucket: the name as far as a key may have it, and a hash, so that no two names share a key. */
export const storeKey = (name: string): string =>
  `${name.replaceAll(/[^A-Za-z0-9_-]/g, "_").slice(0, 80)}.${fnv1a(name).toString(36)}`;

/** Shares breakers by a key-value store. `stop()` gives back the watch. */
export class SharedBreakers implements BreakerFleet {
  readonly id: string;
  readonly ready: Promise<void>;
  readonly #store: Promise<KeyValue>;
  readonly #log: Logger;
  readonly #known = new Map<string, BreakerEntry>();
  readonly #listeners = new Map<string, Set<(entry: BreakerEntry) => void>>();
  readonly #watch: Promise<{ stop(): Promise<void> } | undefined>;

  constructor(store: Promise<KeyValue>, options: { id: string; log: Logger }) {
    this.id = options.id;
    this.#log = options.log;
    this.#store = store;
    const ready = Promise.withResolvers<void>();
    this.ready = ready.promise;
    this.#watch = store
      .then((open) => open.watch((_, value) => value && this.#take(value), ready.resolve))
      .catch((error) => {
        this.#log("warn", `circuit breakers are not shared with other processes: ${messageOf(error)}`);
        ready.resolve();
        return undefined;
      });
  }

  follow(name: string, listener: (entry: BreakerEntry) => void): () => void {
    const listeners = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, listeners.add(listener));
    const known = this.#known.get(name);
    if (known) listener(known);
    return () => void listeners.delete(listener);
  }

  async report(entry: BreakerEntry): Promise<void> {
    this.#known.set(entry.name, entry);
    try {
      await (await this.#store).put(storeKey(entry.name), encodeJson(entry));
    } catch (error) {
      this.#log("debug", `${entry.name}: the state of its breaker could not be shared: ${messageOf(error)}`);
    }
  }

  async claimTrial(entry: BreakerEntry, now: number): Promise<boolean> {
    const key = storeKey(entry.name);
    try {
      const store = await this.#store;
      const stored = await store.get(key);
      const there = stored && parse(stored.value);
      // It was closed meanwhile, or another makes the trial: the watch reports it at once.
      if (there?.state === "closed" && there.since >= entry.since) return false;
      if (there?.trial && there.trial.until > now && there.trial.by !== this.id) return false;
      if (stored) await store.update(key, encodeJson(entry), stored.revision);
      else await store.create(key, encodeJson(entry));
      return true;
    } catch (error) {
      if (isConflict(error)) return false;
      this.#log("debug", `${entry.name}: a trial could not be claimed: ${messageOf(error)}`);
      return true;
    }
  }

  async stop(): Promise<void> {
    await (await this.#watch)?.stop();
  }

  #take(value: Uint8Array): void {
    const entry = parse(value);
    if (!entry || entry.by === this.id) return;
    this.#known.set(entry.name, entry);
    for (const listener of this.#listeners.get(entry.name) ?? []) listener(entry);
  }
}

function parse(value: Uint8Array): BreakerEntry | undefined {
  try {
    return breakerEntry.safeParse(decodeJson(value)).data;
  } catch {
    return undefined;
  }
}
