import { atMost, sleep } from "../../core/clock.ts";
import { isBusError } from "../port.ts";
import { filtersOverlap } from "../subject-match.ts";
import type { Link } from "./link.ts";
import { DELETION_MS, Recovery } from "./recovery.ts";
import { createOrUpdate, ifMissing, readCreated, type StreamConfig } from "./stream.ts";

interface Known {
  /** What it is made from, where it is ours to make. */
  readonly config?: StreamConfig;
  readonly keep: readonly string[];
  /** When it was made, as all servers of a cluster say alike; undefined while it is not there. */
  created: string | undefined;
  /** How many times it was lost. What was read of an earlier one means nothing in the present one. */
  losses: number;
}

const SETTLED_MS = 10_000;

/**
 * The streams (buckets and object stores are streams, too) that this connection works with. A server may come back with an
 * empty store, and anybody may delete a stream: what is ours is then made again, and the loss is announced. A stream that
 * another process has made again is known by when it was made.
 */
export class KnownStreams {
  readonly #link: Link;
  readonly #known = new Map<string, Known>();
  readonly #knowing = new Map<string, Promise<void>>();
  readonly #recovery: Recovery;
  /** Why a stream could not be looked up or made again, as it was announced last. */
  #problem: string | undefined;

  constructor(link: Link) {
    this.#link = link;
    this.#recovery = new Recovery(link, () => this.#check());
    link.listen({ onUp: () => this.doubt(), onClosed: () => this.#recovery.stop() });
  }

  /** Makes the stream, or brings the one that is there to `config`. Rejects as {@link createOrUpdate} does. */
  async ensure(config: StreamConfig, keep: readonly string[] = []): Promise<void> {
    const { name } = config;
    const created = await createOrUpdate(this.#link, config, keep);
    const known = this.#known.get(name);
    this.#known.set(name, { config, keep, created, losses: known?.losses ?? 0 });
    if (known && isAnother(known.created, created)) this.#announce([name]);
  }

  /** Takes notice of a stream that another process has made. Rejects with `no-stream` when there is none. */
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

  /** Whether it is made again here when it is gone. */
  isOurs(name: string): boolean {
    return this.#known.get(name)?.config !== undefined;
  }

  losses(name: string): number {
    return this.#known.get(name)?.losses ?? 0;
  }

  /** The stream of ours that takes a subject. */
  ofSubject(subject: string): string | undefined {
    for (const [name, { config }] of this.#known)
      if (config?.subjects.some((filter) => filtersOverlap(filter, subject))) return name;
    return undefined;
  }

  /** Something was not found that should be there: all known streams are looked up. */
  doubt(): void {
    this.#recovery.run();
  }

  /** Resolves when no look is due; or after a while, for one stream that cannot be made again must not hold up all others. */
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

  /** What does not pass is announced, once. */
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

/** One that was missing before is not lost once more by being there. */
const isAnother = (before: string | undefined, now: string | undefined): boolean =>
  before !== undefined && now !== before;
