import type { Expression } from "../core/expression.ts";
import type { Json } from "../core/json.ts";
import { type MapItems, readItems } from "../core/map-items.ts";
import { childOf, FINALLY, REPLAN, UNDO } from "../core/names.ts";
import { assemble } from "../core/reducer.ts";
import { resolveInput } from "../core/reference.ts";
import { withSentTemplate } from "../core/sent-template.ts";
import { resolveTemplate, type TemplateValues } from "../core/template.ts";
import { replacementOf } from "./fallback.ts";
import { makesParentsOutput } from "./held-outputs.ts";
import { isItem, reducedBy, WHOLE_ITEM } from "./map-node.ts";
import { keysIn } from "./named-keys.ts";
import { isRound, planOf } from "./rounds.ts";
import { isSentItem, isSentPlan } from "./sent-plan.ts";
import { type Children, hasOutput, isLater, type Output, stateOf, type TaskRecord } from "./task-record.ts";

/**
 * What tasks have come to and what they are given, read out of the tree: an output may be made of children's outputs, which
 * refer to what their plan was given, which is made of outputs of siblings further up.
 */

/** Has what is kept elsewhere, by its reference. */
export type Load = (ref: string) => Json;

/** The output of a task that has succeeded; of an expanded one, made of its children's. */
export function outputOf(task: TaskRecord, load: Load): Json {
  // A run whose plan was skipped as a whole has succeeded with nothing.
  if (stateOf(task) === "skipped") return {};
  const children = makingChildren(task);
  if (!children) {
    const { output } = task;
    if (!output) {
      const replacement = replacementOf(task);
      if (replacement !== undefined) return resolveLater(replacement, task, load);
      throw new Error(`the output of ${task.id} is no longer held`);
    }
    return "ref" in output ? load(output.ref) : output.value;
  }
  const { output, template, map } = children;
  if (map) return mapOutputOf(task, load);
  if (output) return outputOf(output, load);
  if (template !== undefined) return resolveTemplate(template, valuesIn(task, load));
  const outputs: Record<string, Json> = {};
  for (const child of makersOf(task)) outputs[child.key] = outputOf(child, load);
  return outputs;
}

/** What an output is made of. That of a task which was marked is what it was marked with. */
const makingChildren = (task: TaskRecord): Children | undefined =>
  task.run.marks?.has(task) ? undefined : task.children;

/** Those of which the output of an expanded task is made. In a plan of version 2, some may have none. */
const makersOf = ({ children }: TaskRecord): readonly TaskRecord[] =>
  children!.all.filter((child) => makesParentsOutput(child) && (!child.node || hasOutput(child)));

/** Where a task's output stands as it is, if it is in one place; undefined when it has to be put together. */
export function soleOutput(task: TaskRecord): Output | undefined {
  const children = makingChildren(task);
  if (!children) return task.output;
  return children.output && soleOutput(children.output);
}

/** The references that {@link outputOf} would load. */
export function* refsOf(task: TaskRecord): Generator<string> {
  const children = makingChildren(task);
  if (!children) {
    if (task.output && "ref" in task.output) yield task.output.ref;
    const replacement = replacementOf(task);
    if (replacement !== undefined) yield* laterRefs(replacement, task);
    return;
  }
  for (const child of makersOf(task)) yield* refsOf(child);
  if (children.template !== undefined && children.plan!.checked.usesInput) yield* planInputRefs(task);
}

/** Whether {@link outputOf} would have to load anything. */
export function holdsRef(task: TaskRecord): boolean {
  if (!makingChildren(task)) return task.output !== undefined && "ref" in task.output;
  return !refsOf(task).next().done;
}

/** How a task has come out, or stands: what `{"$outcome": key}` is replaced by. */
export function outcomeOf(task: TaskRecord, load: Load): Json {
  const state = stateOf(task);
  if (hasOutput(task)) return { state, output: outputOf(task, load) };
  if (!task.error) return { state };
  const { kind, message, name } = task.error;
  return { state, error: { kind, message, ...(name !== undefined && { name }) } };
}

