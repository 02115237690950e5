import type { RunEvent } from "../core/event.ts";
import type { RunStep } from "../core/run-step.ts";
import { applyEvent, beginRun } from "../fold/apply.ts";
import type { Effect } from "../fold/effects.ts";
import type { RunAddress, RunState } from "../fold/run-state.ts";
import type { RunObserver } from "./run-observer.ts";
import { stepOf } from "./steps.ts";

/**
 * The events that a run's state is made of, and what each of them changed: with these, the run can be looked at as it stood
 * at any moment.
 */
export class RunHistory implements RunObserver {
  #address: RunAddress | undefined;
  #events: RunEvent[] = [];
  #steps: RunStep[] = [];

  observe({ tenant, shard, run }: RunState, event: RunEvent, effects: readonly Effect[]): void {
    if (event.kind === "submitted") {
      this.#address = { tenant, shard, run };
      this.#events = [];
      this.#steps = [];
    }
    this.#events.push(event);
    this.#steps.push(stepOf(event, effects));
  }

  get events(): readonly RunEvent[] {
    return this.#events;
  }

  get steps(): readonly RunStep[] {
    return this.#steps;
  }

  /** The last step with at most this sequence, at or before this time (ms); undefined: the run had not begun. */
  stepAt({ sequence = Number.POSITIVE_INFINITY, timeMs = Number.POSITIVE_INFINITY }): RunStep | undefined {
    const index = this.#events.findLastIndex((event) => event.sequence <= sequence && event.at <= timeMs);
    return this.#steps[index];
  }

  /** The run as it stood after the event with that sequence: a fold of its own. */
  stateAt(sequence: number): RunState {
    const [first, ...rest] = this.#events;
    if (first?.kind !== "submitted" || !this.#address) throw new Error("nothing of the run was observed");
    const state = beginRun(this.#address, first.body, first.at);
    for (const event of rest) {
      if (event.sequence > sequence) break;
      if (event.kind !== "submitted") applyEvent(state, event);
    }
    return state;
  }
}
