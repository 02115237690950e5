import { invalid } from "../../core/error.ts";
import type { Json } from "../../core/json.ts";
import type { Problem } from "../../core/problem.ts";
import { checkPlanWithTypes } from "../host/plan-types.ts";
import type { Runtime } from "../host/runtime.ts";

/**
 * Checks the input of a request of a type that owners carry out themselves: its plan is checked as a whole, including
 * the types of its tasks, before anything starts. Rejects with a `TuttiError` 400.
 */
export async function checkOwnersInput(runtime: Runtime, type: string, input: Json): Promise<void> {
  if (type !== "plan")
    throw invalid(`the type ${type} cannot be requested`, [problemAt("", "a request of another type", type)]);
  if (typeof input !== "object" || input === null || Array.isArray(input))
    throw invalid("the input of plan is invalid", [problemAt("", "an object with a plan, and an input for it", input)]);
  const { plan, input: _, ...others } = input as { readonly [field: string]: Json };
  const unknown = Object.keys(others).map((field) => problemAt(`/${field}`, "only the fields plan and input", field));
  const checked = await checkPlanWithTypes(runtime.types, plan, 0);
  const wrong = "problems" in checked ? checked.problems.map((one) => ({ ...one, path: `/plan${one.path}` })) : [];
  if (wrong.length + unknown.length > 0) throw invalid("the input of plan is invalid", [...unknown, ...wrong]);
}

const problemAt = (path: string, expected: string, received: Json): Problem => ({
  path,
  message: `expected ${expected}`,
  expected,
  received: JSON.stringify(received),
});
