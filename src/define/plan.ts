import type { z } from "zod";
import { TuttiError } from "../core/error.ts";
import type { Json } from "../core/json.ts";
import { checkOptions, type OptionNames } from "../core/known-options.ts";
import { isName, NAME_EXPECTED } from "../core/names.ts";
import type { PlannedTask } from "../core/plan.ts";
import { meantDelay, POLICY_OPTIONS, type Policy, type PolicyInput, policy } from "../core/policy.ts";
import { describeProblems, problemsOf, show } from "../core/problem.ts";
import { Draft, PlanOf } from "./plan-of.ts";
import { createReference, type In, type Out, type Ref, toWire } from "./reference.ts";
import type { Task, TaskOutput } from "./task.ts";

/** The handle of a task in a plan, whatever the task returns. */
export interface AnyTaskHandle {
  readonly key: string;
  readonly output: Ref<unknown>;
}

/**
 * The handle of a task in a plan. `output` refers to what the task will return: use it, or a field of it, in another
 * task's input. It has no value yet, so nothing can be decided by it here.
 *
 * @example
 * ```ts
 * const summary: TaskHandle<{ text: string }> = p.task(summarize, { document });
 * return p.task(print, { line: summary.output.text });
 * ```
 */
export interface TaskHandle<T> extends AnyTaskHandle {
  readonly output: Out<T>;
}

/** How one task of a plan differs from its type's defaults. */
export interface PlannedTaskOptions extends PolicyInput {
  /** Unique in the plan and the same whenever the plan is made again. Default: the type, then `type-2`, `type-3`, … */
  readonly key?: string;
  /** Tasks that must succeed first although the input does not refer to them. */
  readonly needs?: readonly AnyTaskHandle[];
}
const OPTIONS: OptionNames<PlannedTaskOptions> = { key: true, needs: true, ...POLICY_OPTIONS };

/** What a task of the plan takes: by the contract's schema, or anything for a type that is named. */
type PlannedInput<K> = K extends { readonly input: infer I extends z.ZodType } ? In<z.input<I>> : unknown;
/** What it returns: by the contract's schema, or as the author states (`p.task<{ text: string }>("print", …)`). */
type PlannedOutput<K, T> = [T] extends [never] ? (K extends Task ? TaskOutput<K> : unknown) : T;

/**
 * What the function of a plan is given to write it down with.
 *
 * @example
 * ```ts
 * const addTwice = (p: PlanBuilder, n: number) => p.task(add, { a: p.task(add, { a: n, b: 1 }).output, b: 1 });
 * ```
 */
export interface PlanBuilder {
  /**
   * Adds a task of a contract (`task()` or `worker()`), or of a type by name where the contract is not at hand. Throws a
   * {@link TuttiError} (400) for a bad or duplicate key, an unknown or bad option, needs or references of another plan,
   * and a reference to a field that the contract does not promise.
   */
  task<T = never, const K extends Task | string = string>(
    type: K,
    input: PlannedInput<K>,
    options?: PlannedTaskOptions,
  ): TaskHandle<PlannedOutput<K, T>>;
}

/** Of a plan, by what its function returns. */
type OutputOf<R> = R extends { readonly output: Ref<infer T> } ? T : Record<string, unknown>;

/**
 * Writes down a plan. The task that `build` returns gives the plan's output; when it returns nothing, the output is
 * an object of all children's outputs by key. Throws a {@link TuttiError} (400) for whatever {@link PlanBuilder.task}
 * refuses, when `build` returns anything else (a promise, an output in place of its task), and for a reference that is read
 * and that no input takes: it has no value to be decided by.
 *
 * @example
 * ```ts
 * const digest = worker("digest", {
 *   input: z.object({ documents: z.array(z.string()) }),
 *   run: ({ input }) =>
 *     plan((p) => {
 *       const parts = input.documents.map((text) => p.task(summarize, { text }));
 *       return p.task(merge, { summaries: parts.map((part) => part.output.summary) });
 *     }),
 * });
 * ```
 */
