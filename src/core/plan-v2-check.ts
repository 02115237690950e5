import { type CheckedPlanV2, findOptionalOutputs } from "./checked-plan.ts";
import { findExcess, type Join, readJoin } from "./join.ts";
import { escapeToken } from "./json.ts";
import { createMemoReader } from "./memo-reader.ts";
import { isName, NAME_EXPECTED } from "./names.ts";
import { PLAN_LIMITS } from "./plan.ts";
import { type CheckedPlan, checkPlan, type PlanCheckOptions } from "./plan-check.ts";
import { describeCycle } from "./plan-cycles.ts";
import { PlanGraph } from "./plan-graph.ts";
import { type Manner, MentionReader } from "./plan-mentions.ts";
import { type PlanWords, refuseUnsupported } from "./plan-support.ts";
import { type InnerPlan, PLAN_FIELDS, PLAN_V2, type PlanWhole, planWhole } from "./plan-v2.ts";
import { type Problem, ProblemList } from "./problem.ts";
import { type Fields, isObject, type ReadTask, refuseUnknown, TaskReader } from "./task-reader.ts";

/** Checks a plan of whichever version it says it is. */
export const checkAnyPlan = (
  value: unknown,
  options: PlanCheckOptions,
): CheckedPlan | CheckedPlanV2 | { problems: Problem[] } =>
  isObject(value) && value.v === PLAN_V2 ? checkPlanV2(value, options) : checkPlan(value, options);

/**
 * Checks a plan of version 2 as a whole, the plans inside included, and reads it: durations become milliseconds.
 *
 * Reports everything that is wrong at once, each with its JSON pointer into the plan, the first hundred in full. Pure,
 * linear, and never throws for any JSON.
 */
export function checkPlanV2(value: unknown, options: PlanCheckOptions): CheckedPlanV2 | { problems: Problem[] } {
  const check = new PlanV2Check(options);
  const checked = check.read(value, "", options.depth);
  const problems = check.problems.list();
  return checked && problems.length === 0 ? checked : { problems };
}

class PlanV2Check {
  readonly problems = new ProblemList();
  readonly #options: PlanCheckOptions;
  readonly #mentions = new MentionReader(this.problems);
  readonly #readWhole = createMemoReader(planWhole);
  readonly #tasks: TaskReader;
  /** Tasks so far, those of plans inside included. */
  #count = 0;
  readonly #words: PlanWords;

