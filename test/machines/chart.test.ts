import { describe, expect, it } from "vitest";
import type { AnyStateNode } from "xstate";
import { getStateNodes } from "xstate/graph";
import { breakerMachine } from "../../src/machines/breaker.ts";
import { orchestratorMachine } from "../../src/machines/orchestrator.ts";
import { runMachine } from "../../src/machines/run.ts";
import { shardMachine } from "../../src/machines/shard.ts";
import { taskMachine } from "../../src/machines/task.ts";
import { workerMachine } from "../../src/machines/worker.ts";

/** Charts are read by people and drawn by the Stately visualizer: names only, and nothing in them that leads nowhere. */

/** Paths of everything in a chart that is code. */
function findFunctions(value: unknown, path: string): string[] {
  if (typeof value === "function") return [path];
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, item]) => findFunctions(item, `${path}/${key}`));
}

const nodesOf = (machine: { readonly root: AnyStateNode }) => [machine.root, ...getStateNodes(machine.root)];
const transitionsOf = (node: AnyStateNode) => [...[...node.transitions.values()].flat(), ...(node.always ?? [])];

/** States that can be entered from `from`: its first child, what contains it, and the targets of all of their transitions. */
function reach(from: AnyStateNode, seen = new Set<string>()): Set<string> {
  if (seen.has(from.id)) return seen;
  seen.add(from.id);
  const next = [
    ...(from.parent ? [from.parent] : []),
    ...(from.type === "compound" ? from.initial.target : []),
    ...transitionsOf(from).flatMap(({ target }) => target ?? []),
  ];
  for (const node of next) reach(node, seen);
  return seen;
}

/** XState's own, for delays, are left out. */
const namesOf = (references: readonly unknown[]) =>
  references
    .map((one) => (typeof one === "string" ? one : (one as { type: string }).type))
    .filter((name) => !name.startsWith("xstate."));

describe.each([
  ["task", taskMachine],
  ["run", runMachine],
  ["worker", workerMachine],
  ["shard", shardMachine],
  ["orchestrator", orchestratorMachine],
  ["breaker", breakerMachine],
] as const)("the chart of %s", (id, machine) => {
  const nodes = nodesOf(machine);

  it("has no code in it but the making of its first context and of what it hands to its actors", () => {
    const code = findFunctions({ ...machine.config, context: undefined }, id);
    expect(code.filter((path) => !path.endsWith("/invoke/input"))).toEqual([]);
  });

  it("can be written down as JSON", () => {
    const written = JSON.parse(JSON.stringify(machine.definition));
    expect(Object.keys(written.states)).toEqual(Object.keys(machine.config.states!));
    expect(JSON.parse(JSON.stringify(machine))).toMatchObject({ id, key: id });
  });

  it("has no state that cannot be entered", () => {
    const reached = reach(machine.root);
    expect(nodes.filter((node) => !reached.has(node.id)).map((node) => node.id)).toEqual([]);
  });

  it("has no state without a way out but the final ones", () => {
    const stuck = nodes.filter((node) => {
      const ways: AnyStateNode[] = [node];
      for (let up = node.parent; up; up = up.parent) ways.push(up);
      return node.parent && node.type !== "final" && ways.every((way) => transitionsOf(way).length === 0);
    });
    expect(stuck.map((node) => node.id)).toEqual([]);
  });

  it("says of every state what it means", () => {
    const silent = nodes.filter((node) => node.parent && !node.description);
    expect(silent.map((node) => node.id)).toEqual([]);
  });

  it("names all actions and guards that are implemented, and no others", () => {
    const transitions = nodes.flatMap(transitionsOf);
    const actions = [
      ...transitions.flatMap((one) => one.actions),
      ...nodes.flatMap((node) => [...node.entry, ...node.exit]),
    ];
    const guards = transitions.flatMap((one) => one.guard ?? []);
    expect(new Set(namesOf(actions))).toEqual(new Set(Object.keys(machine.implementations.actions)));
    expect(new Set(namesOf(guards))).toEqual(new Set(Object.keys(machine.implementations.guards)));
  });
});
