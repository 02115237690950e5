import type { Due, Result, RunEvent, Submitted } from "../../src/core/event.ts";
import type { Deferred, Lost } from "../../src/core/event-attempt.ts";
import type { Plan } from "../../src/core/plan.ts";
import { DEFAULT_RETRY, type Retry, resolveRetry } from "../../src/core/policy.ts";
import { dependenciesOf } from "../support/dependencies.ts";

export type ReferenceState = "blocked" | "ready" | "backingOff" | "expanded" | "succeeded" | "failed" | "cancelled";

interface ReferenceTask {
  readonly id: string;
  readonly parent: ReferenceTask | undefined;
  readonly retry: Retry | undefined;
  readonly needs: readonly string[];
  state: ReferenceState;
  attempt: number;
  /** Log time. The earliest and the latest moment at which the next attempt may open. */
  due: { readonly from: number; readonly to: number };
  /** Sequence of the event that ended the current attempt. */
  closedBy: number;
  /** Attempts that do not count: those before the last redrive, and those given back since. */
  spent: number;
  /** Attempts that were deferred, or lost with their workers. */
  readonly givenBack: number[];
  /** Of these, how many were deferred, and how many in a row. */
  deferrals: number;
  deferredInRow: number;
  /** Workers that were lost with it since the last redrive, and the last of them. */
  losses: number;
  lastLoss: { readonly attempt: number; readonly worker: string; readonly gone: boolean } | undefined;
}

/** What an event came to: which result, if any, was counted. */
export interface Counted {
  readonly task: string;
  readonly attempt: number;
}

/**
 * What a run's log means, said a second time and as plainly as can be: no machines, no effects, no sharing, everything
 * looked at again after each event. The fold has to come to the same.
 */
export class ReferenceRun {
  readonly tasks = new Map<string, ReferenceTask>();
  readonly counted: Counted[] = [];
  /** Every attempt that a result was counted for, and the sequence of that. */
  readonly closed = new Map<string, number>();
  readonly #deadlineMs: number | undefined;
  #deadline: number | undefined;
  ended: { status: string; at: number } | undefined;
  expired = false;
  cancelled = false;
  /** The task that has failed the run. */
  culprit: ReferenceTask | undefined;

  constructor(submitted: Submitted, at: number) {
    this.#deadlineMs = submitted.deadlineMs;
    this.#armDeadline(at);
    this.#place("-", undefined, submitted.policy.retry, []).state = "ready";
  }

  get root(): ReferenceTask {
    return this.tasks.get("-")!;
  }

  get isConcluded(): boolean {
    return FINAL.has(this.root.state);
  }