  constructor(options: PlanCheckOptions) {
    this.#options = options;
    this.#words = options.words ?? "carried-out";
    this.#tasks = new TaskReader({
      problems: this.problems,
      mentions: this.#mentions,
      knows: options.knows,
      words: this.#words,
      readInner: (value, at, depth) => this.read(value, at, depth),
      checkSent: (value, depth) => {
        const checked = checkAnyPlan(value, { ...options, depth });
        return "problems" in checked ? checked.problems : [];
      },
    });
  }

  /** `at` is the pointer of the plan, `depth` that of the task which it belongs to. */
  read(value: unknown, at: string, depth: number): CheckedPlanV2 | undefined {
    const { depth: deepest, tasks: most } = this.#options.limits ?? PLAN_LIMITS;
    if (!isObject(value)) return this.#refuse(at, "a plan: an object with tasks", value);
    refuseUnknown(value, PLAN_FIELDS, at, this.problems);
    if (this.#words !== "all") refuseUnsupported("plan", value, at, this.problems);
    if (value.v !== undefined && value.v !== PLAN_V2) this.#refuse(`${at}/v`, "2", value.v);
    if (depth >= deepest)
      return this.#refuse(`${at}/tasks`, `no tasks deeper than level ${deepest} of the tree`, depth + 1);
    if (!isObject(value.tasks)) return this.#refuse(`${at}/tasks`, "an object of tasks by key", value.tasks);
    const graph = new PlanGraph(Object.keys(value.tasks));
    this.#count += graph.keys.length;
    if (this.#count > most)
      return this.#refuse(`${at}/tasks`, `at most ${most} tasks, those of plans inside included`, this.#count);
    const { tasks, read } = this.#readTasks(value.tasks, graph, at, depth);
    return this.#conclude(value, tasks, read, graph, at, depth);
  }

  /** Shares with the plan as given what need not change: memory is most of the cost. */
  #readTasks(stated: Fields, graph: PlanGraph, at: string, depth: number) {
    const read = graph.keys.map((key, index) => {
      const place = `${at}/tasks/${escapeToken(key)}`;
      if (!isName(key)) this.#refuse(place, `a key of ${NAME_EXPECTED}`, key);
      graph.beginTask(index);
      const one = this.#tasks.read(stated[key], place, depth + 1, graph);
      graph.endTask(one.join);
      return one;
    });
    const isAsStated = read.every(({ task }, index) => task === stated[graph.keys[index]!]);
    const tasks = isAsStated ? stated : Object.fromEntries(read.map(({ task }, index) => [graph.keys[index]!, task]));
    return { tasks: tasks as InnerPlan["tasks"], read };
  }

  /** What only the whole shows: its fields beside the tasks, cycles, joins that ask for too much. */
  #conclude(
    value: Fields,
    tasks: InnerPlan["tasks"],
    read: readonly ReadTask[],
    graph: PlanGraph,
    at: string,
    depth: number,
  ): CheckedPlanV2 {
    const { keys, joinOf, bears, isKept, asksItems } = graph;
    const needsOf = graph.edges.targets();
    this.#checkCycles(tasks, graph, at);
    const whole = this.#readFields(value, at);
    const mayLack = findOptionalOutputs({
      size: keys.length,
      needsOf,
      bears,
      joinOf,
      hasCondition: (task) => read[task]!.task.when !== undefined && !asksItems(task),
      isOptional: (task) => read[task]!.task.optional === true,
    });
    this.#readOutput(whole, mayLack, graph, at, depth);
    const isSink = findSinks(keys.length, needsOf);
    const sinks = [...keys.keys()].filter(isSink);
    const join = readJoin(whole.join);
    this.#checkJoin(join, sinks.length, `${at}/join`);
    for (const [task, key] of keys.entries())
      this.#checkJoin(joinOf(task), needsOf(task).length, `${at}/tasks/${key}/join`);
    const inner = new Map(
      [...read.entries()].flatMap(([task, one]) => (one.inner ? [[task, one.inner] as const] : [])),
    );
    return {
      plan: { ...whole, v: PLAN_V2, tasks },
      keys,
      needsOf,
      bears,
      joinOf,
      sinks,
      isSink,
      join,
      outputs: [...graph.outputs].map(([task, breaks]) => ({ task, breaks })),
      isKept,
      usesInput: graph.usesInput,
      asksItems,
      innerOf: (task) => inner.get(task),
      expressions: this.#mentions.expressions,
    };
  }

  #readFields({ output, join, finally: last }: Fields, at: string): PlanWhole {
    const stated = {
      ...(output !== undefined && { output }),
      ...(join !== undefined && { join }),
      ...(last !== undefined && { finally: last }),
    };
    const reading = this.#readWhole(stated);
    if ("value" in reading) return reading.value;
    for (const one of reading.problems) this.problems.add(() => ({ ...one, path: at + one.path }));
    return {};
  }

  #readOutput(
    { output, finally: last }: PlanWhole,
    mayLack: (task: number) => boolean,
    graph: PlanGraph,
    at: string,
    depth: number,
  ): void {
    const name = (key: string, manner: Manner): boolean | string => {
      const task = graph.placeOf(key);
      if (task === undefined) return false;
      graph.nameOutput(task, manner);
      return (
        manner !== "output" ||
        !mayLack(task) ||
        `a default beside the output of ${key}: it may have none, as it may be skipped, or is optional`
      );
    };
    const place = { keys: graph.keys, planInput: graph.useInput };
    this.#tasks.readAction(last, { ...place, at: () => `${at}/finally`, task: graph.keep }, depth + 1);
    if (typeof output === "object")
      this.#mentions.readTemplate(output, { ...place, at: () => `${at}/output`, task: name });
    if (typeof output !== "string") return;
    const named = name(output, "output");
    if (named !== true) this.#refuse(`${at}/output`, named || "the key of a task of this plan", output);
  }

  #checkJoin(join: Join, size: number, at: string): void {
    const excess = findExcess(join, size);
    if (excess) this.#refuse(at, excess.expected, excess.received);
  }

  #checkCycles(tasks: InnerPlan["tasks"], graph: PlanGraph, at: string): void {
    graph.edges.eachCycle((path) =>
      this.problems.add(() => {
        const keys = path().map((index) => graph.keys[index]!);
        const received = describeCycle(keys);
        const last = keys.at(-1)!;
        const need = tasks[last]?.needs?.indexOf(keys[0]!) ?? -1;
        const place = `${at}/tasks/${last}${need >= 0 ? `/needs/${need}` : ""}`;
        return { path: place, message: `expected no cycle, received ${received}`, expected: "no cycle", received };
      }),
    );
  }

  #refuse(path: string, expected: string, received: unknown): undefined {
    this.problems.expected(path, expected, received);
  }
}

function findSinks(size: number, needsOf: (task: number) => readonly number[]): (task: number) => boolean {
  const isNeeded = new Uint8Array(size);
  for (let task = 0; task < size; task++) for (const need of needsOf(task)) isNeeded[need] = 1;
  return (task) => isNeeded[task] === 0;
}
