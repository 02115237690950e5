import type {
  AnyActorScope,
  AnyMachineSnapshot,
  AnyStateMachine,
  EventFromLogic,
  InputFrom,
  SnapshotFrom,
} from "xstate";

/**
 * An action that the machine only names: the fold carries it out. A machine lists its effects in one object, whose keys
 * are the type of what the fold has to know, so that a charted effect which is not carried out does not compile.
 */
export const effect = (): void => {};

/** A snapshot and the names of the effects that leading there asked for, in order. */
export interface Step<M extends AnyStateMachine, E extends string = string> {
  readonly snapshot: SnapshotFrom<M>;
  readonly effects: readonly E[];
}

/** Folds events over a machine's snapshots: no actor, no clock, no execution of actions. */
export interface Stepper<M extends AnyStateMachine, E extends string = string> {
  initial(input: InputFrom<M>): Step<M, E>;
  /** Computed once per snapshot and event type: only for events that carry no data. */
  stepOnce(snapshot: SnapshotFrom<M>, type: EventFromLogic<M>["type"]): Step<M, E>;
  /** Computed once per snapshot and step key (see {@link createStepper}). */
  step(snapshot: SnapshotFrom<M>, event: EventFromLogic<M>): Step<M, E>;
}

/**
 * Snapshots are immutable, so many tasks share one, and a transition need be computed only once for each snapshot and
 * `keyOf(event)`: 3 to 8 µs the first time (XState 5.33, Node 24), a look-up after that. The key must differ where
 * anything differs in an event that guards or assignments look at, so it stands beside them in the machine's file.
 *
 * `isShared`: whether the steps from a snapshot are kept (default: all are). A machine that counts without a limit says where
 * that ends: each kept step holds the snapshot that it leads to, and that the next, for the life of the process.
 */
export function createStepper<M extends AnyStateMachine, E extends string = string>(
  machine: M,
  keyOf: (event: EventFromLogic<M>) => string,
  isShared: (snapshot: SnapshotFrom<M>) => boolean = () => true,
): Stepper<M, E> {
  const effects: E[] = [];
  // What XState's own transition() uses, kept for all steps: making it again costs more than the step.
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
    actionExecutor: (action: { type: E }) => void effects.push(action.type),
  } as unknown as AnyActorScope;
  const finish = (snapshot: SnapshotFrom<M>): Step<M, E> => {
    const step = { snapshot, effects: effects.slice() };
    effects.length = 0;
    return step;
  };
  const known = new WeakMap<object, Map<string, Step<M, E>>>();
  const compute = (snapshot: SnapshotFrom<M>, event: EventFromLogic<M>): Step<M, E> => {
    // An actor that is done takes no more events. The bare machine would: what stands at its top counts in all states.
    if ((snapshot as AnyMachineSnapshot).status !== "active") return { snapshot, effects: [] };
    return finish(machine.transition(snapshot, event, scope) as SnapshotFrom<M>);
  };
  const recall = (snapshot: SnapshotFrom<M>, key: string) => known.get(snapshot as object)?.get(key);
  const keep = (snapshot: SnapshotFrom<M>, key: string, event: EventFromLogic<M>): Step<M, E> => {
    const computed = compute(snapshot, event);
    if (!isShared(snapshot)) return computed;
    const steps = known.get(snapshot as object);
    if (steps) steps.set(key, computed);
    else known.set(snapshot as object, new Map([[key, computed]]));
    return computed;
  };
  return {
    initial: (input) => finish(machine.getInitialSnapshot(scope, input) as SnapshotFrom<M>),
    stepOnce: (snapshot, type) => recall(snapshot, type) ?? keep(snapshot, type, { type } as EventFromLogic<M>),
    step: (snapshot, event) => recall(snapshot, keyOf(event)) ?? keep(snapshot, keyOf(event), event),
  };
}
