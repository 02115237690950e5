import { z } from "zod";
import { exactObject } from "./exact-object.ts";
import { join } from "./join.ts";
import { json } from "./json.ts";
import { name } from "./names.ts";
import { action, each, options, wait } from "./plan-options.ts";

/**
 * Plans of version 2: four kinds of task, one set of options. A plan without `v`, or with `"v": 1`, is one of version 1
 * (`plan.ts`), whose meaning is not touched.
 */
export const PLAN_V2 = 2;

/** Exactly one of these fields says what kind of task it is; a map has `each` beside one of the first two. */
export const TASK_KINDS = ["type", "plan", "wait"] as const;

const taskFields = {
  /** Work: a task of this type. */
  type: name.optional(),
  /** A map: a task for each item. */
  each: each.optional(),
  /** No work: the task succeeds with what it waits for. */
  wait: wait.optional(),
  /** A template. Default: an empty object; of a map, the item. */
  input: json.optional(),
  ...options,
};

/** Interfaces, as the two contain each other. */
export interface PlannedTaskV2 extends z.output<z.ZodObject<typeof taskFields>> {
  plan?: InnerPlan | undefined;
}
interface PlannedTaskV2Input extends z.input<z.ZodObject<typeof taskFields>> {
  plan?: InnerPlanInput | undefined;
}
/** A plan inside a plan. */
export interface InnerPlan extends z.output<z.ZodObject<Omit<typeof parts, "tasks">>> {
  v?: typeof PLAN_V2 | undefined;
  tasks: Record<string, PlannedTaskV2>;
}
interface InnerPlanInput extends z.input<z.ZodObject<Omit<typeof parts, "tasks">>> {
  v?: typeof PLAN_V2 | undefined;
  tasks: Record<string, PlannedTaskV2Input>;
}

/** One child of a plan. */
export const plannedTaskV2: z.ZodType<PlannedTaskV2, PlannedTaskV2Input> = exactObject({
  ...taskFields,
  /** A plan inside the plan: the task succeeds with its output. */
  get plan(): z.ZodOptional<z.ZodType<InnerPlan, InnerPlanInput>> {
    return z.optional(innerPlan);
  },
}).refine((stated) => TASK_KINDS.filter((kind) => stated[kind] !== undefined).length === 1, {
  error: `expected exactly one of ${TASK_KINDS.join(", ")}`,
});

export const tasksV2 = z.record(name, plannedTaskV2);

const parts = {
  tasks: tasksV2,
  /** The child whose output is the plan's, or a template of it. Default: what succeeded, by key. */
  output: z
    .union([name, z.record(z.string(), json)], { error: "expected the key of a task, or an object: a template" })
    .optional(),
  /** When the sinks, those that nobody needs, are enough. */
  join: join.optional(),
  /** What runs when all is over, whatever it came to. */
  finally: action.optional(),
};

/** What a plan says beside its tasks. */
const { tasks: _, ...wholeFields } = parts;
export const planWhole = exactObject(wholeFields);
export type PlanWhole = z.output<typeof planWhole>;

export const innerPlan = exactObject({ v: z.literal(PLAN_V2).optional(), ...parts });

export const TASK_FIELDS: readonly string[] = [...Object.keys(taskFields), "plan"];
export const PLAN_FIELDS: readonly string[] = ["v", ...Object.keys(parts)];

/** A graph of tasks. */
export const planV2 = exactObject({ v: z.literal(PLAN_V2), ...parts });
export type TaskKind = "work" | "plan" | "map" | "wait";

export const kindOf = ({ each, plan, wait }: { each?: unknown; plan?: unknown; wait?: unknown }): TaskKind =>
  each !== undefined ? "map" : plan !== undefined ? "plan" : wait !== undefined ? "wait" : "work";
