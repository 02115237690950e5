import type { RunEvent } from "../../core/event.ts";
import { readCarried } from "./log-event.ts";
import type { Mark } from "./replay-positions.ts";

/** What a run is to be folded from, anew. */
export interface Carry {
  readonly events: readonly RunEvent[];
  /** The copy of `submitted` that it begins at. */
  readonly mark: Mark;
}

/**
 * Begins runs from their `carried` in a replay, where earlier events may be missing. A copy of `submitted` comes first;
 * what follows it is kept until the `carried` that names it has come, and belongs after the events that this has. So
 * whatever reached the log between the copy and the `carried` is in its place, and a `carried` whose copy was not read
 * (it has gone by age, or belongs to another owner's try) is passed over: there may be a gap between them.
 */
export class CompactionReader {
  readonly #copies = new Map<string, { readonly mark: Mark; readonly since: RunEvent[] }>();

  /** The next event of a run, whichever. Returns what to begin it from when the event is a `carried` that counts. */
  take(run: string, event: RunEvent): Carry | undefined {
    if (event.kind === "submitted" && event.body.original) {
      this.#copies.set(run, { mark: { sequence: event.sequence, at: event.at }, since: [] });
      return undefined;
    }
    const copy = this.#copies.size > 0 ? this.#copies.get(run) : undefined;
    if (!copy) return undefined;
    if (event.kind !== "carried") {
      copy.since.push(event);
      return undefined;
    }
    const { upTo, events } = event.body;
    if (upTo !== copy.mark.sequence || !events) return undefined;
    this.#copies.delete(run);
    return { events: [...readCarried(events), ...copy.since], mark: copy.mark };
  }

  clear(): void {
    this.#copies.clear();
  }
}
