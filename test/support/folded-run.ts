import type { z } from "zod";
import type { TaskError } from "../../src/core/error.ts";
import type { Answered, DueWhat, Ended, Result, RunEvent, Submitted, Totals } from "../../src/core/event.ts";
import type { Json } from "../../src/core/json.ts";
import { ROOT } from "../../src/core/names.ts";
import type { PlanInput } from "../../src/core/plan.ts";
import type { planV2 } from "../../src/core/plan-v2.ts";
import type { Awaited } from "../../src/core/wait.ts";
import { applyEvent, beginRun, FOLD_VERSION } from "../../src/fold/apply.ts";
import type { Effect } from "../../src/fold/effects.ts";
import { inputOf, outputOf } from "../../src/fold/outputs.ts";
import type { RunState } from "../../src/fold/run-state.ts";
import { findQuestions } from "../../src/fold/start.ts";
import { attemptOf, stateOf, type TaskRecord } from "../../src/fold/task-record.ts";
import { failureOf, totalsOf } from "../../src/fold/view.ts";
import { phaseOf } from "../../src/machines/run.ts";
import type { TaskState } from "../../src/machines/task.ts";

/** A host that carries nothing out: it notes what it is asked for, and what is on the queue and armed by that. */
export class RecordingHost {
  /** `open a@1`, `arm deadline - 500`, … in order. */
  calls: string[] = [];
  /** Path and attempt of what is on the queue: `a/b@1`. */
  readonly queued = new Set<string>();
  /** What was paused while it was there. */
  readonly held = new Set<string>();
  /** `backoff a`, with the log time it is due at. */
  readonly armed = new Map<string, number>();
  readonly deciding = new Set<string>();
  concluded = 0;
  ended = 0;

  /** `at`: log time of the event that asks for these. */
  carryOut(effects: readonly Effect[], at: number): void {
    for (const effect of effects) this.#carryOut(effect, at);
  }

  #carryOut(effect: Effect, at: number): void {
    const { kind } = effect;
    switch (kind) {
      case "open":
        this.calls.push(`open ${nameOf(effect)}`);
        if (this.queued.has(nameOf(effect))) throw new Error(`${nameOf(effect)} was put on the queue twice`);
        this.queued.add(nameOf(effect));
        this.held.delete(nameOf(effect));
        return;
      case "hold":
        this.calls.push(`hold ${nameOf(effect)}`);
        if (!this.queued.delete(nameOf(effect))) throw new Error(`${nameOf(effect)} was not on the queue`);
        this.held.add(nameOf(effect));
        return;
      case "close":
      case "withdraw":
        this.calls.push(`${kind} ${nameOf(effect)}`);
        // A worker may have had it before it was paused.
        if (!this.queued.delete(nameOf(effect)) && !this.held.delete(nameOf(effect)))
          throw new Error(`${nameOf(effect)} was not on the queue`);
        return;
      case "arm":
        this.calls.push(`arm ${effect.what} ${effect.task.id} ${effect.at - at}`);
        this.armed.set(`${effect.what} ${effect.task.id}`, effect.at);
        return;
      case "disarm":
        this.calls.push(`disarm ${effect.what} ${effect.task.id}`);
        if (!this.armed.delete(`${effect.what} ${effect.task.id}`))
          throw new Error(`${effect.what} of ${effect.task.id} was not armed`);
        return;
      case "decide":
        this.calls.push(`decide ${nameOf(effect)}`);
        this.deciding.add(nameOf(effect));
        return;
      case "judge":
      case "listen":
        this.calls.push(`${kind} ${nameOf(effect)}`);
        return;
      case "unlisten":
        this.calls.push(`${kind} ${effect.task.id}`);
        return;
      case "conclude":
        this.calls.push("conclude");
        this.concluded++;
        return;
      case "ended":
        this.calls.push("ended");
        this.ended++;
        return;
    }
  }

  /** The calls since the last time this was asked. */
  take(): string[] {
    const { calls } = this;
    this.calls = [];
    return calls;
  }
}

const nameOf = ({ task, attempt }: { task: TaskRecord; attempt: number }): string => `${task.id}@${attempt}`;

export const START_MS = Date.UTC(2025, 0);

export interface RunSettings {
  readonly run?: string;
  readonly type?: string;
  readonly input?: Json;
  readonly policy?: Submitted["policy"];
  readonly deadlineMs?: number;
}

