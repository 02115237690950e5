import { z } from "zod";
import { TerminalError, TuttiError } from "../core/error.ts";
import { checkOptions } from "../core/known-options.ts";
import type { ModelMessage } from "../core/model.ts";
import { depthOf } from "../core/names.ts";
import type { OptionNames } from "../core/option-names.ts";
import { PLAN_LIMITS, type Plan } from "../core/plan.ts";
import { checkPlan } from "../core/plan-check.ts";
import { describeProblems, type Problem } from "../core/problem.ts";
import type { TypeRegistration } from "../core/registration.ts";
import { PlanOf } from "../define/plan-of.ts";
import type { Task } from "../define/task.ts";
import { type HandlerContext, type Worker, worker } from "../define/worker.ts";
import { checkInputs } from "./planning/inputs.ts";
import { normalizePlan } from "./planning/normal.ts";

const TYPE = "objective";

/**
 * The options of a planner.
 *
 * @example
 * ```ts
 * const options: ObjectiveOptions = { name: "research", types: [search, summarize], maxTasks: 10 };
 * ```
 */
export interface ObjectiveOptions {
  /** The name of the task type. Default: `objective`. */
  readonly name?: string;
  /**
   * The types that a plan may use, by contract or name; the model sees no others. A request may restrict them further.
   * Default: all types that are registered when the plan is made.
   */
  readonly types?: readonly (Task | string)[];
  /** The largest number of tasks in a plan; a plan with more is refused. Default 50. */
  readonly maxTasks?: number;
  /** The number of times that an unusable plan is sent back to the model with its problems. Default 2. */
  readonly maxRepairs?: number;
  /** Types that a plan may not use. Default: the planner itself, so that no plan merely forwards the objective. */
  readonly without?: readonly string[];
}

/** The time limit of one answer. Planning takes a model longer than most questions. */
const CALL_TIMEOUT_MS = 90_000;

const OBJECTIVE_LIMITS = { maxTasks: 50, maxRepairs: 2 } as const;

const PLANNING_PROMPT = `You plan work. You are given an objective and a list of task types. You decompose the objective into a plan: tasks of these types, which are executed in parallel as soon as what they wait for is done.

A plan is one JSON object:
{
  "tasks": {
    "<key>": { "type": "<task type>", "input": { … }, "needs": ["<key>", …] }
  },
  "output": "<key>"
}

- Each task has a key of your choice, unique in the plan: 1 to 64 characters of A-Z a-z 0-9 _ -, beginning with a letter or digit.
- "type" is one of the listed types, exactly as it is written there. There are no others.
- "input" matches the JSON Schema of that type's input.
- Anywhere in an input, {"$ref": "<key>#/json/pointer"} stands for a value in the output of another task of this plan; {"$ref": "<key>"} stands for all of its output. The type's output schema tells what is there. A task waits for the tasks that its input refers to.
- "needs" is optional: keys of further tasks that must succeed first. Leave it out unless order matters without data passing.
- No task may wait for itself, directly or through others.
- "output" is the key of the task whose output answers the objective. Leave it out to answer with the outputs of all tasks, by key.
- Tasks have no fields other than these, and the plan neither.
- Use as few tasks as the objective needs, and let those that do not depend on each other run in parallel. What the objective or its context tells you goes into the inputs literally.

Answer with the plan and nothing else.`;

const REPAIR_PROMPT =
  "That plan cannot be executed. Answer again with the whole plan, corrected. Each problem begins with the JSON pointer to its place:";

const OPTIONS: OptionNames<ObjectiveOptions> = {
  name: true,
  types: true,
  maxTasks: true,
  maxRepairs: true,
  without: true,
};

export interface Objective {
  readonly objective: string;
  readonly context?: unknown;
  readonly types?: readonly string[] | undefined;
}

/**
 * Creates a planner: a task type with which a model decomposes an objective into a plan over registered task types. The
 * plan is checked before it is executed; its problems are sent back to the model. Throws a {@link TuttiError} (400) for
 * an unknown or invalid option.
 *
 * @example
 * ```ts
 * const research = createObjective({ name: "research", types: [search, summarize], maxTasks: 10 });
 * await using app = await tutti({ workers: [research, search, summarize] });
 * const answer = await app.run(research, { objective: "What is known about the tides of the Wadden Sea?" });
 * ```
 */
