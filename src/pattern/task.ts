import { TuttiError } from "../core/error.ts";
import type { Json } from "../core/json.ts";
import { checkOptions } from "../core/known-options.ts";
import { isName, NAME_EXPECTED } from "../core/names.ts";
import type { OptionNames } from "../core/option-names.ts";
import type { Plan } from "../core/plan.ts";
import { POLICY_OPTIONS, type PolicyInput } from "../core/policy.ts";
import { show } from "../core/problem.ts";
import { PlanOf } from "../define/plan-of.ts";

/** One part of a decomposed request. */
export interface TaskOptions extends PolicyInput {
  /** Unique among the tasks that belong together. */
  readonly id: string;
  /** One of the task types of a worker. */
  readonly type: string;
  /** Any JSON; `{ "$ref": "<id>#/pointer" }` in it stands for a value of another task's output. Default: `{}`. */
  readonly input?: unknown;
  /** Ids of tasks that must succeed first, besides those that the input refers to. */
  readonly dependencies?: readonly string[];
}

const OPTIONS: OptionNames<TaskOptions> = { id: true, type: true, input: true, dependencies: true, ...POLICY_OPTIONS };

/** What `Task()` makes. */
export class PatternTask {
  readonly id: string;
  readonly options: TaskOptions;

  constructor(options: TaskOptions) {
    this.id = options.id;
    this.options = options;
  }
}

/**
 * One part of a decomposed request, as a handler returns it or `execute` takes it. Throws a TuttiError (400) for a bad id, an
 * unknown option, or a missing type.
 *
 * @example
 * ```ts
 * Task({ id: "report", type: "write", input: { facts: { $ref: "search#/facts" } }, dependencies: ["approval"] });
 * ```
 */
export function Task(options: TaskOptions): PatternTask {
  checkOptions("Task", options, OPTIONS);
  for (const field of ["id", "type"] as const)
    if (!isName(options?.[field]))
      throw new TuttiError(400, `Task: /${field}: expected ${NAME_EXPECTED}, received ${show(options?.[field])}`);
  return new PatternTask(options);
}

/** The tasks as a plan; the output of a single one is the plan's. Throws a TuttiError (400) for an id that is there twice. */
export function toPlan(tasks: readonly PatternTask[]): PlanOf<unknown> {
  const planned: Record<string, Plan["tasks"][string]> = {};
  for (const { id, options } of tasks) {
    if (Object.hasOwn(planned, id)) throw new TuttiError(400, `Task: the id ${id} is there twice`);
    const { id: _, dependencies, input, ...task } = options;
    planned[id] = {
      ...(task as Plan["tasks"][string]),
      ...(input !== undefined && { input: input as Json }),
      ...(dependencies && { needs: [...dependencies] }),
    };
  }
  return new PlanOf({ v: 1, tasks: planned, ...(tasks.length === 1 && { output: tasks[0]!.id }) });
}
