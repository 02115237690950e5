import type { CheckedPlanV2 } from "../core/checked-plan.ts";
import type { TaskError } from "../core/error.ts";
import type { Json } from "../core/json.ts";
import { depthOf } from "../core/names.ts";
import type { CheckedPlan } from "../core/plan-check.ts";
import { checkAnyPlan } from "../core/plan-v2-check.ts";
import { describeProblems } from "../core/problem.ts";
import { templateOfSent } from "../core/sent-template.ts";
import { visitTemplate } from "../core/template.ts";
import { type Awaited, templateOfWait } from "../core/wait.ts";
import { findRefusal } from "./budget.ts";
import { findMapProblem } from "./map-node.ts";
import { inputOf } from "./outputs.ts";
import type { PlanNode } from "./plan-node.ts";
import { isSentItem, isSentPlan } from "./sent-plan.ts";
import type { TaskRecord } from "./task-record.ts";
import { startsRun } from "./waiting.ts";

/** How a task begins whose join is met: the event of its chart, and what goes with it. */
export type Start =
  | { readonly event: "ready" | "ask" | "skip" | "replaced"; readonly error?: undefined }
  | { readonly event: "wait"; readonly awaited: Awaited }
  /** A repetition. */
  | { readonly event: "expand"; readonly round: "first" }
  | { readonly event: "expand"; readonly checked: CheckedPlan | CheckedPlanV2 }
  /** A map, over so many items. */
  | { readonly event: "expand"; readonly items: number }
  | { readonly event: "broken"; readonly error: TaskError };

const READY: Start = { event: "ready" };

/** `awaited`: what it waits for, where that has just been decided. Where a budget does not let it start, it is broken. */
export function findStart(task: TaskRecord, awaited?: Awaited): Start {
  const found = findAdmitted(task, awaited);
  if (found.event !== "ready" && found.event !== "expand") return found;
  const count = "items" in found ? found.items : "checked" in found ? found.checked.keys.length : undefined;
  const error = findRefusal(task, count);
  return error ? { event: "broken", error } : found;
}

function findAdmitted(task: TaskRecord, awaited?: Awaited): Start {
  const { node } = task;
  if (!node) return isSentPlan(task) ? expandSent(task) : READY;
  const { stated, checked, index, answers } = node;
  if (node.hasFallenBack) return findFallback(task, node);
  if (stated.repeat) return findRepetition(task, node);
  // What a wait is for may be read by the owner only, and is to be seen by all.
  const isAsked = stated.each || stated.wait || isSentItem(task) || startsRun(task);
  if (!answers && (isAsked || findQuestions(task).length > 0)) return { event: "ask" };
  if (stated.when !== undefined && !checked.asksItems(index)) {
    const other = refuseOrSkip(answers![stated.when]!);
    if (other) return other;
  }
  if (stated.wait || startsRun(task))
    return awaited ? { event: "wait", awaited } : refuse("wait: nothing was decided of it");
  const inner = checked.innerOf(index);
  if (stated.each) return startMap(node);
  if (inner) return { event: "expand", checked: inner };
  return isSentPlan(task) ? expandSent(task) : READY;
}

/** Of a repetition, the condition is asked once. What it is given is that of each round. */
function findRepetition(task: TaskRecord, { stated, checked, index, answers }: PlanNode): Start {
  if (stated.when === undefined || checked.asksItems(index)) return { event: "expand", round: "first" };
  if (!answers && findQuestions(task).length > 0) return { event: "ask" };
  return refuseOrSkip(answers![stated.when]!) ?? { event: "expand", round: "first" };
}

/** What the answer to a condition says, unless it is true. */
function refuseOrSkip(answer: Json): Start | undefined {
  if (answer === true) return undefined;
  if (answer === false) return { event: "skip" };
  return refuse(`when: expected true or false, received ${JSON.stringify(answer)}`);
}

function findFallback(task: TaskRecord, node: PlanNode): Start {
  if (!node.answers && findQuestions(task).length > 0) return { event: "ask" };
  if (node.stated.fallback!.value !== undefined) return { event: "replaced" };
  return isSentPlan(task) ? expandSent(task) : READY;
}

function startMap(node: PlanNode): Start {
  const { items } = node;
  if (items === undefined) return refuse("each: nothing was decided of its items");
  const problem = findMapProblem(node, items);
  return problem === undefined ? { event: "expand", items } : refuse(problem);
}

/**
 * The texts of the expressions that are to be answered before a task starts: its condition, and those of its input. Of a map
 * they are those of what it is over; its input is that of the items.
 */
export function findQuestions(task: TaskRecord): readonly string[] {
  const { stated, checked, index, hasFallenBack } = task.node!;
  if (checked.expressions.size === 0) return [];
  const texts = new Set<string>();
  if (stated.when !== undefined && !hasFallenBack && !checked.asksItems(index)) texts.add(stated.when);
  const key = limitKeyOf(task);
  if (key && key.value === undefined) texts.add(key.text);
  const template = templateOf(task);
  if (template !== undefined)
    visitTemplate(template, {
      found: (word) => void (word.word === "$expr" && texts.add(word.text)),
      malformed() {},
      tooDeep() {},
    });
  return [...texts];
}

/**
 * The expression by which a task is limited. Its fallback is another task, and of a map the items are limited, not the map.
 * One that is a text and no more has its value at once: nothing has to be decided in the log.
 */
export function limitKeyOf({ node }: TaskRecord): { readonly text: string; readonly value?: string } | undefined {
  if (!node?.stated.limit || node.stated.each || node.hasFallenBack) return undefined;
  const text = node.stated.limit.key;
  const [, value] = PLAIN_TEXT.exec(text) ?? [];
  return { text, ...(value !== undefined && { value }) };
}
const PLAIN_TEXT = /^(?:'(?=[^'\\]*'$)|"(?=[^"\\]*"$))(.*).$/;

/** What the expressions that are answered before a task starts stand in, besides its condition. */
function templateOf(task: TaskRecord): Json | undefined {
  const { stated, hasFallenBack } = task.node!;
  const { type, input, each, fallback, wait, repeat } = stated;
  if (hasFallenBack) return fallback!.type === "plan" ? undefined : (fallback!.value ?? fallback!.input);
  if (repeat) return undefined;
  if (wait) return templateOfWait(wait);
  if (each) return each.in;
  if (type !== "plan") return input;
  return isSentItem(task) && input !== undefined ? templateOfSent(input) : undefined;
}

/** The plan that a task was sent as its input. The gateway has checked the root's; nobody's is trusted. */
function expandSent(task: TaskRecord): Start {
  const { plan } = inputOf(task, neverLoaded) as { plan?: unknown };
  const checked = checkAnyPlan(plan, { depth: depthOf(task.id) });
  if ("problems" in checked) return refuse(`the plan is refused: ${describeProblems(checked.problems)}`);
  return { event: "expand", checked };
}

/** Hosts put the input of a plan that is sent in the place of its reference before they fold; one that is still there has lost its blob. */
const neverLoaded = (): Record<string, never> => ({});

const refuse = (message: string): Start => ({ event: "broken", error: { kind: "terminal", message } });
