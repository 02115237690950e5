import type { CheckedPlanV2 } from "./checked-plan.ts";
import { describeUnknownField, exactObject } from "./exact-object.ts";
import { ALL, type Join, readJoin } from "./join.ts";
import { escapeToken, type Json } from "./json.ts";
import { createMemoReader } from "./memo-reader.ts";
import { isName, isOwnersType, NAME_EXPECTED } from "./names.ts";
import type { PlanGraph } from "./plan-graph.ts";
import type { MentionPlace, MentionReader } from "./plan-mentions.ts";
import { each, options, wait } from "./plan-options.ts";
import { type PlanWords, refuseUnsupported } from "./plan-support.ts";
import { type PlannedTaskV2, TASK_FIELDS } from "./plan-v2.ts";
import type { Problem, ProblemList } from "./problem.ts";
import { templateOfSent } from "./sent-template.ts";
import { wordOf } from "./template.ts";

/** What reading a task needs of the check of the whole plan. */
export interface TaskReaderContext {
  readonly problems: ProblemList;
  readonly mentions: MentionReader;
  readonly knows: ((type: string) => boolean) | undefined;
  readonly words: PlanWords;
  /** `depth` is that of the task which the plan belongs to. */
  readonly readInner: (value: unknown, at: string, depth: number) => CheckedPlanV2 | undefined;
  /** The problems of a plan that is sent as an input: it may be of any version. */
  readonly checkSent: (value: unknown, depth: number) => readonly Problem[];
}

/** A task that was read; it means something only if no problem was found. */
export interface ReadTask {
  readonly task: PlannedTaskV2;
  readonly join: Join;
  readonly inner?: CheckedPlanV2 | undefined;
}

export type Fields = { readonly [field: string]: unknown };

export const isObject = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const { needs: _, ...memoOptions } = options;
/** All that is read by a schema: the rest is read by hand, because plans have much of it. */
const optionSchema = exactObject({ each: each.optional(), wait: wait.optional(), ...memoOptions });
const OPTION_FIELDS = Object.keys(optionSchema.shape);

/** Options that mean nothing to a task of which no attempt is made by a worker. */
const OF_ATTEMPTS = ["retry", "timeout", "priority", "cache", "limit"] as const;
const REFUSED = {
  work: [],
  plan: OF_ATTEMPTS,
  wait: [...OF_ATTEMPTS, "input", "compensate", "budget", "replan"],
} as const;

/** Reads the tasks of a plan of version 2, one by one, and takes note of whom they name. */
export class TaskReader {
  readonly #context: TaskReaderContext;
  readonly #readOptions = createMemoReader(optionSchema);

  constructor(context: TaskReaderContext) {
    this.#context = context;
  }

  /** `graph` has begun the task; `depth` is the task's own. */
  read(stated: unknown, at: string, depth: number, graph: PlanGraph): ReadTask {
    const { problems, readInner, words } = this.#context;
    if (!isObject(stated)) {
      problems.expected(at, "a task: an object with a type, a plan or a wait", stated);
      return { task: {}, join: ALL };
    }
    refuseUnknown(stated, TASK_FIELDS, at, problems);
    if (words !== "all") refuseUnsupported("task", stated, at, problems);
    this.#checkKind(stated, at);
    if (Array.isArray(stated.needs))
      stated.needs.forEach((need, i) => {
        if (typeof need !== "string" || !graph.need(need, "output"))
          problems.expected(`${at}/needs/${i}`, SIBLING, need);
      });
    else if (stated.needs !== undefined) problems.expected(`${at}/needs`, "an array of keys", stated.needs);
    // An item, and a round, are tasks of their own.
    const itemDepth = depth + Number(stated.each !== undefined) + Number(stated.repeat !== undefined);
    const inner = stated.plan === undefined ? undefined : readInner(stated.plan, `${at}/plan`, itemDepth);
    const task = this.#withOptions(stated, inner, at);
    this.#readMentions(task, at, itemDepth, graph);
    if (task.type !== undefined && isOwnersType(task.type)) this.#checkOwnersInput(task, at, itemDepth);
    return { task, join: readJoin(task.join), inner };
  }

