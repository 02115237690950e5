import type { z } from "zod";
import { TuttiError } from "../core/error.ts";
import { checkOptions } from "../core/known-options.ts";
import type { OptionNames } from "../core/option-names.ts";
import { show } from "../core/problem.ts";
import { type HandlerContext, type Worker as TuttiWorker, worker } from "../define/worker.ts";
import { PatternTask, toPlan } from "./task.ts";

/** What a handler is given: the task's type and input, and what any handler of Tutti has besides. */
export interface TaskContext extends HandlerContext<unknown> {
  readonly type: string;
}

export interface WorkerOptions {
  /** For people, and for a model that plans. */
  readonly name: string;
  readonly taskTypes: readonly string[];
  /** Returns a value, or tasks (`Task()`) that its own is decomposed into. */
  readonly handler: (task: TaskContext) => unknown;
  /** Attempts of each task type that are executed at once. Default: a share of 16. */
  readonly concurrencyLimit?: number;
  /** What the worker does, for a model that plans. Default: its name. */
  readonly description?: string;
  /** zod schemas of what goes in and comes out. Default: anything. */
  readonly input?: z.ZodType;
  readonly output?: z.ZodType;
}

const OPTIONS: OptionNames<WorkerOptions> = {
  name: true,
  taskTypes: true,
  handler: true,
  concurrencyLimit: true,
  description: true,
  input: true,
  output: true,
};

/** What `Worker()` makes. */
export class PatternWorker {
  readonly name: string;
  readonly types: readonly TuttiWorker[];

  constructor(name: string, types: readonly TuttiWorker[]) {
    this.name = name;
    this.types = types;
  }
}

/**
 * A worker with one handler for its task types. Throws a TuttiError (400) for an unknown or bad option.
 *
 * @example
 * ```ts
 * Worker({ name: "researcher", taskTypes: ["search"], handler: ({ input }) => find(input), concurrencyLimit: 4 });
 * ```
 */
export function Worker(options: WorkerOptions): PatternWorker {
  checkOptions("Worker", options, OPTIONS);
  const { name, taskTypes, handler, concurrencyLimit, description = name, input, output } = options;
  if (!Array.isArray(taskTypes) || taskTypes.length === 0)
    throw new TuttiError(400, `Worker ${name}: /taskTypes: expected names of task types, received ${show(taskTypes)}`);
  if (typeof handler !== "function")
    throw new TuttiError(400, `Worker ${name}: /handler: expected a function, received ${show(handler)}`);
  const types = taskTypes.map((type: string) =>
    worker(type, {
      description,
      ...(input && { input }),
      ...(output && { output }),
      ...(concurrencyLimit !== undefined && { concurrency: concurrencyLimit }),
      run: async (context: HandlerContext<unknown>) => decompose(await handler({ ...context, type })),
    }),
  );
  return new PatternWorker(name, types as unknown as readonly TuttiWorker[]);
}

/** Tasks become the children of the task that returned them. */
function decompose(returned: unknown): unknown {
  const tasks = Array.isArray(returned) ? returned : [returned];
  return tasks.length > 0 && tasks.every((one) => one instanceof PatternTask) ? toPlan(tasks) : returned;
}
