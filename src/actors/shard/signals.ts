import { invalid, messageOf, TuttiError } from "../../core/error.ts";
import type { Json } from "../../core/json.ts";
import { isName } from "../../core/names.ts";
import type { SignalReply, SignalRequest } from "../../core/owner-request.ts";
import { describeProblems, type Problem, show } from "../../core/problem.ts";
import type { JsonSchema } from "../../core/registration.ts";
import { type RunState, runKey } from "../../fold/run-state.ts";
import { attemptOf, isFinal, type Output, stateOf, type TaskRecord } from "../../fold/task-record.ts";
import type { Signal } from "../../fold/waits.ts";
import { insist } from "../host/insist.ts";
import { KeyedTurns } from "../host/keyed-turns.ts";
import type { Runtime } from "../host/runtime.ts";
import { compileSchema } from "../host/schema-check.ts";
import type { LogWriter } from "../log/log-writer.ts";
import type { OwnedRuns } from "./attempt-status.ts";

const SIGNALS = { one: "signal is not looked at yet", many: "signals are not looked at yet" } as const;

/**
 * Takes signals for the runs of a shard, and looks at those that waits are to take: whether they come from one who may
 * answer, and are what was asked for. What it finds is appended, so that every fold takes the same one.
 */
export class Signals {
  readonly #runtime: Runtime;
  readonly #writer: LogWriter;
  readonly #runs: OwnedRuns;
  /** One after the other for each run: the next is checked against what has become of the one before. */
  readonly #turns = new KeyedTurns();
  readonly #judging = new Map<Signal, Promise<void>>();
  #stopped = false;

  constructor(runtime: Runtime, writer: LogWriter, runs: OwnedRuns) {
    this.#runtime = runtime;
    this.#writer = writer;
    this.#runs = runs;
  }

  /** Nothing more is appended from this very turn on. */
  stop(): void {
    this.#stopped = true;
  }

  /**
   * Appends the signal, once for each id, and waits until it is known what has become of it. Rejects with a `TuttiError`, and
   * has appended nothing, when its content is not what was asked for (400), or the task waits no more (409).
   */
  receive(request: SignalRequest): Promise<SignalReply> {
    return this.#turns.take(runKey(request.tenant, request.run), () => this.#receive(request));
  }

  async #receive(request: SignalRequest): Promise<SignalReply> {
    const { tenant, run: id } = request;
    await this.#runs.caughtUp();
    const run = this.#runs.find(tenant, id);
    if (!run) return { isOwned: false };
    if (!run.waits?.fates.has(request.id)) {
      await this.#check(run, request);
      const { ask: _, tenant: __, run: ___, ...content } = request;
      await this.#writer.write(run, "signal", { v: 2, ...content }, () => !this.#stopped);
      await this.#runs.caughtUp();
    }
    return this.#fateOf(run, request.id);
  }

  async #fateOf(run: RunState, id: string): Promise<SignalReply> {
    for (;;) {
      const fate = run.waits?.fates.get(id);
      // The run ended before the signal was in its log.
      if (!fate) return { isOwned: false };
      const where = { run: run.run, id };
      if (fate.state === "kept") return { ...where, state: "kept" };
      if (fate.state === "taken") return { ...where, state: "taken", task: fate.task };
      if (fate.state === "refused")
        throw new TuttiError(400, `the signal is not what ${fate.task} waits for`, { run: run.run, task: fate.task });
      const candidate = run.waits!.open.get(run.tasks.get(fate.task)!)?.candidate;
      await (candidate && this.#judging.get(candidate));
      await this.#runs.caughtUp();
    }
  }

  /** Throws when the signal could not be taken by the wait that it is for, as things stand. One that comes early is looked at later. */
  async #check(run: RunState, request: SignalRequest): Promise<void> {
    const task = run.waits?.findFor(request);
    if (!task) return checkMayWait(run, request.to);
    const { data = null, dataRef, by } = request;
    const problems = await this.#problemsOf(task, by, dataRef === undefined ? { value: data } : { ref: dataRef });
    if (problems.length > 0) throw invalid(`the signal is not what ${task.id} waits for`, problems);
  }

  /** Looks at the signal that the task's wait is to take. */
  judge(task: TaskRecord): void {
    const { candidate } = task.run.waits!.open.get(task) ?? {};
    if (!candidate || this.#judging.has(candidate)) return;
    const judging = this.#judge(task, candidate).finally(() => this.#judging.delete(candidate));
    this.#judging.set(candidate, judging);
  }

  async #judge(task: TaskRecord, candidate: Signal): Promise<void> {
    const { run } = task;
    const wanted = () => !this.#stopped && run.waits!.open.get(task)?.candidate === candidate;
    const refused = await insist(this.#runtime, () => this.#refusalOf(task, candidate), {
      work: SIGNALS,
      name: () => `signal ${candidate.id} of run ${run.run}`,
      wanted,
    }).catch(messageOf);
    const about = { v: 2, task: task.id, attempt: attemptOf(task), signal: candidate.sequence };
    await this.#writer.write(run, "answered", { ...about, ...(refused && { refused }) }, wanted);
  }

  /** Why the signal does not count; undefined when it does. */
  async #refusalOf(task: TaskRecord, { by, content }: Signal): Promise<string | undefined> {
    const problems = await this.#problemsOf(task, by, content);
    if (problems.length === 0) return undefined;
    const refusal = describeProblems(problems);
    this.#runtime.log("warn", `run ${task.run.run}: ${task.id} does not take a signal that came early: ${refusal}`);
    return refusal;
  }

  async #problemsOf(task: TaskRecord, by: string | undefined, content: Output): Promise<Problem[]> {
    const { from } = task.run.waits!.open.get(task)!.awaited;
    const problems: Problem[] = [];
    if (from && (by === undefined || !from.includes(by))) problems.push(problemAt("/by", from.join(" or "), by));
    const { schema } = task.node!.stated.wait!;
    if (schema === undefined) return problems;
    const value = "ref" in content ? await this.#runtime.blobs.getJson(content.ref) : content.value;
    return [...problems, ...problemsWith(schema as JsonSchema, value)];
  }
}

/** Whether something may come to wait for a signal that nothing waits for now. */
function checkMayWait(run: RunState, to: string): void {
  const task = run.tasks.get(to);
  if (!task) return;
  const where = { run: run.run, task: to };
  const waitsForSignal = task.node?.stated.wait?.signal !== undefined;
  if (waitsForSignal && (isFinal(task) || task.node!.hasFallenBack))
    throw new TuttiError(409, `task ${to} waits no more: it is ${stateOf(task)}`, where);
  // Anything else may be the name of a wait to come.
  if (waitsForSignal || isName(to)) return;
  const expected = "the path of a task that waits for a signal, or the name that it waits for";
  throw new TuttiError(400, `task ${to} waits for no signal`, { ...where, path: "/to", expected, received: to });
}

function problemsWith(schema: JsonSchema, value: Json): Problem[] {
  try {
    return compileSchema(schema)(value).map((problem) => ({ ...problem, path: `/data${problem.path}` }));
  } catch (error) {
    return [{ path: "/data", message: `the schema of the wait cannot be used: ${messageOf(error)}` }];
  }
}

const problemAt = (path: string, expected: string, received: Json | undefined): Problem => ({
  path,
  message: `expected ${expected}`,
  expected,
  received: show(received),
});
