import { mostBytes } from "../../bus/sizes.ts";
import { messageOf } from "../../core/error.ts";
import type { Decision } from "../../core/event.ts";
import { encodeJson, type Json } from "../../core/json.ts";
import { readLabels } from "../../core/map-items.ts";
import type { JsonSchema } from "../../core/registration.ts";
import { resolveTemplate } from "../../core/template.ts";
import { type Awaited, readAwaited, type StatedWait } from "../../core/wait.ts";
import {
  expressionValuesOf,
  inputRefs,
  itemInputOf,
  itemsOf,
  type Load,
  outputOf,
  refsOf,
  valuesIn,
} from "../../fold/outputs.ts";
import type { PlanNode } from "../../fold/plan-node.ts";
import { planOf } from "../../fold/rounds.ts";
import type { RunState } from "../../fold/run-state.ts";
import { isSentItem } from "../../fold/sent-plan.ts";
import { findQuestions } from "../../fold/start.ts";
import { attemptOf, stateOf, type TaskRecord } from "../../fold/task-record.ts";
import { startsRun } from "../../fold/waiting.ts";
import { InProgress } from "../host/in-progress.ts";
import { insist } from "../host/insist.ts";
import type { Runtime } from "../host/runtime.ts";
import { compileSchema } from "../host/schema-check.ts";
import type { LogWriter } from "../log/log-writer.ts";
import { locate } from "./subject-listener.ts";

const DECISIONS = { one: "decision is not taken yet", many: "decisions are not taken yet" } as const;

/**
 * Answers the expressions of tasks that are ready to start but for these, and appends the answers: one message a run and
 * turn. An expression that fails is an answer, too, so that the next owner does not fail of it again.
 */
export class Decider {
  readonly #runtime: Runtime;
  readonly #writer: LogWriter;
  #batches = new Map<RunState, TaskRecord[]>();
  /** The decision of each task that is asked for and not stored yet, by its question. */
  readonly #asked = new Map<TaskRecord, string>();
  readonly #inProgress = new InProgress();
  #stopped = false;

  constructor(runtime: Runtime, writer: LogWriter) {
    this.#runtime = runtime;
    this.#writer = writer;
  }

  decide(task: TaskRecord): void {
    const question = questionOf(task);
    if (this.#asked.get(task) === question) return;
    this.#asked.set(task, question);
    if (this.#batches.size === 0) this.#runtime.clock.endOfTurn(() => this.#flush());
    const batch = this.#batches.get(task.run);
    if (batch) batch.push(task);
    else this.#batches.set(task.run, [task]);
  }

  /** Nothing more is appended from this very turn on. */
  stop(): void {
    this.#stopped = true;
  }

  #flush(): void {
    const batches = this.#batches;
    this.#batches = new Map();
    for (const [run, tasks] of batches) {
      const questions = tasks.map((task) => this.#asked.get(task));
      this.#inProgress.add(
        this.#decideAll(run, tasks).finally(() => {
          tasks.forEach((task, i) => {
            if (this.#asked.get(task) === questions[i]) this.#asked.delete(task);
          });
        }),
      );
    }
  }