  #armDeadline(at: number): void {
    this.#deadline = this.#deadlineMs === undefined ? undefined : at + this.#deadlineMs;
  }

  /** Whether it would count now. */
  isRedrive(event: RunEvent): event is RunEvent & { kind: "redrive" } {
    if (event.kind !== "redrive" || this.ended?.status !== "failed") return false;
    const { task, attempt } = event.body;
    return this.culprit?.id === task && (attempt ?? this.culprit.attempt) === this.culprit.attempt;
  }

  apply(event: Exclude<RunEvent, { kind: "submitted" }>): void {
    if (this.isRedrive(event)) return this.#redrive(event.at);
    if (this.ended) return;
    const { kind, at, sequence } = event;
    if (kind === "ended") this.ended = { status: event.body.status, at };
    else if (kind === "result") for (const one of event.body.results) this.#result(one as Result, at, sequence);
    else if (kind === "deferred") this.#deferred(event.body, at, sequence);
    else if (kind === "lost") this.#lost(event.body, at, sequence);
    else if (kind === "due") this.#due(event.body, at);
    else if (kind === "cancel" && !this.isConcluded) {
      this.cancelled = true;
      this.culprit = undefined;
      this.#end(this.root, "cancelled", sequence);
    }
  }

  #result({ task: id, attempt, error, plan }: Result, at: number, sequence: number): void {
    const task = this.tasks.get(id);
    if (task?.state !== "ready" || task.attempt !== attempt) return;
    this.counted.push({ task: id, attempt });
    this.closed.set(`${id}@${attempt}`, sequence);
    task.closedBy = sequence;
    if (error) {
      const stated = resolveRetry(task.retry, error.policy?.retry);
      const attempts = task.retry?.attempts ?? error.policy?.retry?.attempts ?? DEFAULT_RETRY.attempts;
      const round = attempt - task.spent;
      if (error.kind === "retryable" && round < attempts) {
        task.state = "backingOff";
        const factor = { constant: 1, linear: round, exponential: 2 ** (round - 1) }[stated.backoff];
        const delay = Math.min(stated.delay * factor, stated.maxDelay);
        const least = Math.max(Math.floor(0.8 * delay), error.retryAfterMs ?? 0);
        const most = Math.max(Math.ceil(Math.min(1.2 * delay, stated.maxDelay)), error.retryAfterMs ?? 0);
        task.due = { from: at + least, to: at + most };
      } else {
        task.state = error.kind === "cancelled" ? "cancelled" : "failed";
        this.culprit = task;
      }
    } else if (plan !== undefined && isRefused(plan as Plan)) {
      task.state = "failed";
      this.culprit = task;
    } else if (plan !== undefined) {
      task.state = "expanded";
      for (const [key, spec] of Object.entries((plan as Plan).tasks))
        this.#place(id === "-" ? key : `${id}/${key}`, task, spec.retry, dependenciesOf(spec));
    } else {
      task.state = "succeeded";
    }
    this.#spread(sequence);
  }

  /** Not before any of the moments that are named, and a little later in any case. */
  #deferred({ task: id, attempt, until, retryAfterMs }: Deferred, at: number, sequence: number): void {
    const task = this.#open(id, attempt);
    if (!task) return;
    task.deferrals++;
    task.deferredInRow = task.givenBack.at(-1) === attempt - 1 ? task.deferredInRow + 1 : 1;
    const delay = Math.min(1000 * 2 ** (task.deferredInRow - 1), 30_000);
    const named = Math.max(Number(until ?? 0), retryAfterMs === undefined ? 0 : at + retryAfterMs);
    const due = named > 0 ? { from: Math.max(named, at + 100), to: Math.max(named, at + 100) } : undefined;
    this.#giveBack(task, due ?? { from: at + 0.8 * delay - 1, to: at + 1.2 * delay + 1 }, sequence);
  }

  #lost({ task: id, attempt, worker, gone, alone, begun }: Lost, at: number, sequence: number): void {
    const task = this.#open(id, attempt);
    if (!task) return;
    const isKnown = task.lastLoss?.attempt === attempt && task.lastLoss.worker === worker;
    if (begun && isKnown && (task.lastLoss!.gone || !gone)) return;
    if (begun && !isKnown) task.losses++;
    if (begun) task.lastLoss = { attempt, worker, gone };
    if (!gone) return;
    task.deferredInRow = 0;
    if (!begun || !alone || task.losses < 3) return this.#giveBack(task, { from: at, to: at }, sequence);
    task.state = "failed";
    this.culprit = task;
    this.#spread(sequence);
  }

  #open(id: string, attempt: number): ReferenceTask | undefined {
    const task = this.tasks.get(id);
    return task?.state === "ready" && task.attempt === attempt ? task : undefined;
  }

  #giveBack(task: ReferenceTask, due: ReferenceTask["due"], sequence: number): void {
    this.closed.set(`${task.id}@${task.attempt}`, sequence);
    task.givenBack.push(task.attempt);
    task.spent++;
    task.state = "backingOff";
    task.due = due;
  }

  #due({ task: id, attempt, what }: Due, at: number): void {
    if (what === "deadline") {
      if (this.#deadline === undefined || at < this.#deadline || this.isConcluded) return;
      this.expired = true;
      this.culprit = undefined;
      return this.#end(this.root, "failed", 0);
    }
    const task = this.tasks.get(id);
    if (task?.state !== "backingOff" || task.attempt !== attempt || at < task.due.from) return;
    task.state = "ready";
    task.attempt++;
    task.closedBy = 0;
  }

  /** What has succeeded stays; everything else is as if it had not ended. */
  #redrive(at: number): void {
    this.ended = undefined;
    this.culprit = undefined;
    this.#armDeadline(at);
    for (const task of this.tasks.values()) {
      if (task.state === "succeeded") continue;
      task.closedBy = 0;
      if (FINAL.has(task.state)) {
        task.losses = 0;
        task.lastLoss = undefined;
      }
      if (this.#childrenOf(task).length > 0) task.state = "expanded";
      else if (!task.needs.every((need) => this.tasks.get(need)!.state === "succeeded")) task.state = "blocked";
      else {
        task.state = "ready";
        task.spent = task.attempt++;
      }
    }
  }

  /** The moment within the allowed ones that the fold has chosen: the jitter is its own. */
  settleDue(id: string, at: number): void {
    const task = this.tasks.get(id)!;
    task.due = { from: at, to: at };
  }

  #place(
    id: string,
    parent: ReferenceTask | undefined,
    retry: Retry | undefined,
    keys: readonly string[],
  ): ReferenceTask {
    const prefix = parent === undefined || parent.id === "-" ? "" : `${parent.id}/`;
    const needs = keys.map((key) => prefix + key);
    const task: ReferenceTask = {
      id,
      parent,
      retry,
      needs,
      state: "blocked",
      attempt: 1,
      due: { from: 0, to: 0 },
      closedBy: 0,
      spent: 0,
      givenBack: [],
      deferrals: 0,
      deferredInRow: 0,
      losses: 0,
      lastLoss: undefined,
    };
    this.tasks.set(id, task);
    return task;
  }

  #childrenOf(task: ReferenceTask): ReferenceTask[] {
    return [...this.tasks.values()].filter((one) => one.parent === task);
  }

  /** Until nothing changes: what has become ready is dispatched, what is complete succeeds, what has a failure fails. */
  #spread(sequence: number): void {
    for (let changed = true; changed; ) {
      changed = false;
      for (const task of this.tasks.values()) {
        const before = task.state;
        if (before === "blocked" && task.needs.every((need) => this.tasks.get(need)!.state === "succeeded")) {
          task.state = "ready";
        } else if (before === "expanded") {
          const children = this.#childrenOf(task);
          if (children.some(({ state }) => state === "failed" || state === "cancelled"))
            this.#end(task, "failed", sequence);
          else if (children.every(({ state }) => state === "succeeded")) task.state = "succeeded";
        }
        changed ||= task.state !== before;
      }
    }
  }

  /** Ends a task, and cancels what is unfinished below it. */
  #end(task: ReferenceTask, state: "failed" | "cancelled", sequence: number): void {
    task.state = state;
    task.closedBy ||= sequence;
    for (const child of this.#childrenOf(task)) if (!FINAL.has(child.state)) this.#end(child, "cancelled", sequence);
  }
}

export const FINAL: ReadonlySet<ReferenceState> = new Set(["succeeded", "failed", "cancelled"]);

/** The one thing that is wrong with plans here: they need a sibling that they do not have. */
const isRefused = ({ tasks }: Plan): boolean =>
  Object.values(tasks).some((spec) => dependenciesOf(spec).some((key) => !(key in tasks)));
