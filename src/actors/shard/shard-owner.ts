import type { Stoppable, StoredMessage } from "../../bus/port.ts";
import { messageOf } from "../../core/error.ts";
import type { DueWhat } from "../../core/event.ts";
import { type Ended, type RunEvent, VERSION } from "../../core/event.ts";
import type { NewerVersion } from "../../core/upcast.ts";
import type { FoldEffects } from "../../fold/effects.ts";
import { type RunState, runKey } from "../../fold/run-state.ts";
import { attemptOf, stateOf, type TaskRecord } from "../../fold/task-record.ts";
import type { DeadLetters } from "../dead/dead-letters.ts";
import type { AttemptCanceller } from "../dispatch/attempt-canceller.ts";
import { addressOf, type Dispatcher } from "../dispatch/dispatcher.ts";
import type { QueueGate } from "../dispatch/queue-gate.ts";
import { QueueSweep } from "../dispatch/queue-sweep.ts";
import type { Runtime } from "../host/runtime.ts";
import { Timers } from "../host/timers.ts";
import type { ReadEvent } from "../log/log-event.ts";
import { LogPump } from "../log/log-pump.ts";
import type { LogWriter } from "../log/log-writer.ts";
import { reload } from "../log/reload-run.ts";
import { ANSWERED_AGAIN_MS } from "../log/replay-positions.ts";
import { answerSettled } from "./attempt-status.ts";
import { CatchUp } from "./catch-up.ts";
import { Checkpoint } from "./checkpoint.ts";
import { CompactionWriter } from "./compaction-writer.ts";
import { endedBody } from "./run-outcome.ts";
import { ShardFold } from "./shard-fold.ts";

export interface ShardDependencies {
  readonly dispatcher: Dispatcher;
  /** What is to be dispatched goes through it. */
  readonly gate: QueueGate;
  readonly writer: LogWriter;
  readonly withdrawals: AttemptCanceller;
  readonly letters: DeadLetters;
  /** A run ended while this owner was live (not in a replay). */
  onEnded(run: RunState, ended: Ended, at: number): void;
  /** Somebody waits for the outcome. May be called again for a run that another owner has seen end. */
  answer(run: RunState, ended: Ended): void;
  onSubmitted(run: RunState): void;
  /** The shard's log has been replayed: all of its runs are known. */
  onLive(shard: number): void;
  /** It is live no more, and had so many runs. */
  onGivenUp(shard: number, runs: number): void;
}

/**
 * Owns one shard: folds its log and carries out what the fold asks for.
 *
 * While it replays, from the checkpoint on, effects are only noted. Taking over goes in this order, because an append
 * precedes its ack, which precedes the removal from the queue: list the queue, fold the log to its end, dispatch what is
 * in neither. Events of runs that were begun before the checkpoint have lost their meaning: these runs have ended.
 */
