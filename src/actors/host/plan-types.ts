import { checkAnyPlan } from "../../core/plan-v2-check.ts";
import type { TypeRegistry } from "./type-registry.ts";

/** Checks a plan as a whole, and that all types which it names are registered, here or wherever the registry is kept. */
export async function checkPlanWithTypes(
  types: TypeRegistry,
  plan: unknown,
  depth: number,
): Promise<ReturnType<typeof checkAnyPlan>> {
  const named = new Set<string>();
  const knows = (type: string) => types.peek(type) !== undefined;
  const checked = checkAnyPlan(plan, { depth, knows: (type) => knows(type) || named.add(type).size > 0 });
  await types.findAll(named);
  return [...named].every(knows) ? checked : checkAnyPlan(plan, { depth, knows });
}
