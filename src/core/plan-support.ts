import type { ProblemList } from "./problem.ts";

/**
 * What the plan language has and this version does not carry out yet. A plan that uses any of it is refused: an option that
 * is stated holds, or the plan does not begin. An entry goes when what it names is carried out.
 *
 * A dot leads into an option; a table for each of what a plan is made of.
 */
const NOT_CARRIED_OUT = {
  task: ["cache"],
  plan: [],
} as const satisfies { readonly [part: string]: readonly string[] };

/** Which words a check takes: those that this version carries out, or the whole language. */
export type PlanWords = "carried-out" | "all";

const PATHS = { task: NOT_CARRIED_OUT.task.map(pathOf), plan: NOT_CARRIED_OUT.plan.map(pathOf) };

/** Refuses the options of a task, or of a plan, that are not carried out yet. `at` is its pointer. */
export function refuseUnsupported(part: "task" | "plan", stated: object, at: string, problems: ProblemList): void {
  for (const path of PATHS[part]) {
    if (!isStated(stated, path)) continue;
    problems.add(() => ({ path: [at, ...path].join("/"), message: describe(path.join(".")) }));
  }
  // What would change is what the map is over.
  if (part === "task" && isStated(stated, ["each"]) && isStated(stated, ["replan"]))
    problems.add(() => ({ path: `${at}/replan`, message: describe("replan beside each") }));
}

const describe = (what: string): string => `${what} is not carried out by this version yet`;

function pathOf(words: string): readonly string[] {
  return words.split(".");
}

function isStated(stated: object, path: readonly string[]): boolean {
  let at: unknown = stated;
  for (const field of path) {
    if (typeof at !== "object" || at === null) return false;
    at = (at as { readonly [field: string]: unknown })[field];
  }
  return at !== undefined;
}
