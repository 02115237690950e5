import type { RunEvent } from "../../core/event.ts";
import { applyEvent, beginRun } from "../../fold/apply.ts";
import { type FoldEffects, noEffects } from "../../fold/effects.ts";
import type { RunState } from "../../fold/run-state.ts";
import { CompactionReader } from "./compaction-reader.ts";
import type { Mark } from "./replay-positions.ts";

/** Where a fold of a run begins: at its `submitted`, or at a copy of that whose `carried` has what came before. */
export interface Begun {
  readonly original: Mark;
  readonly base: Mark;
}

/** One run, folded by somebody who does not own it, from whatever the log still has of it. */
export class RunReading {
  readonly #tenant: string;
  readonly #run: string;
  readonly #effects: FoldEffects;
  readonly #carries = new CompactionReader();
  /** Until the log has been read to its end: from then on nothing is missing that a `carried` could bring. */
  isReplaying = true;
  state: RunState | undefined;
  begun: Begun | undefined;

  constructor(tenant: string, run: string, effects: FoldEffects = noEffects) {
    this.#tenant = tenant;
    this.#run = run;
    this.#effects = effects;
  }

  /** Folds the next event of the run. Returns whether the state was begun anew. */
  take(shard: number, read: RunEvent): boolean {
    const carry = this.isReplaying ? this.#carries.take(this.#run, read) : undefined;
    if (!carry) {
      this.#fold(shard, read);
      return false;
    }
    this.state = undefined;
    for (const event of carry.events) this.#fold(shard, event);
    if (this.begun) this.begun = { ...(this.begun as Begun), base: carry.mark };
    return true;
  }

  #fold(shard: number, read: RunEvent): void {
    if (read.kind !== "submitted") {
      if (this.state) applyEvent(this.state, read, this.#effects);
    } else if (!this.state && !read.body.original) {
      const original = { sequence: read.sequence, at: read.at };
      this.state = beginRun({ tenant: this.#tenant, shard, run: this.#run }, read.body, read.at, this.#effects);
      this.begun = { original, base: original };
    }
  }
}
