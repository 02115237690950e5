import type { AnyStateMachine, AnyStateNode, AnyTransitionDefinition } from "xstate";

/** One transition of a chart, in words. */
export interface ChartArrow {
  readonly from: AnyStateNode;
  /** Where it leads; the state itself for a transition that only carries out actions. */
  readonly to: AnyStateNode;
  /** `ready`, `after grace`, `claim done`, `claim failed`, `always`. */
  readonly on: string;
  readonly guard: string | undefined;
  readonly actions: readonly string[];
  /** The event is taken and changes nothing. */
  readonly isIgnored: boolean;
}

const nameOf = (reference: unknown): string =>
  typeof reference === "string" ? reference : (reference as { readonly type: string }).type;

/** Names of actions as the chart has them; XState's own, for delays, are left out. */
export const namesOf = (references: readonly unknown[]): string[] =>
  references.map(nameOf).filter((name) => !name.startsWith("xstate."));

/** Every state below the root, parents before their children, in the order of the chart. */
export function statesOf(machine: AnyStateMachine): AnyStateNode[] {
  const below = (node: AnyStateNode): AnyStateNode[] =>
    Object.values(node.states).flatMap((child) => [child, ...below(child)]);
  return below(machine.root);
}

/** The transitions that leave a state, in the order in which they are tried. */
export function arrowsFrom(node: AnyStateNode): ChartArrow[] {
  const transitions = [...[...node.transitions.values()].flat(), ...(node.always ?? [])];
  return transitions.flatMap((transition) => describe(node, transition));
}

function describe(from: AnyStateNode, transition: AnyTransitionDefinition): ChartArrow[] {
  const { target, guard, eventType } = transition;
  const actions = namesOf(transition.actions);
  const arrow = { from, on: wordsFor(eventType), guard: guard === undefined ? undefined : nameOf(guard), actions };
  const isIgnored = target === undefined && actions.length === 0;
  return (target ?? [from]).map((to) => ({ ...arrow, to: to as AnyStateNode, isIgnored }));
}

/** XState names the events of delays and of invoked actors after the state or the actor that they come from. */
function wordsFor(eventType: string): string {
  const [, delay] = /^xstate\.after\.([^.]+)\./.exec(eventType) ?? [];
  if (delay !== undefined) return `after ${delay}`;
  const [, outcome, actor] = /^xstate\.(done|error)\.actor\.(.+)$/.exec(eventType) ?? [];
  if (actor !== undefined) return `${actor} ${outcome === "done" ? "done" : "failed"}`;
  return eventType === "" ? "always" : eventType;
}

/** `ready [mayRetry] / plant`: the event, its guard and what is carried out on the way. */
export function labelOf({ on, guard, actions, isIgnored }: ChartArrow): string {
  const condition = guard === undefined ? "" : ` [${guard}]`;
  const effects = actions.length > 0 ? ` / ${actions.join(", ")}` : isIgnored ? " (ignored)" : "";
  return `${on}${condition}${effects}`;
}

/** What happens in a state itself: `entry / openAttempt`, `exit / …`, `invoke claim`. */
export function activitiesOf(node: AnyStateNode): string[] {
  const entry = namesOf(node.entry);
  const exit = namesOf(node.exit);
  return [
    ...(entry.length > 0 ? [`entry / ${entry.join(", ")}`] : []),
    ...(exit.length > 0 ? [`exit / ${exit.join(", ")}`] : []),
    ...node.invoke.map(({ src }) => `invoke ${nameOf(src)}`),
  ];
}

/** The state that is entered first, of a state that has others inside. */
export const initialOf = (node: AnyStateNode): AnyStateNode | undefined =>
  node.type === "compound" ? (node.initial.target[0] as AnyStateNode) : undefined;
