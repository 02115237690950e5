import type { ActorOptions, AnyActorLogic } from "xstate";
import type { Clock } from "../../core/clock.ts";

/** The clock of XState's actors: their delays come from ours, so that virtual time governs them too. */
export function actorClock(clock: Clock): NonNullable<ActorOptions<AnyActorLogic>["clock"]> {
  return {
    setTimeout: (run, ms) => clock.timer(ms, run),
    clearTimeout: (disarm) => (disarm as (() => void) | undefined)?.(),
  };
}
