import type { z } from "zod";
import { TuttiError } from "../core/error.ts";
import { PlanOf } from "./plan-of.ts";
import { PlanWriter } from "./plan-writer.ts";
import type {
  AnyTaskHandle,
  EachOptions,
  JoinInput,
  PlannedTaskOptions,
  TaskHandle,
  WaitFor,
} from "./planned-options.ts";
import type {
  GivenItem,
  MapOutput,
  Mappable,
  MapSource,
  OutputOf,
  OutputTemplate,
  PlannedInput,
  PlannedOutput,
  Resolved,
} from "./planned-types.ts";
import type { Out } from "./reference.ts";
import type { Task } from "./task.ts";

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
    options?: PlannedTaskOptions<PlannedOutput<K, T>>,
  ): TaskHandle<PlannedOutput<K, T>>;

  /**
   * Adds a task for each item of an array that is known when the plan runs, or of an object of arrays, which are zipped.
   * `input` writes down what a child is given, from references to its item and the item's place.
   *
   * @example
   * ```ts
   * const scores = p.map(score, { in: split.output.parts, reduce: { stats: "/score" } }, (part) => ({ part }));
   * p.task(praise, { mean: orElse(scores.output.mean, 0) });
   * ```
   */
  map<const K extends Task | string, const S extends MapSource, const E extends EachOptions>(
    type: K,
    each: { readonly in: S & Mappable<S> } & E,
    input: (item: Out<GivenItem<S, E>>, index: Out<number>) => PlannedInput<K>,
    options?: PlannedTaskOptions<MapOutput<PlannedOutput<K, never>, E>>,
  ): TaskHandle<MapOutput<PlannedOutput<K, never>, E>>;

  /** The same with a plan for each item, which is the input of that plan. */
  mapPlan<const S extends MapSource, const E extends EachOptions, R>(
    each: { readonly in: S & Mappable<S> } & E,
    build: (p: PlanBuilder, item: Out<GivenItem<S, E>>) => R,
    options?: PlannedTaskOptions<MapOutput<OutputOf<R>, E>>,
  ): TaskHandle<MapOutput<OutputOf<R>, E>>;

  /**
   * Adds a plan as one task: a hierarchy that is written down. Its tasks refer to each other and to its input, never to
   * those of the plan around.
   */
  plan<const I, R>(
    input: I,
    build: (p: PlanBuilder, input: Out<Resolved<I>>) => R,
    options?: PlannedTaskOptions<OutputOf<R>>,
  ): TaskHandle<OutputOf<R>>;

  /**
   * Adds a task that waits: for a signal, a message, another run, a time. No worker is needed. What happens when `within` is
   * over is said by `fallback`.
   *
   * @example
   * ```ts
   * const said = p.wait({ signal: "approve", ask: "Publish it?", schema: z.object({ ok: z.boolean() }), within: "2d" });
   * p.task(publish, {}, { when: cel`${said.output.ok}` });
   * ```
   */
  wait<S extends z.ZodType = z.ZodUnknown>(
    what: WaitFor<S>,
    options?: PlannedTaskOptions<z.output<S>>,
  ): TaskHandle<z.output<S>>;

  /**
   * What runs when all is over, whatever it came to. At most once a plan. Not carried out by this version yet: a plan that uses
   * it is refused (400).
   */
  finally<const K extends Task | string>(type: K, input: PlannedInput<K>): void;

  /** When the sinks, those that nobody needs, are enough. Default: all. At most once a plan. */
  join(join: JoinInput): void;
}

/**
 * Writes down a plan. The task that `build` returns gives the plan's output, or an object with references in it a template
 * of that; when it returns nothing, the output is an object of the children's outputs by key. Throws a {@link TuttiError}
 * (400) for whatever {@link PlanBuilder.task} refuses, when `build` returns anything else (a promise, an output in place of
 * its task), and for a reference that is read and that no input takes: it has no value to be decided by.
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
export function plan<R extends AnyTaskHandle | OutputTemplate | void>(
  build: (p: PlanBuilder) => R,
): PlanOf<OutputOf<NoInfer<R>>>;
export function plan(build: (p: PlanBuilder) => unknown): PlanOf<unknown> {
  const writer = new PlanWriter();
  writer.conclude(build(writer as unknown as PlanBuilder));
  writer.check();
  return new PlanOf<unknown>(writer.draft);
}
