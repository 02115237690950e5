import type { AnyStateMachine, AnyStateNode } from "xstate";
import { activitiesOf, arrowsFrom, initialOf, labelOf } from "./chart-arrows.ts";

/** A line of a chart that is written out as text. */
export interface OutlineLine {
  /** How far it stands to the right: states inside others are one further. */
  readonly depth: number;
  readonly kind: "chart" | "description" | "state" | "activity" | "arrow";
  readonly text: string;
}

/** A chart as lines of text: each state with what it means, what happens in it, and where it leads. */
export function outlineOf(machine: AnyStateMachine): OutlineLine[] {
  const { root } = machine;
  return [{ depth: 0, kind: "chart", text: machine.id }, ...insideOf(root, 1, undefined)];
}

function insideOf(node: AnyStateNode, depth: number, within: AnyStateNode | undefined): OutlineLine[] {
  const line = (kind: OutlineLine["kind"], text: string): OutlineLine => ({ depth, kind, text });
  const first = initialOf(node);
  return [
    ...(node.description ? [line("description", node.description)] : []),
    ...activitiesOf(node).map((activity) => line("activity", activity)),
    ...arrowsFrom(node).map((arrow) =>
      line("arrow", arrow.to === node ? labelOf(arrow) : `${labelOf(arrow)} → ${nameFrom(within, arrow.to)}`),
    ),
    ...Object.values(node.states).flatMap((child) => [
      line("state", `${child.key}${marksOf(child, first)}`),
      ...insideOf(child, depth + 1, node),
    ]),
  ];
}

/** `serving` for a neighbour, `joining.opening` for a state that is inside another one. */
const nameFrom = (within: AnyStateNode | undefined, to: AnyStateNode): string =>
  to.parent === within ? to.key : to.path.join(".");

function marksOf(node: AnyStateNode, first: AnyStateNode | undefined): string {
  const marks = [...(node === first ? ["first"] : []), ...(node.type === "final" ? ["final"] : []), ...node.tags];
  return marks.length > 0 ? ` (${marks.join(", ")})` : "";
}
