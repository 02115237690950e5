import type { z } from "zod";
import { TuttiError } from "../core/error.ts";
import type { Json } from "../core/json.ts";
import { isName, NAME_EXPECTED } from "../core/names.ts";
import type { PlannedTask } from "../core/plan.ts";
import { meantDelay, type Policy, type PolicyInput, policy } from "../core/policy.ts";
import { describeProblems, problemsOf } from "../core/problem.ts";
import { Draft, PlanOf } from "./plan-of.ts";
import { createReference, type In, type Out, type Ref, toWire } from "./reference.ts";
import type { Task } from "./task.ts";

/** A task placed in a plan, whatever it returns. */
export interface AnyPlaced {
  readonly key: string;
  readonly output: Ref<unknown>;
}

/** A task placed in a plan. `output` refers to what it will return: use it, or a field of it, in another task's input. */
export interface Placed<T> extends AnyPlaced {
  readonly output: Out<T>;
}

/** How one placed task differs from its type's defaults. */
export interface PlaceOptions extends PolicyInput {
  /** Unique in the plan and the same whenever the plan is made again. Default: the type, then `type-2`, `type-3`, … */
  readonly key?: string;
  /** Tasks that must succeed first although the input does not refer to them. */
  readonly needs?: readonly AnyPlaced[];
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

// biome-ignore lint/suspicious/noConfusingVoidType: it is a return type, and a function without `return` has this one.
type Built = AnyPlaced | void;

/** Of a plan, by what its function returns. */
type OutputOf<R> = R extends { readonly output: Ref<infer T> } ? T : Record<string, unknown>;

/**
 * Writes down a plan. The task that `build` returns gives the plan's output; when it returns nothing, the output is
 * an object of all children's outputs by key. Throws a {@link TuttiError} (400) for a bad or duplicate key, for a bad
 * option, for needs that are no tasks, and when `build` returns anything else (a promise, an output in place of its task).
 */
export function plan<R extends Built>(build: (p: PlanBuilder) => R): PlanOf<OutputOf<R>>;
export function plan(build: (p: PlanBuilder) => Built): PlanOf<unknown> {
  const draft = new Draft();
  const { tasks } = draft;
  const counts = new Map<string, number>();
  const nextKey = (type: string): string => {
    for (;;) {
      const count = (counts.get(type) ?? 0) + 1;
      counts.set(type, count);
      const key = count === 1 ? type : `${type}-${count}`;
      if (!tasks.has(key)) return key;
    }
  };
  const place = (type: Task | string, input: unknown, options: PlaceOptions = {}): Placed<never> => {
    const typeName = typeof type === "string" ? type : type.type;
    const key = options.key ?? nextKey(typeName);
    if (!isName(key))
      throw new TuttiError(400, `plan key ${JSON.stringify(key)}: expected ${NAME_EXPECTED}`, {
        path: `/tasks/${key}`,
      });
    if (tasks.has(key))
      throw new TuttiError(400, `plan key ${JSON.stringify(key)} is taken: keys must be unique in a plan`, {
        path: `/tasks/${key}`,
      });
    const { needs } = options;
    const wire = toWire(input, draft) as Json | undefined;
    const placedTask: { -readonly [K in keyof PlannedTask]: PlannedTask[K] } = { type: typeName };
    if (wire !== undefined) placedTask.input = wire;
    if (needs?.length) placedTask.needs = needs.map((one) => keyOf(one, key));
    const stated = statedPolicy(key, typeof type === "string" ? NO_POLICY : type.policy, options);
    tasks.set(key, Object.assign(placedTask, stated));
    return new PlacedTask(key, draft);
  };
  const output = build({ task: place as unknown as PlanBuilder["task"] });
  if (output !== undefined && !(output instanceof PlacedTask && output.isOf(draft)))
    throw new TuttiError(
      400,
      `plan: expected its function to return, at once, a task placed with p.task() or nothing, received ${describe(output)}`,
    );
  draft.output = output?.key;
  return new PlanOf<unknown>(draft);
}
const NO_POLICY: Policy = {};

/** Of a task that another one needs. */
function keyOf(needed: AnyPlaced | undefined, key: string): string {
  if (typeof needed?.key === "string") return needed.key;
  throw new TuttiError(
    400,
    `plan key ${JSON.stringify(key)}: expected needs to be tasks placed with p.task(), received ${describe(needed)}`,
    { path: `/tasks/${key}/needs` },
  );
}

class PlacedTask implements Placed<never> {
  readonly key: string;
  readonly #plan: object;
  #output: Out<never> | undefined;

  constructor(key: string, plan: object) {
    this.key = key;
    this.#plan = plan;
  }

  isOf(plan: object): boolean {
    return this.#plan === plan;
  }

  /** Made when it is asked for: of most leaves nobody asks. */
  get output(): Out<never> {
    this.#output ??= createReference(this.key) as Out<never>;
    return this.#output;
  }
}

/** What the author states, field by field over the type's own. */
function statedPolicy(key: string, own: Policy, { retry, timeout, priority }: PlaceOptions): Policy {
  if (retry === undefined && timeout === undefined && priority === undefined) return own;
  const stated = {
    ...own,
    ...(retry && { retry: { ...own.retry, ...retry } }),
    ...(timeout !== undefined && { timeout }),
    ...(priority && { priority }),
  };
  const parsed = policy.safeParse(stated);
  if (parsed.success) return meantDelay(parsed.data);
  const problems = problemsOf(parsed.error, stated);
  throw new TuttiError(400, `plan key ${JSON.stringify(key)}: ${describeProblems(problems)}`, {
    path: `/tasks/${key}`,
  });
}

function describe(value: unknown): string {
  if (value instanceof Promise) return "a promise";
  if (Array.isArray(value)) return "an array";
  return typeof value === "object" && value !== null ? "an object that is none of them" : String(value);
}
