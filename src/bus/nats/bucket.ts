import type { AppendOptions, Stoppable, StoredMessage } from "../port.ts";
import { type Bucket, type BucketDefinition, BusError, type Entry, header, isBusError } from "../port.ts";
import type { Appender } from "./append.ts";
import { Follower, type FollowSource } from "./follow.ts";
import type { Link } from "./link.ts";
import { ageConfig, readMessage } from "./stream.ts";

/** The header of a delete (ADR-8), and the header with which a server since 2.11 may mark an expiry. */
const OPERATION = "KV-Operation";
const MARKER = "Nats-Marker-Reason";
const NOTHING = new Uint8Array(0);
const KEY = /^[-/_=a-zA-Z0-9]+(\.[-/_=a-zA-Z0-9]+)*$/;

/**
 * Opens a bucket: a stream that keeps one message per subject (ADR-8), so `nats kv` and every client library can use
 * it. It uses this adapter's append and follow instead of `@nats-io/kv`, so that errors, waiting for a connection and
 * recovery are the same as elsewhere.
 */
export async function openBucket(
  link: Link,
  appender: Appender,
  definition: BucketDefinition,
  /** Registers a watcher, so that it is stopped with the bus. */
  own: <T extends Stoppable>(stoppable: T) => T,
): Promise<Bucket> {
  const name = `KV_${definition.name}`;
  const config = {
    name,
    subjects: [`$KV.${definition.name}.>`],
    retention: "limits",
    max_msgs_per_subject: 1,
    discard: "new",
    allow_rollup_hdrs: true,
    allow_direct: true,
    num_replicas: definition.replicas ?? 1,
    storage: "file",
    ...ageConfig(definition.ttlMs),
  };
  await link.known.ensure(config, definition.replicas === undefined ? ["num_replicas"] : []);
  return new NatsBucket(link, appender, definition.name, own);
}

class NatsBucket implements Bucket {
  readonly #link: Link;
  readonly #appender: Appender;
  readonly #stream: string;
  readonly #prefix: string;
  readonly #own: (stoppable: Follower) => Follower;

  constructor(link: Link, appender: Appender, name: string, own: (stoppable: Follower) => Follower) {
    this.#link = link;
    this.#appender = appender;
    this.#stream = `KV_${name}`;
    this.#prefix = `$KV.${name}.`;
    this.#own = own;
  }

  async get(key: string): Promise<Entry | undefined> {
    const message = await this.#last(key);
    return message && !isDelete(message) ? this.#entry(message) : undefined;
  }

  put(key: string, value: Uint8Array): Promise<number> {
    return this.#set(key, value);
  }

  async create(key: string, value: Uint8Array): Promise<number> {
    try {
      return await this.#set(key, value, { expectLastSubjectSequence: 0 });
    } catch (error) {
      if (!isBusError(error, "wrong-sequence")) throw error;
      const last = await this.#last(key);
      if (last && !isDelete(last)) throw error;
      return await this.#set(key, value, { expectLastSubjectSequence: last?.sequence ?? 0 });
    }
  }

  async update(key: string, value: Uint8Array, revision: number): Promise<number> {
    return this.#set(key, value, { expectLastSubjectSequence: this.#existing(key, revision) });
  }

  async delete(key: string, revision?: number): Promise<void> {
    const expected = revision === undefined ? {} : { expectLastSubjectSequence: this.#existing(key, revision) };
    await this.#set(key, NOTHING, { headers: { [OPERATION]: "DEL" }, ...expected });
  }

  async entries(): Promise<Entry[]> {
    const entries = new Map<string, Entry>();
    await new Promise<void>((resolve, reject) => {
      const follower = this.#follow(
        (message) => {
          const entry = this.#entry(message);
          if (isDelete(message)) entries.delete(entry.key);
          else entries.set(entry.key, entry);
        },
        {
          onCaughtUp: () => void follower.stop().then(resolve),
          onLost: () => entries.clear(),
          onClosed: () => reject(new BusError("closed", `entries of bucket ${this.#stream}: the bus was closed`)),
        },
      );
      follower.start().catch(reject);
    });
    return [...entries.values()];
  }

  async watch(
    onChange: (key: string, value: Uint8Array | undefined) => void,
    onReady?: () => void,
  ): Promise<Stoppable> {
    // A delete is reported only for a key that was reported before. When the bucket is lost, all its keys are deleted.
    const present = new Set<string>();
    const report = (message: StoredMessage) => {
      const key = this.#key(message);
      if (isDelete(message)) {
        if (present.delete(key)) onChange(key, undefined);
      } else {
        present.add(key);
        onChange(key, message.data);
      }
    };
    const onLost = () => {
      const gone = [...present];
      present.clear();
      for (const key of gone) onChange(key, undefined);
    };
    return this.#own(await this.#follow(report, { ...(onReady && { onCaughtUp: onReady }), onLost }).start());
  }

  async #set(key: string, value: Uint8Array, options?: AppendOptions): Promise<number> {
    const { sequence } = await this.#appender.append(this.#subject(key), value, options);
    return sequence;
  }

  #last(key: string): Promise<StoredMessage | undefined> {
    return readMessage(this.#link, this.#stream, { last_by_subj: this.#subject(key) });
  }

  #follow(
    handler: (message: StoredMessage) => void,
    options: Pick<FollowSource, "onCaughtUp" | "onLost" | "onClosed">,
  ): Follower {
    const source = { stream: this.#stream, filter: `${this.#prefix}>`, lastPerSubject: true };
    return new Follower(this.#link, { ...source, ...options }, handler);
  }

  /** Refuses revision 0: no key is at it, and the server would understand "must be absent". */
  #existing(key: string, revision: number): number {
    if (revision > 0) return revision;
    throw new BusError("wrong-sequence", `${this.#subject(key)} cannot be at revision ${revision}`);
  }

  #entry(message: StoredMessage): Entry {
    return { key: this.#key(message), value: message.data, revision: message.sequence };
  }

  #key(message: StoredMessage): string {
    return message.subject.slice(this.#prefix.length);
  }

  #subject(key: string): string {
    if (KEY.test(key)) return this.#prefix + key;
    throw new BusError("failed", `not a valid key: ${JSON.stringify(key)}; expected ${KEY.source}`);
  }
}

function isDelete(message: StoredMessage): boolean {
  return header(message, OPERATION) !== undefined || header(message, MARKER) !== undefined;
}
