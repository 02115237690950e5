import type { z } from "zod";
import { TuttiError } from "../core/error.ts";
import type { Json } from "../core/json.ts";
import { NAME_EXPECTED, isName } from "../core/names.ts";
import type { Plan, PlannedTask } from "../core/plan.ts";
import { type PolicyInput, policy } from "../core/policy.ts";
import { type In, type Out, createReference, toWire } from "./reference.ts";
import type { Task } from "./task.ts";

/** A task placed in a plan. `output` refers to what it will return: use it, or a field of it, in another task's input. */
export interface Placed<T> {
  readonly key: string;
  readonly output: Out<T>;
}

/** How one placed task differs from its type's defaults. */
export interface PlaceOptions extends PolicyInput {
  /** Unique in the plan and the same whenever the plan is made again. Default: the type, then `type-2`, `type-3`, … */
  readonly key?: string;
  /** Tasks that must succeed first although the input does not refer to them. */
  readonly needs?: readonly Placed<unknown>[];
}

export interface PlanBuilder {
  task<I extends z.ZodType, O extends z.ZodType>(
    type: Task<I, O>,
    input: In<z.input<I>>,
    options?: PlaceOptions,
  ): Placed<z.output<O>>;
  /** By name, for a type whose contract is not at hand. */
  task<T = unknown>(type: string, input: In<unknown>, options?: PlaceOptions): Placed<T>;
}

declare const outputType: unique symbol;

/** What a handler returns to expand its task into children. `T` is the output of the whole. */
export class PlanOf<out T> {
  declare readonly [outputType]: T;
  readonly wire: Plan;
  constructor(wire: Plan) {
    this.wire = wire;
  }
}

/**
 * Writes down a plan. The task that `build` returns gives the plan's output; when it returns nothing, the output is
 * an object of all children's outputs by key. Throws a {@link TuttiError} (400) for a bad or duplicate key.
 */
export function plan<T>(build: (p: PlanBuilder) => Placed<T>): PlanOf<T>;
export function plan(build: (p: PlanBuilder) => void): PlanOf<Record<string, unknown>>;
export function plan(build: (p: PlanBuilder) => Placed<unknown> | void): PlanOf<unknown> {
  const tasks: Record<string, PlannedTask> = {};
  const counts = new Map<string, number>();
  const nextKey = (type: string): string => {
    for (;;) {
      const count = (counts.get(type) ?? 0) + 1;
      counts.set(type, count);
      const key = count === 1 ? type : `${type}-${count}`;
      if (!Object.hasOwn(tasks, key)) return key;
    }
  };
  const place = (type: Task | string, input: unknown, options: PlaceOptions = {}): Placed<never> => {
    const typeName = typeof type === "string" ? type : type.type;
    const key = options.key ?? nextKey(typeName);
    if (!isName(key)) throw new TuttiError(400, `plan key ${JSON.stringify(key)}: expected ${NAME_EXPECTED}`, { path: `/tasks/${key}` });
    if (Object.hasOwn(tasks, key))
      throw new TuttiError(400, `plan key ${JSON.stringify(key)} is taken: keys must be unique in a plan`, { path: `/tasks/${key}` });
    const { retry, timeout, priority, needs } = options;
    const defaults = typeof type === "string" ? {} : type.policy;
    const stated = policy.parse({
      ...(retry || defaults.retry ? { retry: { ...defaults.retry, ...retry } } : {}),
      ...((timeout ?? defaults.timeout) !== undefined && { timeout: timeout ?? defaults.timeout }),
      ...((priority ?? defaults.priority) && { priority: priority ?? defaults.priority }),
    });
    tasks[key] = {
      type: typeName,
      input: toWire(input) as Json,
      ...(needs?.length && { needs: needs.map((one) => one.key) }),
      ...stated,
    };
    return { key, output: createReference(key) as Out<never> };
  };
  const output = build({ task: place as unknown as PlanBuilder["task"] });
  return new PlanOf<unknown>({ v: 1, tasks, ...(output && { output: output.key }) });
}
