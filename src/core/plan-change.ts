import type { CheckedPlanV2 } from "./checked-plan.ts";
import { checkPlanV2 } from "./plan-v2-check.ts";
import { type Problem, ProblemList } from "./problem.ts";
import { isObject, refuseUnknown } from "./task-reader.ts";

/** A change of a plan that has broken, checked, and the tasks that it places, replaces or removes. */
export interface PlanChange {
  readonly checked: CheckedPlanV2;
  readonly changed: ReadonlySet<string>;
}

const FIELDS = ["tasks", "output", "join"] as const;

/**
 * Reads a change: `{"tasks"?: {key: task or null}, "output"?, "join"?}`. A task takes the place of that of its key, null removes
 * it; what is not named stays. `isSettled`: tasks that are at work or have succeeded, which stay as they are. Pure, and never
 * throws for any JSON.
 */
export function readChange(
  before: CheckedPlanV2,
  change: unknown,
  depth: number,
  isSettled: (key: string) => boolean,
): PlanChange | { problems: readonly Problem[] } {
  const problems = new ProblemList();
  if (!isObject(change)) {
    problems.expected("", `an object with ${FIELDS.join(", ")}`, change);
    return { problems: problems.list() };
  }
  refuseUnknown(change, FIELDS, "", problems);
  const { tasks: stated = {}, output, join } = change;
  if (!isObject(stated)) problems.expected("/tasks", "an object of tasks by key, or null for those that go", stated);
  const changed = new Set(isObject(stated) ? Object.keys(stated) : []);
  for (const key of changed)
    if (isSettled(key)) problems.expected(`/tasks/${key}`, "a task that is neither at work nor has succeeded", key);
  if (problems.list().length > 0) return { problems: problems.list() };
  const { plan } = before;
  const tasks = Object.fromEntries(
    Object.entries({ ...plan.tasks, ...(stated as object) }).filter(([, task]) => task !== null),
  );
  const whole = { ...plan, tasks, ...(output !== undefined && { output }), ...(join !== undefined && { join }) };
  const checked = checkPlanV2(whole, { depth });
  return "problems" in checked ? checked : { checked, changed };
}
