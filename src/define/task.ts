import { z } from "zod";
import { TuttiError } from "../core/error.ts";
import { isName, NAME_EXPECTED } from "../core/names.ts";
import { meantDelay, type Policy, type PolicyInput, policy } from "../core/policy.ts";
import { describeProblems, problemsOf, show } from "../core/problem.ts";

/** What a planner needs to know of a task type: its name, its schemas, how it is executed by default. */
export interface Task<I extends z.ZodType = z.ZodType, O extends z.ZodType = z.ZodType> {
  readonly type: string;
  readonly description: string | undefined;
  readonly input: I;
  readonly output: O;
  readonly policy: Policy;
  readonly version: string | undefined;
}

export type TaskInput<T> = T extends Task<infer I, z.ZodType> ? z.input<I> : never;
export type TaskOutput<T> = T extends Task<z.ZodType, infer O> ? z.output<O> : never;

/** How a task type is described; `input` and `output` default to anything. */
export interface TaskOptions<I extends z.ZodType, O extends z.ZodType> extends PolicyInput {
  readonly description?: string;
  readonly input?: I;
  readonly output?: O;
  readonly version?: string;
}

const isSchema = (value: unknown): boolean => typeof value === "object" && value !== null && "_zod" in value;

/**
 * Declares a task type, so that plans can name it with typed inputs and outputs, with or without its handler.
 * Throws a {@link TuttiError} (400) for a bad name or option.
 */
export function task<I extends z.ZodType = z.ZodUnknown, O extends z.ZodType = z.ZodUnknown>(
  type: string,
  options: TaskOptions<I, O> = {},
): Task<I, O> {
  if (!isName(type)) throw new TuttiError(400, `task type ${JSON.stringify(type)}: expected ${NAME_EXPECTED}`);
  const { description, input, output, version, ...stated } = options;
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
  };
}
