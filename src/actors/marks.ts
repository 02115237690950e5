import type { RunAddress } from "../fold/run-state.ts";
import { runKey } from "../fold/run-state.ts";

/** A message of the log: its sequence, and when the log took it (ms). */
export interface Mark {
  readonly sequence: number;
  readonly at: number;
}

/**
 * Callers of runs that ended so long ago are answered again after a takeover: an answer that comes twice is ignored. So
 * a replay begins before these runs.
 */
export const ANSWERED_AGAIN_MS = 120_000;

/** A server that is killed may forget the last it stored, an end too: that is no older than this. */
const FORGOTTEN_MS = 10_000;

/**
 * From where on the log is needed, run by run: what a replay has to begin at. It follows from the log alone, and what it
 * says stays true: a run that has ended never needs its events again.
 */
export class Marks {
  /** Of unfinished runs, in the order in which they were begun. */
  readonly #open = new Map<string, Mark>();
  /** Of runs that ended a little while ago, and until when (log time) they are needed; in the order of their ends. */
  readonly #ended = new Map<Mark, number>();
  #lastSequence = 0;
  #lastAt = 0;

  begun(run: RunAddress, mark: Mark): void {
    this.#open.set(runKey(run.tenant, run.run), mark);
  }

  /** The run's last event was read. */
  ended(run: RunAddress, at: number, isAwaited: boolean): void {
    const key = runKey(run.tenant, run.run);
    const mark = this.#open.get(key);
    this.#open.delete(key);
    if (!mark) return;
    this.#ended.set(mark, at + (isAwaited ? ANSWERED_AGAIN_MS : FORGOTTEN_MS));
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

  /** Where a replay has to begin: nothing before it is needed by anybody. */
  oldestNeeded(): Mark {
    let oldest: Mark = { sequence: this.#lastSequence, at: this.#lastAt };
    for (const mark of this.#open.values()) if (mark.sequence < oldest.sequence) oldest = mark;
    // By the log's clock: whoever takes over does so later than the last message was stored.
    for (const [mark, until] of this.#ended) if (until > this.#lastAt && mark.sequence < oldest.sequence) oldest = mark;
    return oldest;
  }
}
