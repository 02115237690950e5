import { z } from "zod";
import { duration } from "./duration.ts";
import { json } from "./json.ts";
import { name, priority } from "./names.ts";
import { retry } from "./policy.ts";

/** One child of a plan. Its `input` may hold references to siblings' outputs (see `reference.ts`). */
export const plannedTask = z.strictObject({
  type: name,
  /** Default: an empty object. */
  input: json.optional(),
  /** Siblings that must succeed first, besides those that the input refers to. */
  needs: z.array(name).optional(),
  retry: retry.optional(),
  timeout: duration.optional(),
  priority: priority.optional(),
});
export type PlannedTask = z.output<typeof plannedTask>;

/** What a task may return in place of a value: a graph of child tasks. */
export const plan = z.strictObject({
  v: z.literal(1).default(1),
  tasks: z.record(name, plannedTask),
  /** The child whose output is the parent's. Default: the outputs of all children, by key. */
  output: name.optional(),
});
export type PlanInput = z.input<typeof plan>;
export type Plan = z.output<typeof plan>;

/** What is refused, however well-formed. */
export interface PlanLimits {
  /** Children of one plan. */
  readonly tasks: number;
  /** Of the tree; the root is at depth 0. */
  readonly depth: number;
}
export const PLAN_LIMITS: PlanLimits = { tasks: 200_000, depth: 32 };
