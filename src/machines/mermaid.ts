import type { AnyStateMachine, AnyStateNode } from "xstate";
import { activitiesOf, arrowsFrom, type ChartArrow, initialOf, labelOf, statesOf } from "./chart-arrows.ts";

/**
 * A chart as a Mermaid state diagram, with all of its states and transitions. What stands at the top of a chart and
 * counts in all states is drawn from each of the outermost states that does not handle the event itself.
 */
export const toMermaid = (machine: AnyStateMachine): string => documentOf(chartOf(machine, idWithin("")));

/** Several charts in one diagram, each inside a state of its name. */
export const toMermaidTogether = (charts: Readonly<Record<string, AnyStateMachine>>): string =>
  documentOf(
    Object.entries(charts).flatMap(([name, machine]) => [
      `state "${name}" as ${name} {`,
      ...indent(chartOf(machine, idWithin(`${name}_`))),
      "}",
    ]),
  );

/** The id of a state in a diagram. */
type IdOf = (node: AnyStateNode) => string;
const idWithin =
  (prefix: string): IdOf =>
  (node) =>
    prefix + node.path.join("_");

const documentOf = (lines: readonly string[]): string => ["stateDiagram-v2", ...indent(lines), ""].join("\n");

function chartOf(machine: AnyStateMachine, idOf: IdOf): string[] {
  const { root } = machine;
  const first = initialOf(root);
  const around = activitiesOf(root);
  return [
    ...bodyOf(root, idOf),
    ...(first && around.length > 0 ? note(idOf(first), ["everywhere", ...around]) : []),
    ...arrowsOf(machine).map((arrow) => `${idOf(arrow.from)} --> ${idOf(arrow.to)} : ${labelOf(arrow)}`),
  ];
}

function arrowsOf(machine: AnyStateMachine): ChartArrow[] {
  const everywhere = arrowsFrom(machine.root);
  const outermost = Object.values(machine.root.states).filter(({ type }) => type !== "final");
  return [
    ...statesOf(machine).flatMap(arrowsFrom),
    ...outermost.flatMap((from) => {
      const own = new Set(arrowsFrom(from).map(({ on }) => on));
      return everywhere.filter(({ on }) => !own.has(on)).map((arrow) => ({ ...arrow, from }));
    }),
  ];
}

/** The states inside another, where they begin and where they end. */
function bodyOf(node: AnyStateNode, idOf: IdOf): string[] {
  const first = initialOf(node);
  const children = Object.values(node.states);
  return [
    ...(first ? [`[*] --> ${idOf(first)}`] : []),
    ...children.flatMap((child) => stateOf(child, idOf)),
    ...children.filter(({ type }) => type === "final").map((child) => `${idOf(child)} --> [*]`),
  ];
}

function stateOf(node: AnyStateNode, idOf: IdOf): string[] {
  const activities = activitiesOf(node);
  const id = idOf(node);
  if (node.type !== "compound") return [node.key, ...activities].map((line) => `${id} : ${line}`);
  const inside = [`state "${node.key}" as ${id} {`, ...indent(bodyOf(node, idOf)), "}"];
  return activities.length > 0 ? [...inside, ...note(id, activities)] : inside;
}

const note = (id: string, lines: readonly string[]): string[] => [`note right of ${id}`, ...indent(lines), "end note"];

const indent = (lines: readonly string[]): string[] => lines.map((line) => `  ${line}`);
