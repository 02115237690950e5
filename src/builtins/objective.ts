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
 * How a planner is set up.
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
   * The types that a plan may use, by contract or name; the model is shown no others. A request may name some of them.
   * Default: all that are registered when the plan is made.
   */
  readonly types?: readonly (Task | string)[];
  /** Tasks of a plan that a model writes; more are refused. Default 50. */
  readonly maxTasks?: number;
  /** How often a plan that cannot be used is sent back with what is wrong. Default 2. */
  readonly maxRepairs?: number;
  /** Types that a plan may not use. Default: the planner itself, so that no plan only passes the objective on. */
  readonly without?: readonly string[];
}

/** The time that one answer may take; planning is slower than most questions. */
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
 * A task type whose tasks a model plans: it decomposes an objective into a plan over registered task types. The plan is
 * checked before it is executed; what is wrong with it goes back to the model. Throws a {@link TuttiError} (400) for an
 * unknown or bad option.
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
        `${name} needs a language model and none is configured: set OPENAI_API_KEY (and OPENAI_BASE_URL, TUTTI_MODEL) or ANTHROPIC_API_KEY`,
      );
    const types = chooseTypes(await task.types(), input.types ?? allowed);

    const messages: ModelMessage[] = [
      { role: "system", content: `${PLANNING_PROMPT}\n\nAt most ${maxTasks} tasks.` },
      { role: "user", content: describeWork(input, types) },
    ];
    for (let repairs = 0; ; repairs++) {
      // Any object: what it must look like is in the prompt, and the check of the whole plan says more than a schema can.
      const answer = await llm.object(z.record(z.string(), z.unknown()), messages, {
        name: "plan",
        timeoutMs: CALL_TIMEOUT_MS,
      });
      const checked = check(answer, types, depthOf(task.task));
      if ("plan" in checked) {
        task.log(`planned ${Object.keys(checked.plan.tasks).length} tasks`);
        return new PlanOf(checked.plan);
      }
      const wrong = describeProblems(checked.problems, 20);
      if (repairs >= maxRepairs)
        throw new TerminalError(`${name}: the model's plan cannot be executed, after ${repairs} repairs: ${wrong}`);
      task.log(`plan sent back: ${wrong}`, "warn");
      messages.push(
        { role: "assistant", content: JSON.stringify(answer) },
        { role: "user", content: `${REPAIR_PROMPT}\n${list(checked.problems)}` },
      );
    }
  }

  /** Shown to the model, and allowed in its plan. */
  function chooseTypes(registered: readonly TypeRegistration[], named: readonly string[] | undefined) {
    const usable = registered.filter(({ type }) => !without.includes(type) && (allowed?.includes(type) ?? true));
    const known = usable.map(({ type }) => type);
    const missing = named?.find((type) => !known.includes(type));
    if (missing !== undefined)
      throw new TerminalError(
        `${name}: expected types to be of those that a plan may use and that are registered (${known.join(", ") || "none is"}), received ${JSON.stringify(missing)}`,
      );
    const chosen = named === undefined ? usable : usable.filter(({ type }) => named.includes(type));
    if (chosen.length === 0) throw new TerminalError(`${name}: no task type is registered that a plan could use`);
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
    // Planning takes as many calls as there are repairs, and models are slow.
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

/** The contract of a planner: what is to be achieved, and an output of which only the plan knows the shape. */
export type ObjectiveWorker = Worker<z.ZodType<unknown, Objective>>;

const list = (problems: readonly Problem[]) => problems.map((one) => `- ${describeProblems([one])}`).join("\n");