export class ShardOwner implements FoldEffects {
  readonly shard: number;
  readonly #runtime: Runtime;
  readonly #dependencies: ShardDependencies;
  readonly #fold: ShardFold;
  readonly #pump: LogPump;
  readonly #catchUp: CatchUp;
  readonly #carrier: CompactionWriter;
  readonly #checkpoint: Checkpoint;
  readonly #timers: Record<DueWhat, Timers<TaskRecord>>;
  readonly #noted = {
    enqueue: new Set<TaskRecord>(),
    conclude: new Set<RunState>(),
    answer: new Map<RunState, Ended>(),
  };
  #follower: Stoppable | undefined;
  #answers: Stoppable | undefined;
  #live = false;
  #stopped = false;
  /** What was dequeued last, had it waited at the gate: there is nothing to withdraw then. */
  #neverQueued: TaskRecord | undefined;
  readonly #sweep: QueueSweep;
  #unlisten: () => void = () => {};

  /**
   * `onUnreadable`: its log goes on in a way that only a newer build can read, or the fold has thrown at it, which it never
   * should. It is suspended then, and is to be stopped.
   */
  constructor(
    runtime: Runtime,
    shard: number,
    dependencies: ShardDependencies,
    onUnreadable: (newer?: NewerVersion) => void,
  ) {
    this.#runtime = runtime;
    this.shard = shard;
    this.#dependencies = dependencies;
    this.#fold = new ShardFold({
      effects: this,
      isLive: () => this.#live,
      onBegun: (run) => this.#live && dependencies.onSubmitted(run),
      onEnded: (run, ended, at) => this.#ended(run, ended, at),
      forget: (run) => this.close(run),
      reload: (address, before) => reload(runtime, address, before, () => !this.#stopped),
      onReopened: (run) => this.#reopened(run),
    });
    this.#pump = new LogPump({ ...runtime, subjects: runtime.topology.subjects }, (event) => this.#apply(event), {
      needsCarried: () => !this.#live,
      onNewer: (newer, sequence) => {
        this.suspend();
        runtime.log("error", `shard ${shard} is given back: message ${sequence} of the log is a ${newer.message}`);
        onUnreadable(newer);
      },
      onThrown: (error, sequence) => {
        this.suspend();
        const why = error instanceof Error ? (error.stack ?? error.message) : messageOf(error);
        runtime.log(
          "error",
          `shard ${shard} is given back: message ${sequence} of the log could not be folded: ${why}`,
        );
        onUnreadable();
      },
    });
    this.#carrier = new CompactionWriter(runtime, this.#fold.marks, (key) =>
      this.#live ? this.runs.get(key) : undefined,
    );
    this.#catchUp = new CatchUp(runtime, shard, this.#pump);
    this.#checkpoint = new Checkpoint(runtime, shard, this.#fold.marks);
    this.#sweep = new QueueSweep(runtime, this, dependencies);
    this.#timers = {
      backoff: new Timers(runtime.clock, (task) => this.#due(task, "backoff")),
      deadline: new Timers(runtime.clock, (task) => this.#due(task, "deadline")),
    };
  }

  /** Resolves when the log has been replayed and everything it asks for is under way. */
  async start(): Promise<void> {
    const { bus, topology } = this.#runtime;
    const { subjects, streams } = topology;
    this.#unlisten = bus.onEvent(({ type }) => {
      if (type === "reconnected") this.#sweep.again();
    });
    const fromSequence = await this.#checkpoint.read();
    const queued = await bus.listSubjects(streams.tasks.name, subjects.tasksOfShard(this.shard));
    const replayed = Promise.withResolvers<void>();
    this.#follower = await bus.follow(
      streams.log.name,
      subjects.logOfShard(this.shard),
      (message) => this.#take(message),
      { fromSequence, onCaughtUp: () => this.#pump.whenDrained(replayed.resolve) },
    );
    if (this.#stopped) return this.#follower.stop();
    await replayed.promise;
    if (this.#stopped) return;
    this.#goLive(queued);
    this.#answers = await bus.subscribe(subjects.owner(this.shard), (message) => answerSettled(this, message));
    if (this.#stopped) await this.#answers.stop();
  }

  /** Ends every effect in this very turn: nothing more is dispatched or written. */
  suspend(): void {
    if (this.#live) this.#dependencies.onGivenUp(this.shard, this.runs.size);
    this.#live = false;
    this.#stopped = true;
    this.#unlisten();
    this.#sweep.stop();
    this.#pump.stop();
    for (const task of this.tasks()) this.#dependencies.gate.remove(task);
    this.#catchUp.stop();
  }

  /** Suspends it, and waits for what is on its way to the queue: the next owner must find it there. */
  async stop(): Promise<void> {
    const isReleased = this.#live;
    this.suspend();
    const ending = [this.#carrier.stop(), this.#checkpoint.stop()];
    this.#timers.backoff.stop();
    this.#timers.deadline.stop();
    await this.#follower?.stop();
    await this.#answers?.stop();
    await Promise.all(ending);
    for (const task of this.tasks()) await this.#dependencies.dispatcher.settled(task);
    if (isReleased) await this.#checkpoint.write();
  }

  /** Unfinished runs, by tenant and id. */
  get runs(): Map<string, RunState> {
    return this.#fold.runs;
  }

  *tasks(): Iterable<TaskRecord> {
    for (const run of this.runs.values()) yield* run.tasks.values();
  }

  /** Resolves when the log, as it stands now, has been folded; rejects when the shard is given up before. */
  caughtUp = (): Promise<void> => this.#catchUp.wait();

  #take(message: StoredMessage): void {
    this.#pump.push(message);
    this.#catchUp.pushed();
  }

  #apply(event: ReadEvent & { read: RunEvent }): void | Promise<void> {
    this.#checkpoint.touch();
    return this.#fold.apply(event);
  }

  #reopened(run: RunState): void {
    if (!this.#live) return;
    this.#dependencies.onSubmitted(run);
    this.#dependencies.letters.redriven(run);
  }

  #ended(run: RunState, ended: Ended, at: number): void {
    if (this.#live) this.#dependencies.onEnded(run, ended, at);
    // Whoever waited for a run that was redriven has been told of its failure.
    if (run.submitted.replyTo === undefined || run.redriven) return;
    if (this.#live) this.#dependencies.answer(run, ended);
    // The former owner may have died before it answered.
    else if (at > this.#runtime.clock.now() - ANSWERED_AGAIN_MS) this.#noted.answer.set(run, ended);
  }

  #goLive(queued: readonly string[]): void {
    this.#live = true;
    this.#sweep.begin();
    this.#sweep.compare(queued, (task) => {
      this.#noted.enqueue.delete(task);
      this.#dependencies.gate.found(task);
    });
    this.#dependencies.onLive(this.shard);
    for (const task of this.#noted.enqueue) this.#dependencies.gate.add(task);
    for (const [run, ended] of this.#noted.answer) this.#dependencies.answer(run, ended);
    // Whoever read the redrive may have died before it removed the letter.
    for (const run of this.runs.values()) if (run.redriven) this.#dependencies.letters.redriven(run);
    for (const run of this.#noted.conclude) this.conclude(run);
    this.#fold.endReplay();
    this.#carrier.start();
    this.#noted.answer.clear();
    this.#noted.enqueue.clear();
    this.#noted.conclude.clear();
  }

  // What the fold asks for.

  enqueue(task: TaskRecord): void {
    if (this.#live) this.#dependencies.gate.add(task);
    else this.#noted.enqueue.add(task);
  }

  dequeue(task: TaskRecord): void {
    if (!this.#live) this.#noted.enqueue.delete(task);
    else this.#neverQueued = this.#dependencies.gate.remove(task) ? undefined : task;
  }

  withdraw(task: TaskRecord): void {
    // In a replay, whatever is still queued shows in the list of the queue.
    if (this.#live && task !== this.#neverQueued) this.#dependencies.withdrawals.withdraw(task, addressOf(task));
  }

  arm(task: TaskRecord, what: DueWhat, delayMs: number): void {
    const elapsedMs = this.#live ? 0 : this.#runtime.clock.now() - this.#fold.at;
    this.#timers[what].set(task, delayMs - Math.max(0, elapsedMs));
  }

  disarm(task: TaskRecord, what: DueWhat): void {
    this.#timers[what].cancel(task);
  }

  conclude(run: RunState): void {
    if (this.#live) void this.#appendEnded(run);
    else this.#noted.conclude.add(run);
  }

  close(run: RunState): void {
    this.#noted.conclude.delete(run);
    // `ended` may come from another owner while tasks here are still open.
    for (const task of run.tasks.values()) {
      this.dequeue(task);
      this.#timers.backoff.cancel(task);
    }
    // It would hold the whole run.
    this.#neverQueued = undefined;
    this.#timers.deadline.cancel(run.root);
    this.runs.delete(runKey(run.tenant, run.run));
  }

  changed(): void {}

  #due(task: TaskRecord, what: DueWhat): void {
    const body = { v: VERSION, task: task.id, attempt: attemptOf(task), what };
    const wanted = () => this.#live && (what === "deadline" || stateOf(task) === "backingOff");
    if (this.#live) this.#dependencies.writer.write(task.run, "due", body, wanted);
    // A moment that came during the replay is told once the replay is over.
    else this.#timers[what].set(task, 50);
  }

  async #appendEnded(run: RunState): Promise<void> {
    const wanted = () => this.#live && this.runs.get(runKey(run.tenant, run.run)) === run;
    await this.#dependencies.letters.settle(run, wanted);
    const body = await endedBody(this.#runtime, run, wanted);
    const begunAt = this.#fold.marks.of(run)?.original.sequence ?? 0;
    const once = { onceSince: run.endSequence };
    if (body) this.#dependencies.writer.write(run, "ended", body, wanted, { ...once, begunAt });
  }
}
