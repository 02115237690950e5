import { z } from "zod";
import { TuttiError } from "../core/error.ts";
import { checkOptions } from "../core/known-options.ts";
import { isName, NAME_EXPECTED } from "../core/names.ts";
import type { OptionNames } from "../core/option-names.ts";
import { meantDelay, POLICY_OPTIONS, type Policy, type PolicyInput, policy } from "../core/policy.ts";
import { describeProblems, problemsOf, show } from "../core/problem.ts";

/**
 * What a planner needs to know of a task type: its name, its schemas, how it is executed by default.
 *
 * @example
 * ```ts
 * const contracts: readonly Task[] = [summarize, merge];
 * ```
 */
export interface Task<I extends z.ZodType = z.ZodType, O extends z.ZodType = z.ZodType> {
  readonly type: string;
  readonly description: string | undefined;
  readonly input: I;
  readonly output: O;
  readonly policy: Policy;
  readonly version: string | undefined;
  /** See {@link TaskOptions.uses}. */
  readonly uses: readonly string[];
}

/**
 * What a task takes, before its schema has filled in defaults.
 *
 * @example
 * ```ts
 * const input: TaskInput<typeof summarize> = { text: "Tutti plays." };
 * ```
 */
export type TaskInput<T> = T extends Task<infer I, z.ZodType> ? z.input<I> : never;
/**
 * What a task returns, as its callers see it.
 *
 * @example
 * ```ts
 * const { summary }: TaskOutput<typeof summarize> = await app.run(summarize, { text });
 * ```
 */
export type TaskOutput<T> = T extends Task<z.ZodType, infer O> ? z.output<O> : never;

/**
 * How a task type is described, and how it is executed where a plan states nothing else.
 *
 * @example
 * ```ts
 * const options: TaskOptions<typeof input, typeof output> = { input, output, timeout: "30s", retry: { attempts: 5 } };
 * ```
 */
export interface TaskOptions<I extends z.ZodType, O extends z.ZodType> extends PolicyInput {
  /** A text for people, and for models that plan. */
  readonly description?: string;
  /** A zod schema. Default: anything. */
  readonly input?: I;
  /** A zod schema. Default: anything. */
  readonly output?: O;
  /** The author's own version of the type, as it is registered. */
  readonly version?: string;
  /**
   * What its handler calls: aliases of models (`smart`), models of endpoints (`openai/gpt-5.6-terra`), names of breakers
   * (`crm`). While one of them cannot be called, workers leave its tasks on the queue. Default: nothing.
   */
  readonly uses?: readonly string[];
}

export const TASK_OPTIONS: OptionNames<TaskOptions<z.ZodType, z.ZodType>> = {
  description: true,
  input: true,
  output: true,
  version: true,
  uses: true,
  ...POLICY_OPTIONS,
};

const isSchema = (value: unknown): boolean => typeof value === "object" && value !== null && "_zod" in value;

/**
 * Declares a task type, so that plans can name it with typed inputs and outputs, with or without its handler.
 * Throws a {@link TuttiError} (400) for a bad name, and for an unknown or bad option.
 *
 * @example
 * ```ts
 * const summarize = task("summarize", {
 *   input: z.object({ text: z.string() }),
 *   output: z.object({ summary: z.string() }),
 *   timeout: "30s",
 *   retry: { attempts: 3, backoff: "exponential" },
 * });
 * ```
 */
export function task<I extends z.ZodType = z.ZodUnknown, O extends z.ZodType = z.ZodUnknown>(
  type: string,
  options: TaskOptions<I, O> = {},
): Task<I, O> {
  if (!isName(type)) throw new TuttiError(400, `task type ${JSON.stringify(type)}: expected ${NAME_EXPECTED}`);
  checkOptions(`task ${type}`, options, TASK_OPTIONS);
  const { description, input, output, version, uses = [], ...stated } = options;
  if (!Array.isArray(uses) || !uses.every((name) => typeof name === "string" && name !== ""))
    throw new TuttiError(400, `task ${type}: /uses: expected an array of names, received ${show(uses)}`);
  for (const [field, schema] of Object.entries({ input, output }))
    if (schema !== undefined && !isSchema(schema))
      throw new TuttiError(400, `task ${type}: /${field}: expected a zod schema, received ${show(schema)}`);
  const parsed = policy.safeParse(
    Object.fromEntries(Object.entries(stated).filter(([, value]) => value !== undefined)),
  );
  if (!parsed.success) throw new TuttiError(400, `task ${type}: ${describeProblems(problemsOf(parsed.error, stated))}`);
  return {
    type,
    description,
    input: (input ?? z.unknown()) as I,
    output: (output ?? z.unknown()) as O,
    policy: meantDelay(parsed.data),
    version,
    uses,
  };
}
