import { type RunAddress, runKey } from "../../fold/run-state.ts";

/** A message of the log: its sequence, and when the log took it (ms). */
export interface Mark {
  readonly sequence: number;
  readonly at: number;
}

/** Where the log has a run. */
export interface RunPositions {
  /** Its `submitted`. */
  readonly original: Mark;
  /** What a fold of it can begin at: the original, or the copy that its last `carried` names. */
  readonly base: Mark;
}

/**
 * Age of an end up to which its callers are answered again after a takeover: an answer that comes twice is ignored. So a
 * replay begins before these runs.
 */
export const ANSWERED_AGAIN_MS = 120_000;

/** Age of what a killed server may forget at most, although it had stored it; an end too. */
const FORGOTTEN_MS = 10_000;

/**
 * From where on the log is needed, run by run: what a replay has to begin at, and which runs have to be carried before
 * their events expire. It follows from the log alone, and what it says stays true: a run that has ended needs its events
 * again only when it is redriven, and the reader of the redrive reads the run again.
 */
export class ReplayPositions {
  /** Unfinished runs, by tenant and id. */
  readonly #open = new Map<string, RunPositions>();
  /** The bases of runs that ended a little while ago, and until when (log time) they are needed; in the order of their ends. */
  readonly #ended = new Map<Mark, number>();
  #lastSequence = 0;
  #lastAt = 0;

  /** Log time, ms, of the last event of the shard that was read. */
  get lastAt(): number {
    return this.#lastAt;
  }

  /** The run is unfinished, and needed from its base on. */
  unfinished(run: RunAddress, positions: RunPositions): void {
    this.#open.set(runKey(run.tenant, run.run), positions);
  }

  /** The run's last event was read. */
  ended(run: RunAddress, at: number, isAwaited: boolean): void {
    const key = runKey(run.tenant, run.run);
    const open = this.#open.get(key);
    this.#open.delete(key);
    if (!open) return;
    this.#ended.set(open.base, at + (isAwaited ? ANSWERED_AGAIN_MS : FORGOTTEN_MS));
    for (const [old, until] of this.#ended) {
      if (until > at) break;
      this.#ended.delete(old);
    }
  }

  /** Any event of the shard was read. */
  read(sequence: number, at: number): void {
    this.#lastSequence = sequence;
    this.#lastAt = at;
  }

  of(run: RunAddress): RunPositions | undefined {
    return this.#open.get(runKey(run.tenant, run.run));
  }

  /** Keys of the runs whose bases were stored before `at`. */
  olderThan(at: number): string[] {
    const found: string[] = [];
    for (const [key, { base }] of this.#open) if (base.at < at) found.push(key);
    return found;
  }

  /** Where a replay has to begin: nothing before it is needed any more. */
  oldestNeeded(): Mark {
    let oldest: Mark = { sequence: this.#lastSequence, at: this.#lastAt };
    for (const { base } of this.#open.values()) if (base.sequence < oldest.sequence) oldest = base;
    // By the log's clock: a takeover is later than the last message that was stored.
    for (const [mark, until] of this.#ended) if (until > this.#lastAt && mark.sequence < oldest.sequence) oldest = mark;
    return oldest;
  }
}
