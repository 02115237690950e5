import type { AnyStateMachine, MachineImplementationsFrom } from "xstate";

/**
 * Everything that a chart leaves to its host: all of its actors, and all of its actions but those that it carries out
 * on its own context (`Own`). XState's `provide` takes whatever it is given, and a chart whose effect is missing does
 * nothing in silence; given this type, the compiler names the effect that is missing.
 *
 * @example
 * workerMachine.provide({ actors, actions } satisfies EffectsOf<typeof workerMachine, "takeLoad">)
 */
export type EffectsOf<M extends AnyStateMachine, Own extends string = never> = {
  readonly actors: Required<NonNullable<MachineImplementationsFrom<M>["actors"]>>;
  readonly actions: Required<Omit<NonNullable<MachineImplementationsFrom<M>["actions"]>, Own>>;
};
