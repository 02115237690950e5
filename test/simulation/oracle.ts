import { fnv1a } from "../../src/core/hash.ts";
import type { Json } from "../../src/core/json.ts";
import type { Behaviour, Child, SimulatedType } from "./workload.ts";

/** What a faultless run gives: a value, or the failure of one of these tasks, whichever comes first. */
export type Expected = { readonly value: Json; readonly tasks: number } | { readonly failing: ReadonlySet<string> };

/** The value of a task that returns one: it tells of everything that the task was given. */
export function outputOf(
  { name, ends }: Pick<Behaviour, "name" | "ends">,
  refs: readonly Json[],
  needs: { readonly [key: string]: Json },
): Json {
  const value = fnv1a(JSON.stringify([name, refs, needs]));
  // Larger than a message may be, so that it travels by reference.
  return ends === "bulky" ? { value, filler: "x".repeat(300_000) } : { value };
}

/** Evaluates the tree as if it were a program: no bus, no log, no machines, no time. */
export function evaluate(
  root: Behaviour,
  types: readonly SimulatedType[],
  own?: Child,
  siblings: ReadonlyMap<string, Json> = new Map(),
  /** Redriven as often as it takes: then nobody's attempts are spent. */
  isRedriven = false,
): Expected {
  const attempts = own?.retry?.attempts ?? types.find(({ type }) => type === root.type)!.retry.attempts;
  const lost = isRedriven ? 0 : root.failures + root.hangs;
  if (lost >= attempts || root.ends === "terminal" || root.ends === "refused") return { failing: new Set([root.name]) };
  if (root.ends !== "plan") {
    const refs = (own?.refs ?? []).map((key) => siblings.get(key)!);
    const needs = Object.fromEntries((own?.needs ?? []).map((key) => [key, siblings.get(key)!]));
    return { value: outputOf(root, refs, needs), tasks: 1 };
  }
  const outputs = new Map<string, Json>();
  const failing = new Set<string>();
  let tasks = 1;
  for (const child of root.children) {
    if (![...child.refs, ...child.needs].every((key) => outputs.has(key))) continue;
    const expected = evaluate(child.behaviour, types, child, outputs, isRedriven);
    if ("failing" in expected) for (const name of expected.failing) failing.add(name);
    else {
      outputs.set(child.key, expected.value);
      tasks += expected.tasks;
    }
  }
  if (failing.size > 0) return { failing };
  return { value: root.output === undefined ? Object.fromEntries(outputs) : outputs.get(root.output)!, tasks };
}

/** Every task that may fail for good, whatever comes before it: with redrives, one after another. */
export function mayFail(root: Behaviour, types: readonly SimulatedType[], own?: Child): string[] {
  const attempts = own?.retry?.attempts ?? types.find(({ type }) => type === root.type)!.retry.attempts;
  const fails = root.failures + root.hangs >= attempts || root.ends === "terminal" || root.ends === "refused";
  return [...(fails ? [root.name] : []), ...root.children.flatMap((child) => mayFail(child.behaviour, types, child))];
}