// biome-ignore lint/suspicious/noConfusingVoidType: it is a return type, and a function without `return` has this one.
export function plan<R extends AnyTaskHandle | void>(build: (p: PlanBuilder) => R): PlanOf<OutputOf<R>>;
export function plan(build: (p: PlanBuilder) => unknown): PlanOf<unknown> {
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
  const place = (type: Task | string, input: unknown, options: PlannedTaskOptions = {}): TaskHandle<never> => {
    const typeName = typeof type === "string" ? type : type?.type;
    if (!isName(typeName))
      throw new TuttiError(400, `plan: p.task: expected a contract or the name of a task type, received ${show(type)}`);
    const key = options.key ?? nextKey(typeName);
    if (!isName(key))
      throw new TuttiError(400, `plan key ${JSON.stringify(key)}: expected ${NAME_EXPECTED}`, {
        path: `/tasks/${key}`,
      });
    if (tasks.has(key))
      throw new TuttiError(400, `plan key ${JSON.stringify(key)} is taken: keys must be unique in a plan`, {
        path: `/tasks/${key}`,
      });
    const at = `plan key ${JSON.stringify(key)}`;
    checkOptions(at, options, OPTIONS);
    const { needs } = options;
    const wire = toWire(input, draft) as Json | undefined;
    const placedTask: { -readonly [K in keyof PlannedTask]: PlannedTask[K] } = { type: typeName };
    if (wire !== undefined) placedTask.input = wire;
    if (needs?.length) placedTask.needs = needs.map((one) => keyOf(one, key, draft));
    const stated = statedPolicy(key, typeof type === "string" ? NO_POLICY : type.policy, options);
    tasks.set(key, Object.assign(placedTask, stated));
    return new PlannedHandle(key, draft, typeof type === "string" ? undefined : type.output);
  };
  const output = build({ task: place as unknown as PlanBuilder["task"] });
  if (output !== undefined && !isHandleOf(draft, output))
    throw new TuttiError(
      400,
      `plan: expected its function to return, at once, a task placed with p.task() or nothing, received ${describe(output)}`,
    );
  draft.output = output?.key;
  refuseIdle(draft);
  return new PlanOf<unknown>(draft);
}
const NO_POLICY: Policy = {};

/** A condition on a reference is true whatever the task returns: the language asks nothing of the object. */
function refuseIdle({ references }: Draft): void {
  const { idle } = references;
  if (idle === undefined) return;
  throw new TuttiError(
    400,
    `plan: the reference ${idle} is read and no task's input takes it: it has no value while the plan is made, so it cannot be a condition; let a task that has it in its input decide, or read it where an input needs it`,
    { expected: "a reference as a value in another task's input", received: idle },
  );
}

/** The key of a task that another one needs. */
function keyOf(needed: unknown, key: string, draft: Draft): string {
  if (isHandleOf(draft, needed)) return needed.key;
  const received = needed instanceof PlannedHandle ? `the task ${needed.key} of another plan` : describe(needed);
  throw new TuttiError(
    400,
    `plan key ${JSON.stringify(key)}: expected needs to be tasks placed with p.task(), received ${received}`,
    { path: `/tasks/${key}/needs` },
  );
}

class PlannedHandle implements TaskHandle<never> {
  readonly key: string;
  readonly #draft: Draft;
  readonly #output: z.ZodType | undefined;

  constructor(key: string, draft: Draft, output: z.ZodType | undefined) {
    this.key = key;
    this.#draft = draft;
    this.#output = output;
  }

  isOf(draft: Draft): boolean {
    return this.#draft === draft;
  }

  /** A new one whenever it is asked for, so that each use is seen. */
  get output(): Out<never> {
    return createReference(this.key, this.#output, this.#draft.references) as Out<never>;
  }
}

const isHandleOf = (draft: Draft, value: unknown): value is PlannedHandle =>
  value instanceof PlannedHandle && value.isOf(draft);

/** What the author states, field by field over the type's own. */
function statedPolicy(key: string, own: Policy, { retry, timeout, priority }: PlannedTaskOptions): Policy {
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
