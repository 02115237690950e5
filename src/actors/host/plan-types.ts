import { checkAnyPlan } from "../../core/plan-v2-check.ts";
import type { TypeRegistry } from "./type-registry.ts";

/**
 * Checks a plan as a whole, and that the types it names are registered, in the mirror here or in the registry's bucket.
 */
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
