import { MAX_NESTING, toPointer } from "./json.ts";
import { isName, NAME_EXPECTED } from "./names.ts";
import { PLAN_LIMITS, type Plan, type PlanLimits, type PlannedTask, plan, plannedTask } from "./plan.ts";
import { describeCycle, Graph } from "./plan-cycles.ts";
import type { PlanWords } from "./plan-support.ts";
import type { Policy } from "./policy.ts";
import { createPolicyReader } from "./policy-reader.ts";
import { type Problem, ProblemList } from "./problem.ts";
import { eachReference, isPointer, parseReference, type ReferenceVisitor, visitReferences } from "./reference.ts";

export interface PlanCheckOptions {
  /** Of the task that returned the plan; the root is at 0. */
  readonly depth: number;
  /** Default {@link PLAN_LIMITS}. */
  readonly limits?: PlanLimits;
  /** Whether a task type is registered. Default: types are not looked up. */
  readonly knows?: (type: string) => boolean;
  /** Of the language of version 2. Default: `carried-out`. `all` is for reading a plan only. */
  readonly words?: PlanWords;
}

/** A plan that is right, and what its check has found out: to go through a large one again takes as long. */
export interface CheckedPlan {
  readonly plan: Plan;
  /** Of its tasks, in order. */
  readonly keys: readonly string[];
  /** The siblings that a task waits for, all by their places in `keys`: those in `needs`, then those its input refers to; each once. */
  readonly needsOf: (index: number) => readonly number[];
}

/**
 * Checks a plan as a whole and reads it: durations become milliseconds, an absent version becomes 1.
 *
 * Tells everything that is wrong at once, each with its JSON pointer into the plan, the first hundred in full (see
 * {@link ProblemList}). Pure, linear, and never throws for any JSON. It accepts what the schema `plan` accepts, less
 * what only the whole shows: references, cycles, limits, unknown types. By hand, because the schema is too slow for it.
 */
export function checkPlan(value: unknown, options: PlanCheckOptions): CheckedPlan | { problems: Problem[] } {
  const check = new PlanCheck(options);
  const plan = check.readPlan(value);
  if (!plan || check.problems.count > 0) return { problems: check.problems.list() };
  return { plan, keys: check.keys, needsOf: check.waits.targets() };
}

type Fields = { readonly [field: string]: unknown };

const isObject = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const PLAN_FIELDS: ReadonlySet<string> = new Set(Object.keys(plan.shape));
const TASK_FIELDS: ReadonlySet<string> = new Set(Object.keys(plannedTask.shape));
const SIBLING = "the key of another task of this plan";

class PlanCheck {
  readonly problems = new ProblemList();
  readonly #options: PlanCheckOptions;
  readonly #readPolicy = createPolicyReader();
  keys: readonly string[] = [];
  waits = new Graph(0);
  /** The node of every task in the graph, by key: its place in `keys`. */
  readonly #nodes = new Map<string, number>();
  /** The one being read. */
  #node = 0;

  constructor(options: PlanCheckOptions) {
    this.#options = options;
  }