export function submittedEvent({
  type = "root",
  input = {},
  policy = { retry: {} },
  deadlineMs,
}: RunSettings = {}): RunEvent & { kind: "submitted" } {
  return {
    kind: "submitted",
    sequence: 1,
    at: START_MS,
    body: {
      v: type === "plan" ? 2 : 1,
      type,
      input,
      policy,
      priority: "normal",
      digest: "none",
      fold: FOLD_VERSION,
      ...(deadlineMs !== undefined && { deadlineMs }),
    },
  };
}

export const addressOf = (run = "run-1") => ({ tenant: "default", shard: 0, run });

/** A log that is written event by event, and the run it folds to. Each event is a millisecond after the one before. */
export class FoldedRun {
  readonly log: RunEvent[] = [];
  readonly effects = new RecordingHost();
  readonly state: RunState;
  #nowMs = START_MS;

  constructor(settings: RunSettings = {}) {
    const first = submittedEvent(settings);
    this.log.push(first);
    const effects: Effect[] = [];
    this.state = beginRun(addressOf(settings.run), first.body, first.at, effects);
    this.effects.carryOut(effects, first.at);
  }

  get nowMs(): number {
    return this.#nowMs;
  }

  /** Lets the log's clock go on. */
  wait(ms: number): this {
    this.#nowMs += ms;
    return this;
  }