/** What a task is given, references replaced. Throws a `BrokenReference`. */
export function inputOf(task: TaskRecord, load: Load): Json {
  const { run, spec, parent, node } = task;
  const { input = {} } = spec;
  if (!parent) {
    const { inputRef } = run.submitted;
    // A request's input is data, whatever it looks like; only plans refer.
    return inputRef === undefined ? input : load(inputRef);
  }
  if (node?.hasFallenBack || isLater(task)) return isSentPlan(task) ? input : resolveLater(input, task, load);
  if (isSentItem(task) && node!.given !== undefined) return node!.given;
  if (isItem(task)) return itemInputOf(task, load);
  const reduced = reducedBy(task);
  if (reduced) return { items: reduced.map((item) => outputOf(item, load)) };
  if (!node) return resolveInput(input, (key) => outputOf(run.tasks.get(childOf(parent.id, key))!, load));
  // A plan that is sent as an input has references of its own.
  if (isSentPlan(task)) return input;
  const expression = (text: string) => node.answers?.[text] ?? evaluateIn(planOf(task), text, load);
  return resolveTemplate(input, { ...valuesIn(planOf(task), load), expression });
}

/** What a task is given of a sibling that it names in `needs`: its output, or, where the join bears others, how it came out. */
export function givenOf({ run, parent, node }: TaskRecord, key: string, load: Load): Json {
  const sibling = run.tasks.get(childOf(parent!.id, key))!;
  const bearsAll = node === undefined || node.checked.joinOf(node.index).rule === "all";
  return bearsAll ? outputOf(sibling, load) : outcomeOf(sibling, load);
}

/** What the plan of an expanded task was given: `#/…` in it, and `input` in its expressions. */
export function planInputOf(task: TaskRecord, load: Load): Json {
  const input = inputOf(task, load);
  return isSentPlan(task) ? ((input as { input?: Json }).input ?? {}) : input;
}

/** The references that {@link inputOf} would load. */
export function* inputRefs(task: TaskRecord): Generator<string> {
  const { parent, node, run } = task;
  if (!parent) {
    if (run.submitted.inputRef !== undefined) yield run.submitted.inputRef;
    return;
  }
  if (node?.hasFallenBack || isLater(task)) {
    if (!isSentPlan(task)) yield* laterRefs(task.spec.input ?? {}, task);
    return;
  }
  for (const item of reducedBy(task) ?? []) yield* refsOf(item);
  if (isItem(task)) {
    if (node!.given !== undefined) return;
    const { map } = parent.children!;
    if (!map!.items || !map!.needsItemsOnly) yield* inputRefs(parent);
    return;
  }
  if (isRound(task)) return yield* inputRefs(parent);
  for (const need of task.needs) if (hasOutput(need)) yield* refsOf(need);
  if (node?.checked.usesInput && !isSentPlan(task)) yield* planInputRefs(parent);
}

const planInputRefs = (task: TaskRecord): Generator<string> => inputRefs(task);

/** Where a template stands that is carried out later than the tasks around it: in a fallback, an undo, or at the end of a plan. */
interface LaterPlace {
  /** The task whose plan it stands in. */
  readonly plan: TaskRecord;
  /** The item of a map that it is for. */
  readonly item: TaskRecord | undefined;
  readonly expressions: ReadonlyMap<string, Expression>;
  /** The answers that were decided. Of what only an attempt is given, they are evaluated when that is sent. */
  readonly answers: { readonly [text: string]: Json } | undefined;
}

function placeOfLater(task: TaskRecord): LaterPlace {
  const { key, parent } = task;
  if (key === FINALLY || key === REPLAN) {
    const { expressions } = parent!.children!.plan!.checked;
    return { plan: parent!, item: undefined, expressions, answers: undefined };
  }
  const subject = key === UNDO ? parent! : task;
  const { expressions } = subject.node!.checked;
  const answers = subject === task ? task.node!.answers : undefined;
  return { plan: planOf(subject), item: isItem(subject) ? subject : undefined, expressions, answers };
}

/** Its references make no edges: an output that never came is its default, or null. */
function resolveLater(template: Json, task: TaskRecord, load: Load): Json {
  const { plan, item, expressions, answers } = placeOfLater(task);
  const values = valuesIn(plan, load);
  const expression = (text: string): Json => {
    if (answers && text in answers) return answers[text]!;
    return expressions.get(text)!.evaluate(item ? expressionValuesOf(item, load) : expressionValuesIn(plan, load));
  };
  const ofItem = item && { item: itemsOf(item.parent!, load).at(item.node!.index), index: item.node!.index };
  return resolveTemplate(template, Object.assign(values, ofItem, { missing: null, expression }));
}

/** The references that {@link resolveLater} would load: those of all that stands in the template, and of the items of a map. */
function* laterRefs(template: Json, task: TaskRecord): Generator<string> {
  const { plan, item, expressions } = placeOfLater(task);
  if (item) yield* inputRefs(item.parent!);
  for (const key of keysIn(template, expressions)) {
    const named = key === "" ? undefined : task.run.tasks.get(childOf(plan.id, key))!;
    if (!named) yield* inputRefs(plan);
    else if (hasOutput(named)) yield* refsOf(named);
  }
}

