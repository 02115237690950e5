import { type RunAddress, runKey } from "../../fold/run-state.ts";

/** The position of a message in the log: its sequence, and the time it was stored (ms). */
export interface Mark {
  readonly sequence: number;
  readonly at: number;
}

/** The positions of a run in the log. */
export interface RunPositions {
  /** The position of its `submitted`. */
  readonly original: Mark;
  /** The position at which a fold can begin: the original, or the copy that the last `carried` names. */
  readonly base: Mark;
}

/**
 * The age of an end up to which a new owner answers the run's callers again. A repeated answer is ignored. A replay has
 * to begin before such runs.
 */
export const ANSWERED_AGAIN_MS = 120_000;

/** The age up to which a killed server may lose messages that it had stored, such as an end. */
const FORGOTTEN_MS = 10_000;

/**
 * The positions from which the log is needed, run by run: where a replay has to begin, and which runs have to be
 * carried before their events expire. They follow from the log alone and stay valid: a run that has ended needs its
 * events again only when it is redriven, and then the run is read again.
 */
export class ReplayPositions {
  /** The positions of unfinished runs, by tenant and id. */
  readonly #open = new Map<string, RunPositions>();
  /** The bases of runs that ended recently, and the log time until which they are needed, in the order of the ends. */
  readonly #ended = new Map<Mark, number>();
  #lastSequence = 0;
  #lastAt = 0;

  /** The log time in ms of the last event of the shard that was read. */
  get lastAt(): number {
    return this.#lastAt;
  }

  /** Notes an unfinished run, which is needed from its base on. */
  unfinished(run: RunAddress, positions: RunPositions): void {
    this.#open.set(runKey(run.tenant, run.run), positions);
  }

  /** Notes that the run's last event was read. */
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

  /** Notes that an event of the shard was read. */
  read(sequence: number, at: number): void {
    this.#lastSequence = sequence;
    this.#lastAt = at;
  }

  of(run: RunAddress): RunPositions | undefined {
    return this.#open.get(runKey(run.tenant, run.run));
  }

  /** The keys of the runs whose bases were stored before `at`. */
  olderThan(at: number): string[] {
    const found: string[] = [];
    for (const [key, { base }] of this.#open) if (base.at < at) found.push(key);
    return found;
  }

  /** The position at which a replay has to begin. No event before it is needed. */
  oldestNeeded(): Mark {
    let oldest: Mark = { sequence: this.#lastSequence, at: this.#lastAt };
    for (const { base } of this.#open.values()) if (base.sequence < oldest.sequence) oldest = base;
    // By the log's time: a takeover comes after the last message that was stored.
    for (const [mark, until] of this.#ended) if (until > this.#lastAt && mark.sequence < oldest.sequence) oldest = mark;
    return oldest;
  }
}
