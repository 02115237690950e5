import type {
  AnyActorScope,
  AnyMachineSnapshot,
  AnyStateMachine,
  EventFromLogic,
  InputFrom,
  SnapshotFrom,
} from "xstate";

/** A snapshot and the names of the effects that leading there asked for, in order. */
export interface Step<M extends AnyStateMachine> {
  readonly snapshot: SnapshotFrom<M>;
  readonly effects: readonly string[];
}

/** Folds events over a machine's snapshots: no actor, no clock, no execution of actions. */
export interface Stepper<M extends AnyStateMachine> {
  initial(input: InputFrom<M>): Step<M>;
  /** For an event on whose data a guard or an assignment depends. */
  step(snapshot: SnapshotFrom<M>, event: EventFromLogic<M>): Step<M>;
  /** The same, computed once per snapshot and event type: only for events that carry no data. */
  stepOnce(snapshot: SnapshotFrom<M>, type: EventFromLogic<M>["type"]): Step<M>;
  /** Computed once per snapshot and `key`, which must differ where anything differs that guards or assignments look at. */
  stepAlike(snapshot: SnapshotFrom<M>, key: string, event: EventFromLogic<M>): Step<M>;
}

/**
 * Snapshots are immutable, so many tasks share one, and a transition on which no data depends need be computed only
 * once: 3 to 8 µs the first time (XState 5.33, Node 24), a look-up after that.
 */
export function createStepper<M extends AnyStateMachine>(machine: M): Stepper<M> {
  const effects: string[] = [];
  // What XState's own transition() uses, kept for all steps: making it anew costs more than the step.
  const nobody = { id: "fold", sessionId: "fold", _parent: undefined, send() {}, on: () => ({ unsubscribe() {} }) };
  const scope = {
    self: nobody,
    system: { _sendInspectionEvent() {}, _relay() {}, _bookId: () => "", scheduler: {}, get: () => undefined },
    id: "fold",
    sessionId: "fold",
    logger() {},
    defer() {},
    stopChild() {},
    emit() {},
    actionExecutor: (action: { type: string }) => void effects.push(action.type),
  } as unknown as AnyActorScope;
  const finish = (snapshot: SnapshotFrom<M>): Step<M> => {
    const step = { snapshot, effects: effects.slice() };
    effects.length = 0;
    return step;
  };
  const known = new WeakMap<object, Map<string, Step<M>>>();
  const step = (snapshot: SnapshotFrom<M>, event: EventFromLogic<M>): Step<M> => {
    // An actor that is done takes no more events. The bare machine would: what stands at its top counts in all states.
    if ((snapshot as AnyMachineSnapshot).status !== "active") return { snapshot, effects: NO_EFFECTS };
    return finish(machine.transition(snapshot, event, scope) as SnapshotFrom<M>);
  };
  const recall = (snapshot: SnapshotFrom<M>, key: string) => known.get(snapshot as object)?.get(key);
  const keep = (snapshot: SnapshotFrom<M>, key: string, event: EventFromLogic<M>): Step<M> => {
    const computed = step(snapshot, event);
    const steps = known.get(snapshot as object);
    if (steps) steps.set(key, computed);
    else known.set(snapshot as object, new Map([[key, computed]]));
    return computed;
  };
  return {
    initial: (input) => finish(machine.getInitialSnapshot(scope, input) as SnapshotFrom<M>),
    step,
    stepOnce: (snapshot, type) => recall(snapshot, type) ?? keep(snapshot, type, { type } as EventFromLogic<M>),
    stepAlike: (snapshot, key, event) => recall(snapshot, key) ?? keep(snapshot, key, event),
  };
}

const NO_EFFECTS: readonly string[] = [];
