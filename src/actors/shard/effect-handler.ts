import type { TaskAddress } from "../../bus/subjects.ts";
import type { TaskError } from "../../core/error.ts";
import type { DueWhat, Ended } from "../../core/event.ts";
import type { Lost } from "../../core/event-attempt.ts";
import type { Effect } from "../../fold/effects.ts";
import { isPaused } from "../../fold/pauses.ts";
import { withinAtOf } from "../../fold/plan-node.ts";
import { isOver, type RunState } from "../../fold/run-state.ts";
import { attemptOf, isOpen, stateOf, type TaskRecord } from "../../fold/task-record.ts";
import type { DeadLetters } from "../dead/dead-letters.ts";
import type { AttemptCanceller } from "../dispatch/attempt-canceller.ts";
import { addressOf, type Dispatcher } from "../dispatch/dispatcher.ts";
import type { PullBack } from "../dispatch/pull-back.ts";
import type { Runtime } from "../host/runtime.ts";
import { Timers } from "../host/timers.ts";
import type { LimitGate } from "../limits/limit-gate.ts";
import type { LogWriter } from "../log/log-writer.ts";
import { Decider } from "./decider.ts";
import { Listeners } from "./listeners.ts";
import { Replanner } from "./replanner.ts";
import { endedBody } from "./run-outcome.ts";
import type { RunToStart } from "./run-starter.ts";
import type { RunTraces } from "./run-traces.ts";
import type { ShardFold } from "./shard-fold.ts";
import type { Signals } from "./signals.ts";

/** What the owners of all shards of a process share. */
export interface ShardDependencies {
  readonly dispatcher: Dispatcher;
  /** What is to be dispatched goes through it. */
  readonly gate: LimitGate;
  readonly writer: LogWriter;
  readonly withdrawals: AttemptCanceller;
  readonly pullBack: PullBack;
  readonly letters: DeadLetters;
  readonly traces: RunTraces;
  /** The worker that is alive and has taken an attempt, other than the one that asks. */
  heldBy(at: TaskAddress, asking: string | undefined): Promise<string | undefined>;
  /** A run ended while its owner was live (not in a replay). */
  onEnded(run: RunState, ended: Ended, at: number): void;
  /** A caller waits for the outcome. May be called again for a run that another owner has seen end. */
  answer(run: RunState, ended: Ended): void;
  onSubmitted(run: RunState): void;
  /** Starts another run, once for each id. Rejects with a `TuttiError`: 400, 404, 409, or 503 where it may be tried again. */
  startRun(run: RunToStart): Promise<void>;
  /** The shard's log has been replayed: all of its runs are known. */
  onLive(shard: number): void;
  /** The shard is not live any more, and had this many runs. */
  onGivenUp(shard: number, runs: number): void;
}

/**
 * Carries out for one live shard what the fold asks for. Each effect may be asked for again, after a reconnect for
 * example: what is armed stays armed, and a run that is being concluded is concluded once.
 */
export class EffectHandler {
  readonly #runtime: Runtime;
  readonly #dependencies: ShardDependencies;
  readonly #fold: ShardFold;
  readonly #timers: Record<DueWhat, Timers<TaskRecord>>;
  readonly #decider: Decider;
  readonly #replanner: Replanner;
  readonly #signals: Signals;
  readonly #listeners: Listeners;
  readonly #concluding = new Set<RunState>();
  #stopped = false;

