import { atMost, sleep } from "../../core/clock.ts";
import { isBusError } from "../port.ts";
import { filtersOverlap } from "../subject-match.ts";
import type { Link } from "./link.ts";
import { DELETION_MS, Recovery } from "./recovery.ts";
import { createOrUpdate, ifMissing, readCreated, type StreamConfig } from "./stream.ts";

interface Known {
  /** The configuration to create the stream with; absent when another process is responsible for it. */
  readonly config?: StreamConfig;
  readonly keep: readonly string[];
  /** The stream's creation time, the same on all servers of a cluster; undefined while the stream does not exist. */
  created: string | undefined;
  /** The number of times it was lost. Sequences from before a loss do not apply to the new stream. */
  losses: number;
}

const SETTLED_MS = 10_000;

/**
 * The streams that this connection works with, those of buckets and object stores included. A server may come back with
 * an empty store, and any client may delete a stream. A stream that this connection ensured is then created again, and
 * the loss is announced. A stream that another process has created again is recognised by its creation time.
 */
export class KnownStreams {
  readonly #link: Link;
  readonly #known = new Map<string, Known>();
  readonly #knowing = new Map<string, Promise<void>>();
  readonly #recovery: Recovery;
  /** The last announced reason why a stream could not be looked up or created again. */
  #problem: string | undefined;

  constructor(link: Link) {
    this.#link = link;
    this.#recovery = new Recovery(link, () => this.#check());
    link.listen({ onUp: () => this.doubt(), onClosed: () => this.#recovery.stop() });
  }

  /** Creates the stream, or updates an existing one to `config`. Rejects as {@link createOrUpdate} does. */
  async ensure(config: StreamConfig, keep: readonly string[] = []): Promise<void> {
    const { name } = config;
    const created = await createOrUpdate(this.#link, config, keep);
    const known = this.#known.get(name);
    this.#known.set(name, { config, keep, created, losses: known?.losses ?? 0 });
    if (known && isAnother(known.created, created)) this.#announce([name]);
  }

  /** Registers a stream that another process has created. Rejects with `no-stream` when there is none. */
  async know(name: string): Promise<void> {
    if (this.#known.has(name)) return;
    let knowing = this.#knowing.get(name);
    if (!knowing) {
      knowing = this.#look(name).finally(() => this.#knowing.delete(name));
      this.#knowing.set(name, knowing);
    }
    await knowing;
  }

  async #look(name: string): Promise<void> {
    const created = await readCreated(this.#link, name);
    if (!this.#known.has(name)) this.#known.set(name, { keep: [], created, losses: 0 });
  }

  /** Whether this connection creates the stream again when it is lost. */
  isEnsured(name: string): boolean {
    return this.#known.get(name)?.config !== undefined;
  }

  losses(name: string): number {
    return this.#known.get(name)?.losses ?? 0;
  }

  /** The ensured stream that takes a subject. */
  ofSubject(subject: string): string | undefined {
    for (const [name, { config }] of this.#known)
      if (config?.subjects.some((filter) => filtersOverlap(filter, subject))) return name;
    return undefined;
  }

  /** Looks up all known streams, after something was not found that should exist. */
  doubt(): void {
    this.#recovery.run();
  }

  /**
   * Resolves when no look-up is due, and after {@link SETTLED_MS} at the latest: a stream that cannot be created again
   * must not block all others.
   */
  async settled(): Promise<void> {
    await atMost(this.#link.clock, SETTLED_MS, this.#recovery.settled());
  }

  async #check(): Promise<void> {
    const names = [...this.#known.keys()];
    const looks = await Promise.allSettled(names.map((name) => this.#isLost(name)));
    this.#announce(looks.flatMap((look, i) => (look.status === "fulfilled" && look.value ? [names[i]!] : [])));
    const failed = looks.find((look) => look.status === "rejected");
    this.#complain(failed?.reason);
    if (failed) throw failed.reason;
  }

  /** Announces a problem that is not transient, once. */
  #complain(error: unknown): void {
    const problem = isBusError(error, "failed", "full") ? error.message : undefined;
    if (problem !== undefined && problem !== this.#problem) this.#link.emit({ type: "lost", streams: [], problem });
    this.#problem = problem;
  }

  async #isLost(name: string): Promise<boolean> {
    const known = this.#known.get(name)!;
    const before = known.created;
    known.created = await readCreated(this.#link, name).catch(ifMissing);
    if (known.created === undefined && known.config) {
      await sleep(this.#link.clock, DELETION_MS);
      known.created = await createOrUpdate(this.#link, known.config, known.keep);
    }
    return isAnother(before, known.created);
  }

  #announce(lost: readonly string[]): void {
    if (lost.length === 0) return;
    for (const name of lost) this.#known.get(name)!.losses++;
    this.#link.emit({ type: "lost", streams: lost });
  }
}

/**
 * Whether the stream is another one than before. A stream that was already missing does not count as lost once more.
 */
const isAnother = (before: string | undefined, now: string | undefined): boolean =>
  before !== undefined && now !== before;
