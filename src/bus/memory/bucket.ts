import type { Clock } from "../../core/clock.ts";
import { type Bucket, type BucketDefinition, BusError, type Entry } from "../port.ts";
import type { Link } from "./link.ts";
import type { Inbox } from "./network.ts";

/** A key is the end of a subject, so it has no empty tokens. */
const KEY = /^[-/_=a-zA-Z0-9]+(?:\.[-/_=a-zA-Z0-9]+)*$/;

type Change = readonly [key: string, value: Uint8Array | undefined];
type Notice = Change | "ready";

/** A bucket as the broker holds it. An entry expires when it is next looked up; watchers are not notified. */
export class MemoryBucket {
  definition: BucketDefinition;
  readonly #clock: Clock;
  readonly #entries = new Map<string, { entry: Entry; storedMs: number }>();
  readonly #watchers = new Set<Inbox<Notice>>();
  #revision = 0;

  constructor(definition: BucketDefinition, clock: Clock) {
    this.definition = definition;
    this.#clock = clock;
  }

  get(key: string): Entry | undefined {
    if (!KEY.test(key)) throw new BusError("failed", `"${key}" is not a key: expected ${KEY}.`);
    const held = this.#entries.get(key);
    if (!held || held.storedMs + (this.definition.ttlMs ?? Infinity) > this.#clock.now()) return held?.entry;
    this.#entries.delete(key);
    return undefined;
  }

  /** `expected` is the revision that the key must have, 0 for an absent key. */
  set(key: string, value: Uint8Array, expected?: number): number {
    this.#assertAt(key, expected);
    const entry: Entry = { key, value, revision: ++this.#revision };
    this.#entries.set(key, { entry, storedMs: this.#clock.now() });
    this.#notify([key, value]);
    return entry.revision;
  }

  delete(key: string, expected?: number): void {
    this.#assertAt(key, expected);
    this.#revision++;
    this.#entries.delete(key);
    this.#notify([key, undefined]);
  }

  entries(): Entry[] {
    return [...this.#entries.keys()].flatMap((key) => this.get(key) ?? []);
  }

  addWatcher(watcher: Inbox<Notice>): () => void {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  #assertAt(key: string, expected: number | undefined): void {
    const revision = this.get(key)?.revision ?? 0;
    if (expected !== undefined && expected !== revision)
      throw new BusError(
        "wrong-sequence",
        `${key} in ${this.definition.name} is at revision ${revision}, not at ${expected}.`,
      );
  }

  #notify(change: Change): void {
    for (const watcher of this.#watchers) watcher.push(change);
  }
}

/** The revision to expect of a key that must exist: 0, which would stand for "absent", becomes one that no key has. */
function presentAt(revision: number | undefined): number | undefined {
  return revision === 0 ? Number.NaN : revision;
}

/** The bucket as one connection sees it. */
export function openBucket(bucket: MemoryBucket, link: Link): Bucket {
  const set = (key: string, value: Uint8Array, expected?: number) =>
    link.ask(() => {
      link.assertFits(key, value);
      return bucket.set(key, value, expected);
    }, "unconfirmed");
  return {
    get: (key) => link.ask(() => bucket.get(key)),
    put: (key, value) => set(key, value),
    create: (key, value) => set(key, value, 0),
    update: (key, value, revision) => set(key, value, presentAt(revision)),
    delete: (key, revision) => link.ask(() => bucket.delete(key, presentAt(revision)), "unconfirmed"),
    entries: () => link.ask(() => bucket.entries()),
    watch: (onChange, onReady) =>
      link.ask(() => {
        const inbox = link.inbox<Notice>("watcher", bucket.definition.name, (change) => {
          if (change === "ready") onReady?.();
          else onChange(...change);
        });
        for (const { key, value } of bucket.entries()) inbox.push([key, value]);
        inbox.push("ready");
        const remove = bucket.addWatcher(inbox);
        return link.start({
          end: () => {
            remove();
            inbox.close();
          },
        });
      }),
  };
}
