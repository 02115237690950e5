import type { Ended, RunEvent } from "../../core/event.ts";
import { applyEvent, beginRun } from "../../fold/apply.ts";
import type { FoldEffects } from "../../fold/effects.ts";
import { isOver, type RunAddress, type RunState, runKey } from "../../fold/run-state.ts";
import { type Carry, CompactionReader } from "../log/compaction-reader.ts";
import type { ReadEvent } from "../log/log-event.ts";
import type { Reloaded } from "../log/reload-run.ts";
import { ReplayPositions } from "../log/replay-positions.ts";

interface ShardFoldDependencies {
  readonly effects: FoldEffects;
  /** Whether the replay is over: then every unfinished run is known, and nothing is missing of it. */
  isLive(): boolean;
  onBegun(run: RunState): void;
  onEnded(run: RunState, ended: Ended, at: number): void;
  onReopened(run: RunState): void;
  /** The run is begun anew: nothing that was asked for it holds any more. */
  forget(run: RunState): void;
  /** A run that is in nobody's memory any more, as it stood before that event. */
  reload(address: RunAddress, before: number): Promise<Reloaded | undefined>;
}

/** The unfinished runs of a shard, folded from its log, and where in the log they begin. */
export class ShardFold {
  readonly runs = new Map<string, RunState>();
  readonly marks = new ReplayPositions();
  /** Log time of the event that is being folded, ms. */
  at = 0;
  readonly #dependencies: ShardFoldDependencies;
  readonly #carries = new CompactionReader();

  constructor(dependencies: ShardFoldDependencies) {
    this.#dependencies = dependencies;
  }

  /** What comes after an event for which it returns a promise has to wait for that. */
  apply(event: ReadEvent & { read: RunEvent }): void | Promise<void> {
    const { read } = event;
    this.marks.read(read.sequence, read.at);
    const key = runKey(event.tenant, event.run);
    // What a replay has read of a run may have gaps; what is carried has none.
    const carry = this.#dependencies.isLive() ? undefined : this.#carries.take(key, read);
    if (carry) return this.#beginAnew(key, event, carry);
    this.at = read.at;
    const run = this.runs.get(key);
    if (read.kind === "submitted") {
      if (read.body.original) this.marks.copied(key, { sequence: read.sequence, at: read.at });
      else if (!run) this.#begin(key, event, read);
    } else if (read.kind === "carried") {
      this.marks.carried(key, read.body.upTo);
    } else if (run) {
      this.#apply(run, read);
    } else if (read.kind === "redrive") {
      return this.#reopen(key, event, read);
    }
  }

  /** The replay is over: what waited for a `carried` is not needed. */
  endReplay(): void {
    this.#carries.clear();
  }

  #begin(key: string, { tenant, shard, run }: RunAddress, { body, sequence, at }: RunEvent & { kind: "submitted" }) {
    this.at = at;
    const begun = beginRun({ tenant, shard, run }, body, at, this.#dependencies.effects);
    this.marks.begun(begun, { sequence, at });
    this.runs.set(key, begun);
    this.#dependencies.onBegun(begun);
    return begun;
  }

  #apply(run: RunState, read: Exclude<RunEvent, { kind: "submitted" }>): void {
    applyEvent(run, read, this.#dependencies.effects);
    if (read.kind !== "ended") return;
    this.marks.ended(run, read.at, run.submitted.replyTo !== undefined);
    this.#dependencies.onEnded(run, read.body, read.at);
  }

  #beginAnew(key: string, address: RunAddress, { events, mark }: Carry): void {
    const before = this.runs.get(key);
    if (before) this.#dependencies.forget(before);
    const [first, ...rest] = events;
    if (first?.kind !== "submitted") return;
    const run = this.#begin(key, address, first);
    for (const event of rest) {
      if (event.kind === "submitted") continue;
      this.at = event.at;
      const wasOver = isOver(run);
      if (!wasOver) this.#apply(run, event);
      else if (event.kind === "redrive") applyEvent(run, event, this.#dependencies.effects);
      if (!wasOver || isOver(run)) continue;
      // It was redriven in between.
      this.runs.set(key, run);
      this.marks.begun(run, { sequence: first.sequence, at: first.at });
    }
    this.marks.copied(key, mark);
    this.marks.carried(key, mark.sequence);
  }

  /** What has ended was forgotten: it is read again, and if the redrive counts, it is one of ours once more. */
  async #reopen(key: string, address: RunAddress, redrive: RunEvent & { kind: "redrive" }): Promise<void> {
    const reloaded = await this.#dependencies.reload(address, redrive.sequence);
    if (!reloaded) return;
    const { state, begun } = reloaded;
    this.runs.set(key, state);
    applyEvent(state, redrive, this.#dependencies.effects);
    if (isOver(state)) return void this.runs.delete(key);
    this.marks.begun(state, begun.original, begun.base);
    this.#dependencies.onReopened(state);
  }
}
