import type { OrchestratorPresence } from "../../core/registration.ts";

/** Another orchestrator, as its presence describes it. */
interface Other {
  readonly shards: ReadonlySet<number>;
  readonly runs: number;
  readonly most: number;
  /** Runs that we have let in there since this presence came, and since the one before: it may not know of them. */
  sent: number;
  readonly sentBefore: number;
}

/** What this process owns. */
interface OwnRuns {
  /** Runs in progress in the shards that are live here. */
  readonly runs: number;
  /** Undefined: the shard is not live here. */
  ownerOf(shard: number): unknown;
}

/**
 * The number of runs in progress at each orchestrator. This process knows those of its own shards; the presences of the
 * others have theirs, several times a second. Of the room at another orchestrator each gateway uses an equal part, so that
 * together they send no more than there is room for, without knowing of each other.
 */
export class RunLoad {
  /** The number of runs that this process takes at once. */
  readonly most: number;
  readonly #id: string;
  readonly #own: () => OwnRuns;
  readonly #others = new Map<string, Other>();
  /** Runs let in to shards that are ours, or have no owner, until the fold knows them. */
  readonly #entering = new Map<number, Set<string>>();
  /** Runs of shards that this process had to give up, until their next owner knows them: this process after a replay, or another. */
  readonly #givenUp = new Map<number, number>();

  constructor(id: string, most: number, own: () => OwnRuns) {
    this.#id = id;
    this.most = most;
    this.#own = own;
  }

  /** How many more runs could be let in, of `share` of the limit. */
  room(share: number): number {
    let room = Math.max(0, Math.ceil(share * this.most) - this.#count());
    for (const other of this.#others.values()) room += Math.max(0, this.#roomAt(other, share));
    return room;
  }

  /** Why the owner of the shard takes no more, or undefined: then the run counts until `left`, or until it is folded. */
  enter(shard: number, run: string, share: number): string | undefined {
    const other = this.#ownerOf(shard);
    if (other) {
      const [id, load] = other;
      if (this.#roomAt(load, share) <= 0) return describe(id, load.runs + load.sent + load.sentBefore, load.most);
      load.sent++;
      return undefined;
    }
    const count = this.#count();
    if (count >= Math.ceil(share * this.most)) return describe(this.#id, count, this.most);
    const entering = this.#entering.get(shard) ?? new Set();
    this.#entering.set(shard, entering.add(run));
    return undefined;
  }

  /** The fold knows the run by now, or it was not started. */
  left(shard: number, run: string): void {
    this.#entering.get(shard)?.delete(run);
  }

  /** Whatever was let in to this shard is known to its owner by now, here or elsewhere. */
  known(shard: number): void {
    this.#entering.delete(shard);
    this.#givenUp.delete(shard);
  }

  /** The shard is not live here any more; `runs`: the number of runs that it had. */
  givenUp(shard: number, runs: number): void {
    this.#givenUp.set(shard, runs);
  }

  told(id: string, { shards, runs, maxRuns = Number.POSITIVE_INFINITY }: OrchestratorPresence): void {
    const sentBefore = this.#others.get(id)?.sent ?? 0;
    this.#others.set(id, { shards: new Set(shards), runs, most: maxRuns, sent: 0, sentBefore });
    for (const shard of shards) if (!this.#own().ownerOf(shard)) this.known(shard);
  }

  gone(id: string): void {
    this.#others.delete(id);
  }

  #ownerOf(shard: number): [id: string, other: Other] | undefined {
    if (this.#own().ownerOf(shard)) return undefined;
    for (const entry of this.#others) if (entry[1].shards.has(shard)) return entry;
    return undefined;
  }

  #count(): number {
    let count = this.#own().runs;
    for (const runs of this.#entering.values()) count += runs.size;
    for (const runs of this.#givenUp.values()) count += runs;
    return count;
  }

  #roomAt({ runs, most, sent, sentBefore }: Other, share: number): number {
    return Math.ceil((share * most - runs) / (this.#others.size + 1)) - sent - sentBefore;
  }
}

const describe = (id: string, count: number, most: number): string =>
  `orchestrator ${id} has ${count} of ${most} runs in progress: wait, publish to the stored requests instead, ` +
  "start more orchestrators, or raise TUTTI_MAX_RUNS";
