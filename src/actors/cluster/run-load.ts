import type { OrchestratorPresence } from "../../core/registration.ts";

/** Another orchestrator, as its presence describes it. */
interface Other {
  readonly shards: ReadonlySet<number>;
  readonly runs: number;
  readonly most: number;
  /**
   * The runs that this process has sent there since this presence, and since the one before, which may not count them.
   */
  sent: number;
  readonly sentBefore: number;
}

/** The runs that this process owns. */
interface OwnRuns {
  /** The number of runs in progress in the shards that are live here. */
  readonly runs: number;
  /** The owner of a shard, or undefined if the shard is not live here. */
  ownerOf(shard: number): unknown;
}

/**
 * The number of runs in progress at each orchestrator. This process knows those of its own shards; the presences of
 * other orchestrators report theirs several times a second. Each gateway uses an equal part of the room at another
 * orchestrator, so that all gateways together send no more than it has room for, without any coordination.
 */
export class RunLoad {
  /** The number of runs that this process takes at once. */
  readonly most: number;
  readonly #id: string;
  readonly #own: () => OwnRuns;
  readonly #others = new Map<string, Other>();
  /** Admitted runs of shards that this process owns, or that have no owner, until the fold knows them. */
  readonly #entering = new Map<number, Set<string>>();
  /**
   * The numbers of runs of shards that this process no longer owns, until their next owner, this process or another,
   * reports them.
   */
  readonly #givenUp = new Map<number, number>();

  constructor(id: string, most: number, own: () => OwnRuns) {
    this.#id = id;
    this.most = most;
    this.#own = own;
  }

  /** The number of runs that could be admitted within the fraction `share` of the limits. */
  room(share: number): number {
    let room = Math.max(0, Math.ceil(share * this.most) - this.#count());
    for (const other of this.#others.values()) room += Math.max(0, this.#roomAt(other, share));
    return room;
  }

  /**
   * Admits a run, which counts until `left` or until it is folded. Returns the reason if the shard's owner takes no
   * more runs.
   */
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

  /** Notes that the fold knows the run, or that it was not started. */
  left(shard: number, run: string): void {
    this.#entering.get(shard)?.delete(run);
  }

  /** Notes that the owner of the shard, here or elsewhere, knows all admitted runs. */
  known(shard: number): void {
    this.#entering.delete(shard);
    this.#givenUp.delete(shard);
  }

  /** Notes that the shard is no longer live here. `runs` is the number of runs that it had. */
  givenUp(shard: number, runs: number): void {
    this.#givenUp.set(shard, runs);
  }

  /** Notes the load that the presence of another orchestrator reports. */
  setPresence(id: string, { shards, runs, maxRuns = Number.POSITIVE_INFINITY }: OrchestratorPresence): void {
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
  `orchestrator ${id} has ${count} of ${most} runs in progress: wait, publish a stored request instead, ` +
  "start more orchestrators, or raise TUTTI_MAX_RUNS";