  constructor(runtime: Runtime, dependencies: ShardDependencies, fold: ShardFold, signals: Signals) {
    this.#runtime = runtime;
    this.#dependencies = dependencies;
    this.#fold = fold;
    this.#signals = signals;
    this.#listeners = new Listeners(runtime, dependencies.writer, dependencies.startRun);
    this.#decider = new Decider(runtime, dependencies.writer);
    this.#replanner = new Replanner(runtime, dependencies.writer);
    this.#timers = {
      backoff: new Timers(runtime.clock, (task) => this.#due(task, "backoff")),
      deadline: new Timers(runtime.clock, (task) => this.#due(task, "deadline")),
      within: new Timers(runtime.clock, (task) => this.#due(task, "within")),
    };
  }

  /** `now`: the log time, ms, that delays count from: of the event that has asked for the effect, if one has just been read. */
  carryOut(effect: Effect, now: number): void {
    const { gate, letters, withdrawals } = this.#dependencies;
    switch (effect.kind) {
      case "open":
        return gate.add(effect.task);
      case "close":
        return gate.closed(effect.task, effect.attempt);
      case "withdraw":
        // What was never let in is not on the queue.
        if (gate.remove(effect.task, effect.attempt))
          withdrawals.withdraw(effect.task, addressOf(effect.task, effect.attempt));
        return;
      case "hold":
        return this.#dependencies.pullBack.hold(effect.task, effect.attempt);
      case "arm":
        return this.#timers[effect.what].set(effect.task, effect.at - now);
      case "disarm":
        return this.#timers[effect.what].cancel(effect.task);
      case "decide":
        return this.#decider.decide(effect.task);
      case "replan":
        return this.#replanner.append(effect.task);
      case "judge":
        return this.#signals.judge(effect.task);
      case "listen":
        return this.#listeners.listen(effect.task);
      case "unlisten":
        return this.#listeners.unlisten(effect.task);
      case "conclude":
        return this.#conclude(effect.run);
      case "begun":
        return this.#dependencies.onSubmitted(effect.run);
      case "reopened":
        this.#dependencies.onSubmitted(effect.run);
        return letters.redriven(effect.run);
      case "ended":
        return this.#end(effect.run);
      case "changed":
      case "runChanged":
      case "paused":
        return;
    }
  }

  /** The same for an effect that may have been carried out already. */
  ensure(effect: Effect, now: number): void {
    if (effect.kind === "arm" && this.#timers[effect.what].has(effect.task)) return;
    this.carryOut(effect, now);
  }

  /** Ends every effect in this very turn: nothing more is dispatched or written. */
  stop(): void {
    this.#stopped = true;
    this.#decider.stop();
    this.#replanner.stop();
    this.#signals.stop();
    this.#listeners.stop();
    for (const timers of Object.values(this.#timers)) timers.stop();
    for (const { tasks } of this.#fold.states())
      for (const task of tasks.values()) this.#dependencies.gate.remove(task);
  }

  #end(run: RunState): void {
    // `ended` may come from another owner while tasks here are still open.
    for (const task of run.tasks.values()) {
      this.#dependencies.gate.remove(task);
      this.#timers.backoff.cancel(task);
      this.#timers.within.cancel(task);
      this.#timers.deadline.cancel(task);
      this.#listeners.unlisten(task);
    }
    const { body, at } = run.end!;
    this.#dependencies.onEnded(run, body, at);
    this.#dependencies.traces.ended(run);
    if (isAwaited(run)) this.#dependencies.answer(run, body);
  }

  /** Appends an error as the result of an attempt whose own result will not come. */
  fail(task: TaskRecord, attempt: number, error: TaskError): void {
    const body = { v: 1, results: [{ task: task.id, attempt, worker: this.#runtime.id, error }] };
    void this.#dependencies.writer.write(task.run, "result", body, () => !this.#stopped && isOpen(task, attempt));
  }

  /**
   * Appends that a worker was lost with an attempt. Once: before another try, the queue may have delivered the attempt to
   * another worker. Where it is not stored, the ack wait has that delivery come.
   */
  lose(task: TaskRecord, attempt: number, loss: Omit<Lost, "v" | "task" | "attempt">): void {
    const body = { v: 2, task: task.id, attempt, ...loss };
    let tries = 0;
    const wanted = () => tries++ === 0 && !this.#stopped && isOpen(task, attempt);
    void this.#dependencies.writer.write(task.run, "lost", body, wanted);
  }

  #due(task: TaskRecord, what: DueWhat): void {
    const isOfV2 = what === "within" || (what === "deadline" && task.node !== undefined);
    const body = { v: isOfV2 ? 2 : 1, task: task.id, attempt: attemptOf(task), what };
    const wanted = () => !this.#stopped && WAITS_FOR[what](task) && !isPaused(task);
    void this.#dependencies.writer.write(task.run, "due", body, wanted);
  }

  #conclude(run: RunState): void {
    if (this.#concluding.has(run)) return;
    this.#concluding.add(run);
    void this.#appendEnded(run).finally(() => this.#concluding.delete(run));
  }

  async #appendEnded(run: RunState): Promise<void> {
    const wanted = () => !this.#stopped && !isOver(run);
    await this.#dependencies.letters.record(run, wanted);
    const body = await endedBody(this.#runtime, run, wanted);
    const begunAt = this.#fold.positions.of(run)?.original.sequence ?? 0;
    const once = { onceSince: run.endSequence };
    if (body) await this.#dependencies.writer.write(run, "ended", body, wanted, { ...once, begunAt });
  }
}

/** Whether a moment still means something to the task that it was armed for. */
const WAITS_FOR: Readonly<Record<DueWhat, (task: TaskRecord) => boolean>> = {
  backoff: (task) => stateOf(task) === "backingOff" || stateOf(task) === "resting",
  deadline: ({ run, node }) => (node ? node.deadlineAt > 0 : run.snapshot.hasTag("active")),
  within: (task) => withinAtOf(task) > 0,
};

/** Whether a caller waits for the end. The caller of a run that was redriven has been answered with its failure. */
export const isAwaited = (run: RunState): boolean => run.submitted.replyTo !== undefined && run.redriven === undefined;