  async #decideAll(run: RunState, tasks: readonly TaskRecord[]): Promise<void> {
    let decisions: Decision[] = [];
    let size = 0;
    const written: Promise<void>[] = [];
    const write = () => {
      const some = decisions;
      const ids = new Set(some.map(({ task }) => task));
      const wanted = () => !this.#stopped && tasks.some((task) => ids.has(task.id) && isDeciding(task));
      if (some.length > 0) written.push(this.#writer.write(run, "decided", { v: 2, decisions: some }, wanted));
      decisions = [];
      size = 0;
    };
    for (const task of tasks) {
      const decided = await this.#decideOne(task);
      const decision = decided && (await this.#fit(decided, () => isDeciding(task)));
      if (!decision) continue;
      const bytes = encodeJson(decision).length;
      if (size + bytes > mostBytes(this.#runtime.bus) - FRAME) write();
      decisions.push(decision);
      size += bytes;
    }
    write();
    await Promise.all(written);
  }

  /** With what is too large for a message in the object store. Undefined when it has lost its purpose. */
  async #fit(decision: Decision, isWanted: () => boolean): Promise<Decision | undefined> {
    const { labels, input, ...rest } = decision;
    if ((!labels && input === undefined) || encodeJson(decision).length <= mostBytes(this.#runtime.bus) / 2)
      return decision;
    const store = async (): Promise<Decision> => {
      const put = (content: Json) => this.#runtime.blobs.put(encodeJson(content));
      return {
        ...rest,
        ...(labels && { labelsRef: await put(labels) }),
        ...(input !== undefined && { inputRef: await put(input) }),
      };
    };
    const wanted = () => !this.#stopped && isWanted();
    return insist(this.#runtime, store, { work: DECISIONS, name: () => `task ${decision.task}`, wanted });
  }

  /** Undefined when it has lost its purpose. */
  async #decideOne(task: TaskRecord): Promise<Decision | undefined> {
    const wanted = () => !this.#stopped && isDeciding(task);
    const named = { task: task.id, attempt: attemptOf(task) };
    try {
      const load = await insist(this.#runtime, () => this.#runtime.blobs.loadAll(refsFor(task)), {
        work: DECISIONS,
        name: () => `task ${task.id} of run ${task.run.run}`,
        wanted,
      });
      if (!load || !wanted()) return undefined;
      const decision = { ...named, ...decide(task, load) };
      const { subject } = decision.wait ?? {};
      if (subject === undefined) return decision;
      const place = await insist(this.#runtime, () => locate(this.#runtime, subject), {
        work: DECISIONS,
        name: () => `task ${task.id} of run ${task.run.run}`,
        wanted,
      });
      return place && { ...decision, wait: { ...decision.wait, ...place } };
    } catch (error) {
      const { rounds } = task.children ?? {};
      return { ...named, ...(rounds && { round: rounds.number }), error: messageOf(error) };
    }
  }
}

function* refsFor(task: TaskRecord): Generator<string> {
  yield* inputRefs(task);
  if (stateOf(task) === "checking") yield* refsOf(task);
}

/** Around the decisions of a message, bytes. */
const FRAME = 64;

/**
 * What is asked of a task now. An answer may be read back before its append is acknowledged, and what follows from it may be
 * the next question of the same task: that of its fallback, or of its next round.
 */
const questionOf = (task: TaskRecord): string =>
  `${stateOf(task)} ${attemptOf(task)} ${task.children?.rounds?.number ?? "-"}`;

const isDeciding = (task: TaskRecord): boolean => stateOf(task) === "deciding" || stateOf(task) === "checking";

/** The answers to a task's expressions; of a map that is not left out, how many items it has. */
function decide(task: TaskRecord, load: Load): Omit<Decision, "task" | "attempt"> {
  const { stated, checked, index, hasFallenBack } = task.node!;
  if (stateOf(task) === "checking") return checkRound(task, load);
  const answers = answersOf(task, load);
  const isLeftOut = stated.when !== undefined && !checked.asksItems(index) && answers[stated.when] !== true;
  if (isLeftOut) return { answers };
  if (startsRun(task)) return { answers, wait: { start: true } };
  if (stated.wait && !hasFallenBack) return { answers, wait: decideWait(task, stated.wait, answers, load) };
  if (!stated.each) return isSentItem(task) ? { answers, input: itemInputOf(task, load, answers) } : { answers };
  const items = itemsOf(task, load);
  const { key } = stated.each;
  return { answers, items: items.size, ...(key !== undefined && { labels: readLabels(items, key) }) };
}

/** Whether a round was the last: to the expression, the task has succeeded with the output of that. */
function checkRound(task: TaskRecord, load: Load): Omit<Decision, "task" | "attempt"> {
  const { until } = task.node!.stated.repeat!;
  const values = expressionValuesOf(task, load);
  const own = outputOf(task, load);
  const answer = task.node!.checked.expressions.get(until)!.evaluate({
    ...values,
    output: (key) => (key === task.key ? own : values.output(key)),
    outcome: (key) => (key === task.key ? { state: "succeeded", output: own } : values.outcome(key)),
  });
  return { round: task.children!.rounds!.number, answers: { [until]: answer } };
}

function decideWait(task: TaskRecord, stated: StatedWait, answers: Record<string, Json>, load: Load): Awaited {
  if (stated.schema !== undefined) compileSchema(stated.schema as JsonSchema);
  const values = { ...valuesIn(planOf(task), load), expression: (text: string) => answers[text]! };
  return readAwaited(stated, (template) => resolveTemplate(template, values));
}

function answersOf(task: TaskRecord, load: Load): Record<string, Json> {
  const node = task.node!;
  const values = expressionValuesOf(task, load);
  const answers: Record<string, Json> = {};
  for (const text of findQuestions(task)) {
    try {
      answers[text] = node.checked.expressions.get(text)!.evaluate(values);
    } catch (error) {
      throw new Error(`${placeOf(node, text)}: ${text}: ${messageOf(error)}`, {
        cause: error,
      });
    }
  }
  return answers;
}

const placeOf = ({ stated }: PlanNode, text: string): string =>
  text === stated.when ? "when" : text === stated.limit?.key ? "limit.key" : stated.wait ? "wait" : "input";
