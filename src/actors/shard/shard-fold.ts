import type { RunEvent } from "../../core/event.ts";
import type { Effect } from "../../fold/effects.ts";
import { isOver, type RunAddress, type RunState, runKey } from "../../fold/run-state.ts";
import type { RunObserver } from "../../timeline/run-observer.ts";
import type { ReadEvent } from "../log/log-event.ts";
import { ReplayPositions } from "../log/replay-positions.ts";
import { RunReplay } from "../log/run-replay.ts";

/** What a shard's fold asks of its host. */
export interface ShardFoldHost {
  /** Reads a run that is in no memory any more, as it stood before that event; undefined when the log does not have it. */
  reload(address: RunAddress, before: number): Promise<RunReplay | undefined>;
  /** Who is to be shown a run's events, for its trace. */
  observerOf(): RunObserver | undefined;
}

/** The unfinished runs of a shard, each folded from its events, and where in the log they begin. */
export class ShardFold {
  readonly positions = new ReplayPositions();
  readonly #runs = new Map<string, RunReplay>();
  readonly #host: ShardFoldHost;
  #isReplaying = true;

  constructor(host: ShardFoldHost) {
    this.#host = host;
  }

  /** Unfinished runs. */
  get count(): number {
    return this.#runs.size;
  }

  /** An unfinished run, by its `runKey`. */
  find(key: string): RunState | undefined {
    return this.#runs.get(key)?.state;
  }

  *states(): Iterable<RunState> {
    for (const { state } of this.#runs.values()) if (state) yield state;
  }

  /**
   * Folds the next event of the shard, and adds what it asks for to `effects`. What comes after an event for which this
   * returns a promise has to wait for that.
   */
  apply(event: ReadEvent & { read: RunEvent }, effects: Effect[] = []): void | Promise<void> {
    const { read } = event;
    this.positions.read(read.sequence, read.at);
    const key = runKey(event.tenant, event.run);
    const replay = this.#runs.get(key);
    if (read.kind === "redrive" && !replay?.state) return this.#reopen(key, event, read, effects);
    if (replay) return this.#fold(key, replay, event, effects);
    // Anything else concerns a run that has ended.
    if (read.kind !== "submitted" || (read.body.original && !this.#isReplaying)) return;
    this.#fold(key, this.#add(key, event), event, effects);
  }

  /** The log was read to its end: runs of which no more was found than a copy of their first event have ended. */
  endReplay(): void {
    this.#isReplaying = false;
    for (const [key, replay] of this.#runs) {
      replay.endReplay();
      if (!replay.state) this.#runs.delete(key);
    }
  }

  #add(key: string, address: RunAddress): RunReplay {
    const replay = new RunReplay(address, this.#host.observerOf());
    if (!this.#isReplaying) replay.endReplay();
    this.#runs.set(key, replay);
    return replay;
  }

  #fold(key: string, replay: RunReplay, { shard, read }: ReadEvent & { read: RunEvent }, effects: Effect[]): void {
    const before = replay.positions;
    replay.take(shard, read, effects);
    const { state, positions } = replay;
    if (!state || !positions) return;
    if (positions !== before) this.positions.unfinished(state, positions);
    if (isOver(state)) {
      this.#runs.delete(key);
      this.positions.ended(state, read.at, state.submitted.replyTo !== undefined);
    }
  }

  /** What has ended was forgotten: it is read again, and if the redrive counts, it is one of ours once more. */
  async #reopen(
    key: string,
    event: ReadEvent,
    redrive: RunEvent & { kind: "redrive" },
    effects: Effect[],
  ): Promise<void> {
    // It may belong to a `carried` that is still to come.
    this.#runs.get(key)?.take(event.shard, redrive);
    const replay = await this.#host.reload(event, redrive.sequence);
    if (!replay?.state || !replay.positions) return;
    if (!this.#isReplaying) replay.endReplay();
    replay.take(event.shard, redrive, effects);
    if (isOver(replay.state)) return;
    this.#runs.set(key, replay);
    this.positions.unfinished(replay.state, replay.positions);
  }
}
