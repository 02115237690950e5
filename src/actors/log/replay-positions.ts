import { type RunAddress, runKey } from "../../fold/run-state.ts";

/** A message of the log: its sequence, and when the log took it (ms). */
export interface Mark {
  readonly sequence: number;
  readonly at: number;
}

/** An unfinished run, as the log has it. */
export interface OpenRun {
  /** Its `submitted`. */
  readonly original: Mark;
  /** What a fold of it can begin at: the original, or the copy that its last `carried` names. */
  base: Mark;
  /** A later copy, whose `carried` has not been read yet. */
  copy: Mark | undefined;
}

/**
 * Callers of runs that ended so long ago are answered again after a takeover: an answer that comes twice is ignored. So
 * a replay begins before these runs.
 */
export const ANSWERED_AGAIN_MS = 120_000;

/** A server that is killed may forget the last it stored, an end too: that is no older than this. */
const FORGOTTEN_MS = 10_000;

/**
 * From where on the log is needed, run by run: what a replay has to begin at, and which runs have to be carried before
 * their events go by age. It follows from the log alone, and what it says stays true: a run that has ended needs its
 * events again only when it is redriven, and then whoever reads that reads the run anew.
 */
export class ReplayPositions {
  /** Unfinished runs, roughly by the age of their bases. */
  readonly #open = new Map<string, OpenRun>();
  /** Bases of runs that ended a little while ago, and until when (log time) they are needed; in the order of their ends. */
  readonly #ended = new Map<Mark, number>();
  #lastSequence = 0;
  #lastAt = 0;

  begun(run: RunAddress, original: Mark, base = original): void {
    const key = runKey(run.tenant, run.run);
    this.#open.set(key, { original, base, copy: this.#open.get(key)?.copy });
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

  /** A copy of an unfinished run's `submitted` was read. */
  copied(key: string, copy: Mark): void {
    const open = this.#open.get(key);
    if (open) open.copy = copy;
  }

  /** A `carried` was read: if it names the copy that was read last, the run can be folded from there. */
  carried(key: string, upTo: number): void {
    const open = this.#open.get(key);
    if (open?.copy?.sequence !== upTo) return;
    this.#open.delete(key);
    this.#open.set(key, { original: open.original, base: open.copy, copy: undefined });
  }

  /** Any event of the shard was read. */
  read(sequence: number, at: number): void {
    this.#lastSequence = sequence;
    this.#lastAt = at;
  }

  of(run: RunAddress): OpenRun | undefined {
    return this.#open.get(runKey(run.tenant, run.run));
  }

  /** Keys of the runs whose bases were stored before `at`. */
  olderThan(at: number): string[] {
    const found: string[] = [];
    for (const [key, { base }] of this.#open) if (base.at < at) found.push(key);
    return found;
  }

  /** Where a replay has to begin: nothing before it is needed by anybody. */
  oldestNeeded(): Mark {
    let oldest: Mark = { sequence: this.#lastSequence, at: this.#lastAt };
    for (const { base } of this.#open.values()) if (base.sequence < oldest.sequence) oldest = base;
    // By the log's clock: whoever takes over does so later than the last message was stored.
    for (const [mark, until] of this.#ended) if (until > this.#lastAt && mark.sequence < oldest.sequence) oldest = mark;
    return oldest;
  }
}
