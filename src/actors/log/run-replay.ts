import type { RunEvent } from "../../core/event.ts";
import { applyEvent, beginRun } from "../../fold/apply.ts";
import type { Effect } from "../../fold/effects.ts";
import type { RunState } from "../../fold/run-state.ts";
import type { RunObserver } from "../../timeline/run-observer.ts";
import { readCarried } from "./log-event.ts";
import type { Mark, RunPositions } from "./replay-positions.ts";

/**
 * Folds one run from the events that the log still has of it. Owners, queries, watchers and redrives all use it, so
 * that `submitted`, `carried`, `redrive` and `ended` have the same meaning everywhere.
 *
 * A run is carried in two messages: a copy of its `submitted`, and then a `carried` that names the copy and contains
 * every event before it. Until the end of the log is reached, earlier events may be missing, so the events after a copy
 * are kept: with the `carried`, the run begins again from the events it contains, followed by those that were kept. A
 * `carried` whose copy was not read (it has expired, or belongs to another owner's attempt) is skipped, since events
 * may be missing between.
 */
export class RunReplay {
  readonly tenant: string;
  readonly run: string;
  state: RunState | undefined;
  positions: RunPositions | undefined;
  /** The last copy whose `carried` has not been read, and the events since. */
  #copy: { readonly mark: Mark; readonly since: RunEvent[] } | undefined;
  #isReplaying = true;
  readonly #observer: RunObserver | undefined;

  constructor({ tenant, run }: { readonly tenant: string; readonly run: string }, observer?: RunObserver) {
    this.tenant = tenant;
    this.run = run;
    this.#observer = observer;
  }

  /** Whether the end of the log has not been reached, so that the run may have to begin again from a `carried`. */
  get isReplaying(): boolean {
    return this.#isReplaying;
  }

  /** Notes that the end of the log was reached: from now on, no events are missing that a `carried` could supply. */
  endReplay(): void {
    this.#isReplaying = false;
    if (this.#copy) this.#copy.since.length = 0;
  }

  /** Folds the next event of the run. Adds its effects to `effects`, and returns them. */
  take(shard: number, event: RunEvent, effects: Effect[] = []): Effect[] {
    if (event.kind === "submitted") this.#takeSubmitted(shard, event, effects);
    else if (event.kind === "carried") this.#takeCarried(shard, event, effects);
    else {
      if (this.#isReplaying) this.#copy?.since.push(event);
      if (this.state) this.#apply(this.state, event, effects);
    }
    return effects;
  }

  #apply(state: RunState, event: Exclude<RunEvent, { kind: "submitted" }>, effects: Effect[]): void {
    const from = effects.length;
    applyEvent(state, event, effects);
    this.#observer?.observe(state, event, effects.slice(from));
  }

  #takeSubmitted(shard: number, event: RunEvent & { kind: "submitted" }, effects: Effect[]): void {
    const mark = { sequence: event.sequence, at: event.at };
    if (event.body.original) this.#copy = { mark, since: [] };
    else if (!this.state) this.#begin(shard, event, mark, effects);
  }

  #takeCarried(shard: number, { body: { upTo, events } }: RunEvent & { kind: "carried" }, effects: Effect[]): void {
    const copy = this.#copy;
    if (upTo !== copy?.mark.sequence) return;
    if (this.#isReplaying) {
      if (!events) return;
      const [first, ...rest] = readCarried(events);
      if (first?.kind !== "submitted") return;
      this.#begin(shard, first, copy.mark, effects);
      for (const one of [...rest, ...copy.since]) if (one.kind !== "submitted") this.#apply(this.state!, one, effects);
    } else if (this.positions) {
      this.positions = { original: this.positions.original, base: copy.mark };
    }
    this.#copy = undefined;
  }

  #begin(shard: number, event: RunEvent & { kind: "submitted" }, base: Mark, effects: Effect[]): void {
    const { body, sequence, at } = event;
    const from = effects.length;
    this.state = beginRun({ tenant: this.tenant, shard, run: this.run }, body, at, effects);
    this.positions = { original: { sequence, at }, base };
    this.#observer?.observe(this.state, event, effects.slice(from));
  }
}