  append(kind: Exclude<RunEvent["kind"], "submitted">, body: unknown): this {
    this.#nowMs++;
    return this.apply({ kind, body, sequence: this.log.length + 1, at: this.#nowMs } as RunEvent);
  }

  /** Folds an event as it is. */
  apply(event: RunEvent): this {
    this.log.push(event);
    const effects = applyEvent(this.state, event as Exclude<RunEvent, { kind: "submitted" }>);
    this.effects.carryOut(effects, event.at);
    return this;
  }

  results(...results: readonly unknown[]): this {
    return this.append("result", { v: 1, results });
  }

  returns(task: string, output: Json = null, attempt = this.#attempt(task)): this {
    return this.results({ task, attempt, worker: "w", output });
  }

  plans(task: string, tasks: PlanInput["tasks"], output?: string, attempt = this.#attempt(task)): this {
    return this.results({ task, attempt, plan: { v: 1, tasks, ...(output !== undefined && { output }) } });
  }

  /** Returns a plan of version 2. */
  plansV2(task: string, plan: Omit<z.input<typeof planV2>, "v">, attempt = this.#attempt(task)): this {
    return this.append("planned", { v: 2, task, attempt, plan: { v: 2, ...plan } });
  }

  /** Answers all expressions of a task alike, or fails to. */
  decides(task: string, answer: Json | Error, attempt = this.#attempt(task)): this {
    const record = this.task(task);
    const answers = Object.fromEntries(record.node ? findQuestions(record).map((text) => [text, answer as Json]) : []);
    const decision = answer instanceof Error ? { error: answer.message } : { answers };
    return this.append("decided", { v: 2, decisions: [{ task, attempt, ...decision }] });
  }

  /** Decides what a wait is for. */
  waits(task: string, wait: Awaited = {}): this {
    const answers = Object.fromEntries(findQuestions(this.task(task)).map((text) => [text, true]));
    const decision = { task, attempt: this.#attempt(task), answers, wait };
    return this.append("decided", { v: 2, decisions: [decision] });
  }

  /** Returns its place in the log. */
  signal(to: string, data: Json = null, id = `s${this.log.length}`): number {
    this.append("signal", { v: 2, id, to, data });
    return this.log.length;
  }

  /** What has come of a wait. */
  answers(task: string, answer: Partial<Answered> = {}): this {
    return this.append("answered", { v: 2, task, attempt: this.#attempt(task), ...answer });
  }

  fails(task: string, error: Partial<TaskError> = {}, attempt = this.#attempt(task)): this {
    return this.results({
      task,
      attempt,
      error: { kind: "terminal", message: "it broke", ...error } satisfies Result["error"],
    });
  }

  due(task: string, what: DueWhat, attempt = this.#attempt(task)): this {
    return this.append("due", { v: 1, task, attempt, what });
  }

  /** Waits for the moment and tells it. */
  passes(task: string, what: DueWhat): this {
    const at = this.effects.armed.get(`${what} ${task}`);
    if (at === undefined) throw new Error(`${what} of ${task} is not armed`);
    return this.wait(Math.max(0, at - this.#nowMs)).due(task, what);
  }

  cancel(by?: string, reason?: string, task?: string): this {
    const asked = { ...(by !== undefined && { by }), ...(reason !== undefined && { reason }) };
    return this.append("cancel", { v: task === undefined ? 1 : 2, ...(task !== undefined && { task }), ...asked });
  }

  pause(task: string = ROOT, by?: string, reason?: string): this {
    return this.append("pause", { v: 2, task, by, reason });
  }

  resume(task: string = ROOT): this {
    return this.append("resume", { v: 2, task });
  }

  mark(task: string, as: { output?: Json; skip?: true; fail?: string }, by?: string): this {
    return this.append("mark", { v: 2, task, ...as, by });
  }

  redrive(task: string, attempt?: number): this {
    return this.append("redrive", { v: 1, task, ...(attempt !== undefined && { attempt }) });
  }

  /** Appends what the owner would, told that the outcome is known. */
  ends(): this {
    const status = this.outcome;
    if (status === undefined) throw new Error("the outcome is not known yet");
    const content =
      status === "succeeded" ? { output: outputOf(this.state.root, noBlobs) } : { error: failureOf(this.state) };
    return this.append("ended", { v: 1, status, ...content, totals: this.totals } satisfies Ended);
  }

  get outcome() {
    return this.state.snapshot.context.outcome;
  }

  get totals(): Totals {
    return totalsOf(this.state);
  }

  get phase(): string {
    return phaseOf(this.state.snapshot);
  }

  task(id: string): TaskRecord {
    const found = this.state.tasks.get(id);
    if (!found) throw new Error(`there is no task ${id}; there are ${[...this.state.tasks.keys()].join(", ")}`);
    return found;
  }

  /** States by path, of all tasks or of those named. */
  states(...ids: readonly string[]): Record<string, TaskState> {
    return Object.fromEntries(
      (ids.length > 0 ? ids : [...this.state.tasks.keys()]).map((id) => [id, stateOf(this.task(id))]),
    );
  }

  /** What a task is given. */
  input(task: string): Json {
    return inputOf(this.task(task), noBlobs);
  }

  output(task = ROOT): Json {
    return outputOf(this.task(task), noBlobs);
  }

  /** Of tasks that are not there, 1: what a forger might write. */
  #attempt(task: string): number {
    const found = this.state.tasks.get(task);
    return found ? attemptOf(found) : 1;
  }
}

export const noBlobs = (ref: string): never => {
  throw new Error(`blob ${ref} is not to be loaded here`);
};

/** Folds a log from its beginning; `host` carries out what it asks for. */
export function replay(log: readonly RunEvent[], host?: RecordingHost): RunState {
  const [first, ...rest] = log as readonly [
    RunEvent & { kind: "submitted" },
    ...Exclude<RunEvent, { kind: "submitted" }>[],
  ];
  const effects: Effect[] = [];
  const state = beginRun(addressOf(), first.body, first.at, effects);
  host?.carryOut(effects, first.at);
  for (const event of rest) {
    effects.length = 0;
    applyEvent(state, event, effects);
    host?.carryOut(effects, event.at);
  }
  return state;
}

/** Everything a run's state says, as plain data without identity: equal digests are equal states. */
export function digestOf(run: RunState): unknown {
  const { snapshot, tasks, root, waits, pauses, heldDecisions, marks, usage, planted, ...rest } = run;
  const open = [...(waits?.open ?? [])].map(([task, wait]) => [task.id, wait]);
  const inWaits = waits && { open, kept: waits.kept, fates: [...waits.fates] };
  return {
    ...rest,
    notes: [pauses, heldDecisions, marks, usage, planted].map((notes) =>
      [...(notes ?? [])].map(([{ id }, note]) => [id, note]),
    ),
    waits: inWaits,
    snapshot: digestOfSnapshot(snapshot),
    root: root.id,
    tasks: [...tasks.values()].map(digestOfTask),
  };
}

const idsOf = (tasks: readonly TaskRecord[] | undefined) => tasks?.map((task) => task.id);
const digestOfSnapshot = ({ value, context, status }: { value: unknown; context: unknown; status: string }) => ({
  value,
  context,
  status,
});

function digestOfTask({ run: _, snapshot, parent, needs, dependents, children, node, ...rest }: TaskRecord): unknown {
  const { checked: __, stated: ___, ...inPlan } = node ?? {};
  return {
    ...rest,
    ...inPlan,
    snapshot: digestOfSnapshot(snapshot),
    parent: parent?.id,
    needs: idsOf(needs),
    dependents: idsOf(dependents),
    children: children && {
      ...children,
      all: idsOf(children.all),
      output: children.output?.id,
      plan: children.plan && { ...children.plan, checked: undefined },
    },
  };
}
