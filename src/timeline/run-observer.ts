import type { RunEvent } from "../core/event.ts";
import type { Effect } from "../fold/effects.ts";
import type { RunState } from "../fold/run-state.ts";

/**
 * Is shown every event that a run's state is made of, once and in order, with what it changed. A `submitted` begins, and
 * begins again where a `carried` has brought back events that had expired.
 */
export interface RunObserver {
  /** `run`: as it stands after the event. */
  observe(run: RunState, event: RunEvent, effects: readonly Effect[]): void;
}

/** Shows everything to several observers. */
export const observeAll = (...observers: readonly RunObserver[]): RunObserver => ({
  observe(run, event, effects) {
    for (const one of observers) one.observe(run, event, effects);
  },
});
