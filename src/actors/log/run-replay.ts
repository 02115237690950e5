import type { RunEvent } from "../../core/event.ts";
import { applyEvent, beginRun } from "../../fold/apply.ts";
import type { Effect } from "../../fold/effects.ts";
import type { RunState } from "../../fold/run-state.ts";
import type { RunObserver } from "../../timeline/run-observer.ts";
import { readCarried } from "./log-event.ts";
import type { Mark, RunPositions } from "./replay-positions.ts";

/**
 * One run, folded from whatever the log still has of it. Its owner, a query, a watcher and a redrive read a run by this,
 * so that `submitted`, `carried`, `redrive` and `ended` mean the same to all of them.
 *
 * A run is carried in two messages: a copy of its `submitted`, and then a `carried` that names the copy and has every
 * event before it. Until the end of the log is reached, earlier events may be missing, so what follows a copy is kept:
 * with its `carried` the run begins again from the events that this has, followed by those that were kept. A `carried`
 * whose copy was not read (it has expired, or belongs to another owner's try) is passed over: there may be a gap between.
 */
export class RunReplay {
  readonly tenant: string;
  readonly run: string;
  state: RunState | undefined;
  positions: RunPositions | undefined;
  /** The last copy whose `carried` has not been read, and what came since. */
  #copy: { readonly mark: Mark; readonly since: RunEvent[] } | undefined;
  #isReplaying = true;
  readonly #observer: RunObserver | undefined;

  constructor({ tenant, run }: { readonly tenant: string; readonly run: string }, observer?: RunObserver) {
    this.tenant = tenant;
    this.run = run;
    this.#observer = observer;
  }

  /** Whether the end of the log has not been reached yet: until then a run may have to begin again from a `carried`. */
  get isReplaying(): boolean {
    return this.#isReplaying;
  }

  /** The log was read to its end: from now on nothing is missing that a `carried` could bring. */
  endReplay(): void {
    this.#isReplaying = false;
    if (this.#copy) this.#copy.since.length = 0;
  }

  /** Folds the next event of the run, whichever it is. Returns `effects`, with what the event asks for added. */
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