export function createObjective(options: ObjectiveOptions = {}): ObjectiveWorker {
  const name = options.name ?? TYPE;
  checkOptions(`createObjective ${name}`, options, OPTIONS);
  const { maxTasks, maxRepairs, without } = { ...OBJECTIVE_LIMITS, without: [name], ...options };
  checkCount("maxTasks", maxTasks, 1);
  checkCount("maxRepairs", maxRepairs, 0);
  const allowed = options.types?.map((type) => (typeof type === "string" ? type : type.type));

  async function run(task: HandlerContext<Objective>): Promise<PlanOf<unknown>> {
    const { llm, input } = task;
    if (!llm.configured)
      throw new TerminalError(
        `${name} needs a language model, and none is configured: set OPENAI_API_KEY (and OPENAI_BASE_URL, TUTTI_MODEL) or ANTHROPIC_API_KEY`,
      );
    const types = chooseTypes(await task.types(), input.types ?? allowed);

    const messages: ModelMessage[] = [
      { role: "system", content: `${PLANNING_PROMPT}\n\nAt most ${maxTasks} tasks.` },
      { role: "user", content: describeWork(input, types) },
    ];
    for (let repairs = 0; ; repairs++) {
      // Any object: the prompt describes the format, and the check of the whole plan finds more than a schema could.
      const answer = await llm.object(z.record(z.string(), z.unknown()), messages, {
        name: "plan",
        timeoutMs: CALL_TIMEOUT_MS,
      });
      const checked = check(answer, types, depthOf(task.task));
      if ("plan" in checked) {
        task.log(`planned ${Object.keys(checked.plan.tasks).length} tasks`);
        return new PlanOf(checked.plan);
      }
      const described = describeProblems(checked.problems, 20);
      if (repairs >= maxRepairs)
        throw new TerminalError(`${name}: the model's plan cannot be executed, after ${repairs} repairs: ${described}`);
      task.log(`plan sent back: ${described}`, "warn");
      messages.push(
        { role: "assistant", content: JSON.stringify(answer) },
        { role: "user", content: `${REPAIR_PROMPT}\n${list(checked.problems)}` },
      );
    }
  }

  /** The types that the model sees and its plan may use. */
  function chooseTypes(registered: readonly TypeRegistration[], named: readonly string[] | undefined) {
    const usable = registered.filter(({ type }) => !without.includes(type) && (allowed?.includes(type) ?? true));
    const known = usable.map(({ type }) => type);
    const missing = named?.find((type) => !known.includes(type));
    if (missing !== undefined)
      throw new TerminalError(
        `${name}: expected types that are registered and that a plan may use (${known.join(", ") || "there are none"}), received ${JSON.stringify(missing)}`,
      );
    const chosen = named === undefined ? usable : usable.filter(({ type }) => named.includes(type));
    if (chosen.length === 0) throw new TerminalError(`${name}: no registered task type may be used in a plan`);
    return chosen;
  }

  function check(
    answer: unknown,
    types: readonly TypeRegistration[],
    depth: number,
  ): { plan: Plan } | { problems: Problem[] } {
    const known = new Map(types.map((one) => [one.type, one]));
    const limits = { ...PLAN_LIMITS, tasks: maxTasks };
    const checked = checkPlan(normalizePlan(answer), { depth, limits, knows: (type) => known.has(type) });
    if ("problems" in checked) return checked;
    if (Object.keys(checked.plan.tasks).length === 0)
      return { problems: [{ path: "/tasks", message: "expected at least one task", received: "{}" }] };
    const problems = checkInputs(checked.plan, known);
    return problems.length > 0 ? { problems } : checked;
  }

  return worker(name, {
    description:
      "Decomposes an objective into a plan over the registered task types, with a language model, and executes it.",
    input: z.object({
      objective: z.string().trim().min(1).describe("What is to be achieved, in words."),
      context: z.unknown().optional().describe("Data that the plan may use: any JSON."),
      types: z
        .array(z.string())
        .min(1)
        .optional()
        .describe("The task types that the plan may use. Default: all that the planner knows."),
    }),
    output: z.unknown(),
    // Planning takes one call and one more for each repair, and models are slow.
    timeout: "5m",
    run,
  });
}

/**
 * The built-in planner over all registered types, with the default limits.
 *
 * @example
 * ```ts
 * await app.run(objective, { objective: "Summarize the harbour festival", types: ["document"] });
 * ```
 */
export const objective: ObjectiveWorker = createObjective();

function checkCount(option: string, value: number, least: number): void {
  if (Number.isInteger(value) && value >= least) return;
  throw new TuttiError(
    400,
    `createObjective: /${option}: expected a whole number, ${least} or more, received ${value}`,
  );
}

function describeWork(input: { objective: string; context?: unknown }, types: readonly TypeRegistration[]): string {
  const sorted = types.toSorted((a, b) => (a.type < b.type ? -1 : 1));
  const listed = sorted.map(({ type, description, input: takes, output }) =>
    JSON.stringify({ type, ...(description && { description }), input: takes ?? {}, output: output ?? {} }),
  );
  const context = input.context === undefined ? "" : `\n\nContext:\n${JSON.stringify(input.context)}`;
  return `Task types, one a line:\n${listed.join("\n")}\n\nObjective:\n${input.objective}${context}`;
}

/** The contract of a planner: an objective as the input, and an output whose shape depends on the plan. */
export type ObjectiveWorker = Worker<z.ZodType<unknown, Objective>>;

const list = (problems: readonly Problem[]) => problems.map((one) => `- ${describeProblems([one])}`).join("\n");
