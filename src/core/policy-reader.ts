import { createMemoReader, type Reading } from "./memo-reader.ts";
import { type Policy, policy } from "./policy.ts";

const NONE: Reading<Policy> = { value: {}, asStated: true };

/** Reads what a task states of its policy, by the schema `policy`. */
export function createPolicyReader(): (stated: {
  retry?: unknown;
  timeout?: unknown;
  priority?: unknown;
}) => Reading<Policy> {
  const read = createMemoReader(policy);
  return ({ retry, timeout, priority }) => {
    if (retry === undefined && timeout === undefined && priority === undefined) return NONE;
    return read({
      ...(retry !== undefined && { retry }),
      ...(timeout !== undefined && { timeout }),
      ...(priority !== undefined && { priority }),
    });
  };
}