/** What the templates and expressions of an expanded task's plan stand for. */
export function valuesIn(task: TaskRecord, load: Load): TemplateValues {
  const { run, children } = task;
  const child = (key: string) => run.tasks.get(childOf(task.id, key))!;
  return {
    output(key) {
      const sibling = child(key);
      return hasOutput(sibling) ? outputOf(sibling, load) : undefined;
    },
    outcome: (key) => outcomeOf(child(key), load),
    get input() {
      return planInputOf(task, load);
    },
    // That of the plan's own output, which is made when it is read: it counts for nothing in the fold.
    expression: (text) => children!.plan!.checked.expressions.get(text)!.evaluate(expressionValuesIn(task, load)),
  };
}

/** What the expressions of a task stand for: of an item, those of the plan that its map is in. */
export function expressionValuesOf(task: TaskRecord, load: Load) {
  const { parent, node } = task;
  if (!isItem(task)) return expressionValuesIn(planOf(task), load);
  const { context, ...values } = expressionValuesIn(planOf(task), load);
  const own = (name: string) =>
    name === "item" ? itemsOf(parent!, load).at(node!.index) : name === "index" ? node!.index : context(name);
  return { ...values, context: own };
}

/** What a map is over. Throws an `UnmappableInput`, or a `BrokenReference`. */
export function itemsOf(task: TaskRecord, load: Load): MapItems {
  const { node, children } = task;
  if (children?.map?.items) return children.map.items;
  const { in: template, batch } = node!.stated.each!;
  const expression = (text: string) => node!.answers?.[text] ?? evaluateIn(planOf(task), text, load);
  const items = readItems(resolveTemplate(template, { ...valuesIn(planOf(task), load), expression }), batch);
  if (children?.map) children.map.items = items;
  return items;
}

const evaluateIn = (task: TaskRecord, text: string, load: Load): Json =>
  task.children!.plan!.checked.expressions.get(text)!.evaluate(expressionValuesIn(task, load));

/** What an item is given; `answers` are those to its expressions. Throws as {@link inputOf} does. */
export function itemInputOf(
  task: TaskRecord,
  load: Load,
  answers: { readonly [text: string]: Json } = task.node!.answers ?? {},
): Json {
  const { parent, node, spec } = task;
  const { input = WHOLE_ITEM } = spec;
  const item = itemsOf(parent!, load).at(node!.index);
  const expression = (text: string) => answers[text]!;
  const around = parent!.children!.map!.needsItemsOnly ? NO_VALUES : valuesIn(planOf(task), load);
  const resolve = (template: Json) => resolveTemplate(template, { ...around, expression, item, index: node!.index });
  return node!.stated.type === "plan" ? withSentTemplate(input, resolve) : resolve(input);
}

const NO_VALUES = { output: () => undefined, outcome: () => ({}), input: undefined };

/**
 * What a map comes to: what it was reduced to, or the outputs of its items, in order; outcomes, where its join bears
 * failures. Throws an `UnreducibleOutput`.
 */
function mapOutputOf(task: TaskRecord, load: Load): Json {
  const { all, map, plan } = task.children!;
  const { reducer, reduction } = map!;
  if (reducer.way === "type") return outputOf(task.children!.output!, load);
  if (reduction) {
    const total = reduction.copy();
    for (const item of makersOf(task))
      if (makingChildren(item) || replacementOf(item) !== undefined) total.add(outputOf(item, load));
    return total.result();
  }
  const bears = plan!.checked.join.rule !== "all";
  if (bears && reducer.way === "collect" && reducer.pointer === "") return all.map((item) => outcomeOf(item, load));
  const outputs = makersOf(task).map((item) => outputOf(item, load));
  return assemble(reducer as Parameters<typeof assemble>[0], outputs);
}

/** The same for an expression. */
export function expressionValuesIn(task: TaskRecord, load: Load) {
  const values = valuesIn(task, load);
  const { run: id, tenant, submitted, priority, submittedAt } = task.run;
  const { type } = submitted;
  const described = { id, tenant, type, priority, submittedAt: new Date(submittedAt).toISOString() };
  return {
    output: values.output,
    outcome: values.outcome,
    context: (name: string): Json | undefined =>
      name === "input" ? values.input : name === "run" ? described : undefined,
  };
}