  /** Options that cannot be read are left out, so that the rest is looked at all the same. */
  #withOptions(stated: Fields, inner: CheckedPlanV2 | undefined, at: string): PlannedTaskV2 {
    const picked = OPTION_FIELDS.filter((field) => stated[field] !== undefined);
    if (picked.length === 0 && !inner) return stated as PlannedTaskV2;
    const reading = this.#readOptions(Object.fromEntries(picked.map((field) => [field, stated[field]])));
    if ("problems" in reading) {
      for (const one of reading.problems) this.#context.problems.add(() => ({ ...one, path: at + one.path }));
      const { type, input, needs } = stated;
      return { type, input, needs } as PlannedTaskV2;
    }
    if (reading.asStated && inner?.plan === stated.plan) return stated as PlannedTaskV2;
    return { ...stated, ...reading.value, ...(inner && { plan: inner.plan }) } as PlannedTaskV2;
  }

  #checkKind(stated: Fields, at: string): void {
    const { problems } = this.#context;
    const kinds = ["type", "plan", "wait"].filter((field) => stated[field] !== undefined);
    if (kinds.length !== 1) problems.expected(at, "exactly one of type, plan, wait", kinds.join(" and ") || undefined);
    if (stated.type !== undefined) this.#checkType(stated.type, `${at}/type`);
    if (stated.wait !== undefined && stated.each !== undefined)
      problems.expected(`${at}/each`, "no each beside wait: a map has a type or a plan", stated.each);
    const isPlan = stated.plan !== undefined || (typeof stated.type === "string" && isOwnersType(stated.type));
    const kind = stated.wait !== undefined ? "wait" : isPlan ? "plan" : "work";
    for (const field of REFUSED[kind])
      if (stated[field] !== undefined)
        problems.expected(
          `${at}/${field}`,
          `no ${field}: it means nothing where no worker executes the task`,
          stated[field],
        );
  }

  #checkType(type: unknown, at: string): void {
    const { problems, knows } = this.#context;
    if (!isName(type)) problems.expected(at, `a task type: ${NAME_EXPECTED}`, type);
    else if (!isOwnersType(type) && knows?.(type) === false)
      problems.expected(at, "a task type that is registered", type);
  }

  /** Whom the task names, where, and whether it waits for them. */
  #readMentions(task: PlannedTaskV2, at: string, depth: number, graph: PlanGraph): void {
    const { mentions, problems } = this.#context;
    const isMap = task.each !== undefined;
    const place = (field: string, more: Partial<MentionPlace> = {}): MentionPlace => ({
      at: () => `${at}/${field}`,
      keys: graph.keys,
      task: graph.need,
      planInput: graph.useInput,
      ...more,
    });
    const ofItem = { item: isMap ? () => {} : undefined };
    const template = (value: Json | undefined, where: MentionPlace) => {
      if (value !== undefined) mentions.readTemplate(value, where);
    };
    const expression = (text: string | undefined, where: MentionPlace) => {
      if (text !== undefined) mentions.readExpression(text, where);
    };
    // A plan that is sent has references of its own.
    if (task.type !== "plan") template(task.input, place("input", ofItem));
    else if (isMap && task.input !== undefined) template(templateOfSent(task.input), place("input", ofItem));
    template(task.each?.in, place("each/in"));
    for (const field of ["ask", "from", "subject", "run", "until"] as const)
      template(task.wait?.[field], place(`wait/${field}`));
    if (typeof task.wait?.for === "object") template(task.wait.for, place("wait/for"));
    expression(task.wait?.match, place("wait/match", { hasMessage: true }));
    expression(task.when, place("when", { item: isMap ? graph.markAskingItems : undefined }));
    expression(task.limit?.key, place("limit/key", ofItem));
    template(task.cache?.key, place("cache/key", ofItem));
    expression(task.repeat?.until, place("repeat/until", { task: graph.needOrSelf }));
    const later = { ...ofItem, task: graph.keep };
    template(task.fallback?.value, place("fallback/value", later));
    this.readAction(task.fallback, place("fallback", later), depth);
    this.readAction(task.compensate, place("compensate", later), depth);
    if (task.replan !== undefined) {
      const type = typeof task.replan === "string" ? task.replan : task.replan.type;
      this.#checkType(type, `${at}/replan`);
      if (isOwnersType(type)) problems.expected(`${at}/replan`, "a task type that a worker executes", type);
    }
    if (typeof task.each?.reduce === "object" && task.each.reduce.type !== undefined)
      this.#checkType(task.each.reduce.type, `${at}/each/reduce/type`);
  }

  /** A task that is carried out later; `place` is where it stands, `depth` is its own. */
  readAction(action: StatedAction | undefined, place: MentionPlace, depth: number): void {
    if (action?.type === undefined) return;
    this.#checkType(action.type, `${place.at()}/type`);
    if (action.type === "start")
      return this.#context.problems.expected(
        `${place.at()}/type`,
        "another type: a run is started by a task",
        action.type,
      );
    if (action.type === "start")
      return this.#context.problems.expected(
        `${place.at()}/type`,
        "a type of which the output counts here",
        action.type,
      );
    if (isOwnersType(action.type)) return this.#checkOwnersInput(action, place.at(), depth);
    if (action.input !== undefined)
      this.#context.mentions.readTemplate(action.input, { ...place, at: () => `${place.at()}/input` });
  }

  /** What the owner of the run carries out itself has no worker that would validate its input. */
  #checkOwnersInput(
    { type, input, each }: StatedAction & Pick<PlannedTaskV2, "each">,
    at: string,
    depth: number,
  ): void {
    const { problems, checkSent } = this.#context;
    // Of a map it is the item, or made of it; a `start` may be given all of its input by a word.
    if (input === undefined && each !== undefined) return;
    if ((type === "start" || each !== undefined) && isObject(input) && wordOf(input)) return;
    const known = type === "plan" ? ["plan", "input"] : ["type", "input", "run"];
    if (!isObject(input)) return problems.expected(`${at}/input`, `an object with ${known.join(", ")}`, input);
    refuseUnknown(input, known, `${at}/input`, problems);
    if (type === "start") {
      if (input.type === undefined)
        problems.expected(`${at}/input/type`, "the type of the run that is started", undefined);
      else if (typeof input.type === "string") this.#checkType(input.type, `${at}/input/type`);
      return;
    }
    // Of the items it is known once they are read.
    if (each !== undefined && isObject(input.plan) && wordOf(input.plan)) return;
    for (const one of checkSent(input.plan, depth))
      problems.add(() => ({ ...one, path: `${at}/input/plan${one.path}` }));
  }
}

type StatedAction = { readonly type?: string | undefined; readonly input?: Json | undefined };

const SIBLING = "the key of another task of this plan";

export function refuseUnknown(value: Fields, known: readonly string[], at: string, problems: ProblemList): void {
  for (const field in value) {
    if (known.includes(field)) continue;
    const message = describeUnknownField(field, known);
    const path = `${at}/${escapeToken(field)}`;
    problems.add(() => ({
      path,
      message,
      expected: message.slice("expected ".length),
      received: JSON.stringify(field),
    }));
  }
}
