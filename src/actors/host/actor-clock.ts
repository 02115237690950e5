import type { ActorOptions, AnyActorLogic } from "xstate";
import type { Clock } from "../../core/clock.ts";

/** A clock for XState's actors on top of Tutti's, so that virtual time applies to their delays, too. */
export function actorClock(clock: Clock): NonNullable<ActorOptions<AnyActorLogic>["clock"]> {
  return {
    setTimeout: (run, ms) => clock.timer(ms, run),
    clearTimeout: (disarm) => (disarm as (() => void) | undefined)?.(),
  };
}