  readPlan(value: unknown): Plan | undefined {
    const { depth, limits = PLAN_LIMITS } = this.#options;
    if (!isObject(value)) return this.#refuse([], "a plan: an object with tasks", value);
    this.#checkFields(value, PLAN_FIELDS);
    if (value.v !== undefined && value.v !== 1) this.#refuse(["v"], "1", value.v);
    if (depth >= limits.depth)
      this.#refuse(["tasks"], `no tasks deeper than level ${limits.depth} of the tree`, depth + 1);
    if (!isObject(value.tasks)) return this.#refuse(["tasks"], "an object of tasks by key", value.tasks);

    this.keys = Object.keys(value.tasks);
    if (this.keys.length > limits.tasks)
      this.#refuse(["tasks"], `at most ${limits.tasks} tasks in one plan`, this.keys.length);
    const tasks = this.#readTasks(value.tasks as Record<string, PlannedTask>);
    this.#checkCycles(tasks);
    const { output } = value;
    if (output === undefined) return { v: 1, tasks };
    if (typeof output === "string" && this.#nodes.has(output)) return { v: 1, tasks, output };
    return this.#refuse(["output"], "the key of a task of this plan", output);
  }

  /** Shares with the plan as given what need not change, all of it if nothing must: memory is most of the cost. */
  #readTasks(stated: Record<string, PlannedTask>): Record<string, PlannedTask> {
    for (const key of this.keys) this.#nodes.set(key, this.#nodes.size);
    this.waits = new Graph(this.keys.length);
    let copy: Record<string, PlannedTask> | undefined;
    for (this.#node = 0; this.#node < this.keys.length; this.#node++) {
      const key = this.keys[this.#node]!;
      if (!isName(key)) this.#refuse(["tasks", key], `a key of ${NAME_EXPECTED}`, key);
      const task = stated[key]!;
      const read = this.#readTask(key, task);
      if (copy === undefined && read !== task) {
        copy = {};
        for (const before of this.keys.slice(0, this.#node)) copy[before] = stated[before]!;
      }
      if (copy) copy[key] = read;
    }
    return copy ?? stated;
  }

  /** What it returns means something only if it found no problem. */
  #readTask(key: string, task: PlannedTask): PlannedTask {
    if (!isObject(task)) {
      this.#refuse(["tasks", key], "a task: an object with a type", task);
      return task;
    }
    this.#checkFields(task, TASK_FIELDS, key);
    const { type, needs, input } = task;
    if (!isName(type)) this.#refuse(["tasks", key, "type"], `a task type: ${NAME_EXPECTED}`, type);
    else if (this.#options.knows?.(type) === false)
      this.#refuse(["tasks", key, "type"], "a task type that is registered", type);
    if (needs !== undefined) this.#checkNeeds(key, needs);
    if (input !== undefined) visitReferences(input, this.#references);
    const reading = this.#readPolicy(task);
    if ("value" in reading) return reading.asStated ? task : withPolicy(task, reading.value);
    for (const one of reading.problems)
      this.problems.add(() => ({ ...one, path: toPointer(["tasks", key]) + one.path }));
    return task;
  }

  #checkNeeds(key: string, needs: unknown): void {
    if (!Array.isArray(needs)) this.#refuse(["tasks", key, "needs"], "an array of keys", needs);
    else
      for (let i = 0; i < needs.length; i++)
        if (!this.#addEdge(needs[i])) this.#refuse(["tasks", key, "needs", i], SIBLING, needs[i]);
  }

  /** Of the input of the task that is being read. */
  readonly #references: Required<ReferenceVisitor> = {
    found: (text, path) => {
      const reference = parseReference(text);
      if (!this.#addEdge(reference.key)) this.#refuseInput(`${path()}/$ref`, `"<key>#/pointer" with ${SIBLING}`, text);
      if (!isPointer(reference.pointer))
        this.#refuseInput(`${path()}/$ref`, "nothing or a JSON pointer, which begins with /, after #", text);
    },
    malformed: (value, path) =>
      this.#refuseInput(`${path()}/$ref`, 'the text "<key>#/pointer"; data goes into $literal', value),
    tooDeep: (path) => this.#refuseInput(path(), `at most ${MAX_NESTING} levels of nesting`, "more"),
  };

  #refuseInput(path: string, expected: string, received: unknown): void {
    const at = toPointer(["tasks", this.keys[this.#node]!, "input"]);
    this.problems.expected(`${at}${path}`, expected, received);
  }

  /** False when there is no such sibling. */
  #addEdge(to: unknown): boolean {
    const node = typeof to === "string" ? this.#nodes.get(to) : undefined;
    if (node === undefined || node === this.#node) return false;
    this.waits.addEdge(this.#node, node);
    return true;
  }

  #checkCycles(tasks: Record<string, PlannedTask>): void {
    this.waits.eachCycle((path) =>
      this.problems.add(() => {
        const keys = path().map((index) => this.keys[index]!);
        const key = keys.at(-1)!;
        return {
          path: toPointer(["tasks", key]) + placeOf(keys[0]!, tasks[key]!),
          message: `expected no cycle, received ${describeCycle(keys)}`,
          expected: "no cycle",
          received: describeCycle(keys),
        };
      }),
    );
  }

  /** Of the plan, or of the task with that key. */
  #checkFields(value: Fields, known: ReadonlySet<string>, key?: string): void {
    for (const field in value) {
      if (known.has(field)) continue;
      const path = key === undefined ? [field] : ["tasks", key, field];
      this.#refuse(path, `one of the fields ${[...known].join(", ")}`, field);
    }
  }

  #refuse(path: readonly PropertyKey[], expected: string, received: unknown): undefined {
    this.problems.expected(toPointer(path), expected, received);
  }
}

/** Shares what need not change. */
function withPolicy(task: PlannedTask, policy: Policy): PlannedTask {
  const copy: { -readonly [K in keyof PlannedTask]: PlannedTask[K] } = { ...task };
  if (policy.retry) copy.retry = policy.retry;
  if (policy.timeout !== undefined) copy.timeout = policy.timeout;
  return copy;
}

/** Where a task says that it waits for `key`. */
function placeOf(key: string, task: PlannedTask): string {
  const index = Array.isArray(task.needs) ? task.needs.indexOf(key) : -1;
  if (index >= 0) return `/needs/${index}`;
  let place = "";
  if (task.input !== undefined)
    eachReference(task.input, (text, path) => {
      if (place === "" && parseReference(text).key === key) place = `/input${path()}/$ref`;
    });
  return place;
}
