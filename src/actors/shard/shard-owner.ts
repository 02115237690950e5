import type { Stoppable, StoredMessage } from "../../bus/port.ts";
import type { TaskAddress } from "../../bus/subjects.ts";
import type { Approval } from "../../core/approval.ts";
import { messageOf } from "../../core/error.ts";
import type { RunEvent } from "../../core/event.ts";
import type { Lost } from "../../core/event-attempt.ts";
import type { HeldTask } from "../../core/held.ts";
import type { ApprovalsRequest } from "../../core/owner-request.ts";
import type { NewerVersion } from "../../core/upcast.ts";
import type { Effect } from "../../fold/effects.ts";
import { type RunState, runKey } from "../../fold/run-state.ts";
import { attemptOf, isOpen, type TaskRecord } from "../../fold/task-record.ts";
import { addressOf } from "../dispatch/dispatcher.ts";
import { hasLost } from "../host/losses.ts";
import type { Runtime } from "../host/runtime.ts";
import type { ReadEvent } from "../log/log-event.ts";
import { LogPump } from "../log/log-pump.ts";
import { ANSWERED_AGAIN_MS } from "../log/replay-positions.ts";
import { replayPatiently } from "../log/run-reader.ts";
import { listApprovals } from "./approvals.ts";
import type { Holder, OwnedRuns } from "./attempt-status.ts";
import { CatchUp } from "./catch-up.ts";
import { Checkpoint } from "./checkpoint.ts";
import { CompactionWriter } from "./compaction-writer.ts";
import { EffectHandler, isAwaited, type ShardDependencies } from "./effect-handler.ts";
import { LostResults } from "./lost-results.ts";
import { answerOwnerRequest } from "./owner-requests.ts";
import { Reconciler } from "./reconcile.ts";
import { ShardFold } from "./shard-fold.ts";
import { Signals } from "./signals.ts";

/**
 * Owns one shard: folds its log and has the effects carried out that the fold returns.
 *
 * A replay, from the checkpoint on, drops the effects. Once the log has been read to its end, what the state asks for is
 * compared with what is there ({@link Reconciler}), and from then on effects are carried out as they come. Events of runs
 * that were begun before the checkpoint have lost their meaning: these runs have ended.
 */
export class ShardOwner implements OwnedRuns {
  readonly shard: number;
  /** Takes signals for its runs. */
  readonly signals: Signals;
  readonly #runtime: Runtime;
  readonly #dependencies: ShardDependencies;
  readonly #fold: ShardFold;
  readonly #pump: LogPump;
  readonly #catchUp: CatchUp;
  readonly #handler: EffectHandler;
  readonly #reconciler: Reconciler;
  readonly #lost: LostResults;
  readonly #compaction: CompactionWriter;
  readonly #checkpoint: Checkpoint;
  /** What the event being folded asks for: one array for all events. */
  readonly #effects: Effect[] = [];
  /** Runs whose ends a replay has read, and whose callers may not have been answered. */
  readonly #unanswered = new Set<RunState>();
  /** The workers that have said which attempts they are about to execute: those that were lost, or may have been executed, before. */
  readonly #holders = new WeakMap<TaskRecord, Holder>();
  #follower: Stoppable | undefined;
  #answers: Stoppable | undefined;
  #live = false;
  #hasReplayed = false;
  #stopped = false;
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
    const { traces } = dependencies;
    this.#fold = new ShardFold({
      reload: (address, before) => replayPatiently(runtime, address, before, () => !this.#stopped, traces.observerOf()),
      observerOf: () => traces.observerOf(),
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
      onUnreadable: (event) => this.#noteLost(event, event.problem ?? "it names no attempt"),
    });
    this.#catchUp = new CatchUp(runtime, shard, this.#pump);
    this.signals = new Signals(runtime, dependencies.writer, this);
    this.#handler = new EffectHandler(runtime, dependencies, this.#fold, this.signals);
    const { gate, withdrawals } = dependencies;
    const reconciled = { gate, withdrawals, handler: this.#handler, caughtUp: () => this.caughtUp() };
    this.#reconciler = new Reconciler(runtime, shard, this.#fold, reconciled);
    this.#lost = new LostResults(runtime, {
      find: (tenant, run) => this.find(tenant, run),
      isWaiting: (task) => gate.has(task),
      caughtUp: () => this.caughtUp(),
      fail: (task, attempt, error) => this.#handler.fail(task, attempt, error),
    });
    this.#compaction = new CompactionWriter(runtime, this.#fold);
    this.#checkpoint = new Checkpoint(runtime, shard, this.#fold.positions);
  }

  /** Resolves when the log has been replayed and what the state asks for is in progress. */
  async start(): Promise<void> {
    const { bus, topology } = this.#runtime;
    const { subjects, streams } = topology;
    this.#unlisten = bus.onEvent((event) => {
      if (event.type === "reconnected" || hasLost(event, streams.tasks.name)) this.#reconciler.again();
    });
    const fromSequence = await this.#checkpoint.read();
    await this.#dependencies.traces.begin(this.shard);
    const queued = await this.#reconciler.listQueue();
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
    this.#answers = await bus.subscribe(subjects.owner(this.shard), (message) => answerOwnerRequest(this, message));
    if (this.#stopped) await this.#answers.stop();
  }

  /** Ends every effect in this very turn: nothing more is dispatched or written. */
  suspend(): void {
    if (this.#live) this.#dependencies.onGivenUp(this.shard, this.runCount);
    this.#live = false;
    this.#stopped = true;
    this.#unlisten();
    this.#reconciler.stop();
    this.#lost.stop();
    this.#pump.stop();
    this.#handler.stop();
    this.#compaction.suspend();
    this.#catchUp.stop();
  }

  /**
   * Suspends it, and waits for what is on its way to the queue: the next owner must find it there. `isReleased`: the lease
   * holds until the shard is given back, so that a last checkpoint may be written.
   */
  async stop({ isReleased = false }: { readonly isReleased?: boolean } = {}): Promise<void> {
    this.suspend();
    const ending = [this.#compaction.stop(), this.#checkpoint.stop()];
    await this.#follower?.stop();
    await this.#answers?.stop();
    await Promise.all(ending);
    for (const { tasks } of this.states())
      for (const task of tasks.values()) await this.#dependencies.dispatcher.answered(task);
    if (!isReleased || !this.#hasReplayed) return;
    await Promise.all([this.#checkpoint.write(), this.#dependencies.traces.handOver(this.shard)]);
  }

  /** How many runs of the shard are unfinished. */
  get runCount(): number {
    return this.#fold.count;
  }

  /** An unfinished run. */
  find(tenant: string, run: string): RunState | undefined {
    return this.#fold.find(runKey(tenant, run));
  }

  heldBy(task: TaskRecord, asking: string | undefined): Promise<string | undefined> {
    return this.#dependencies.heldBy(addressOf(task), asking);
  }

  held(task: TaskRecord, holder: Holder): void {
    this.#holders.set(task, holder);
  }

  holderOf({ tenant, run, task: id, attempt }: TaskAddress): Holder | undefined {
    const task = this.find(tenant, run)?.tasks.get(id);
    const holder = task && this.#holders.get(task);
    return holder?.attempt === attempt ? holder : undefined;
  }

  /** A worker was lost with an attempt. False: it is not open. */
  lose({ tenant, run, task: id, attempt }: TaskAddress, loss: Omit<Lost, "v" | "task" | "attempt">): boolean {
    const task = this.find(tenant, run)?.tasks.get(id);
    if (!this.#live || !task || !isOpen(task, attempt)) return false;
    this.#holders.set(task, { attempt, worker: loss.worker, alone: loss.alone });
    this.#handler.lose(task, attempt, loss);
    return true;
  }

  /** The unfinished runs. */
  states(): Iterable<RunState> {
    return this.#fold.states();
  }

  /** The tasks of an unfinished run that limits hold back. */
  listHeld(tenant: string, run: string): HeldTask[] {
    const state = this.find(tenant, run);
    return state ? this.#dependencies.gate.listHeld(state) : [];
  }

  /** What its runs wait for of people. */
  listApprovals(request: ApprovalsRequest): Approval[] {
    return listApprovals(this.states(), request);
  }

  /** Resolves when the log, as it stands now, has been folded; rejects when the shard is given up before. */
  caughtUp = (): Promise<void> => this.#catchUp.wait();

  #take(message: StoredMessage): void {
    this.#pump.push(message);
    this.#catchUp.pushed();
  }

  #apply(event: ReadEvent & { read: RunEvent }): void | Promise<void> {
    this.#checkpoint.touch();
    const { at } = event.read;
    if (this.#live && event.read.kind === "result" && !this.#namesAttempt(event, event.read.body.results))
      this.#noteLost(event, "it names no attempt of the run");
    const applied = () => {
      this.#carryOut(at);
      this.#noteWord(event);
    };
    return this.#fold.apply(event, this.#effects)?.then(applied) ?? applied();
  }

  /** Attempts that were ended without their workers hold permits until these have spoken. */
  #noteWord({ tenant, run, read }: ReadEvent & { read: RunEvent }): void {
    const { gate } = this.#dependencies;
    if (read.kind === "result") gate.spoke(tenant, run, read.body.results);
    else if (read.kind === "planned" || read.kind === "deferred") gate.spoke(tenant, run, [read.body]);
  }

  /** Whether one of the results is of an attempt that the run has had. */
  #namesAttempt({ tenant, run }: ReadEvent, results: readonly unknown[]): boolean {
    const tasks = this.find(tenant, run)?.tasks;
    // Of a run that is over, nothing is open.
    if (!tasks) return true;
    return (results as readonly ({ task?: unknown; attempt?: unknown } | null)[]).some((one) => {
      const task = typeof one?.task === "string" ? tasks.get(one.task) : undefined;
      return task !== undefined && Number(one?.attempt) >= 1 && Number(one?.attempt) <= attemptOf(task);
    });
  }

  /** A result may have been lost. In a replay, the takeover compares the queue with the log anyway. */
  #noteLost(event: ReadEvent, problem: string): void {
    if (this.#live && OF_WORKERS.has(event.event)) this.#lost.noticed(event, problem);
  }

  #carryOut(at: number): void {
    const effects = this.#effects;
    if (this.#live) for (const effect of effects) this.#handler.carryOut(effect, at);
    else for (const effect of effects) if (effect.kind === "ended") this.#noteEnd(effect.run, at);
    effects.length = 0;
  }

  /** The former owner may have died before it answered. */
  #noteEnd(run: RunState, at: number): void {
    this.#dependencies.traces.ended(run);
    if (isAwaited(run) && at > this.#runtime.clock.now() - ANSWERED_AGAIN_MS) this.#unanswered.add(run);
  }

  #goLive(queued: readonly string[]): void {
    const { letters, answer, onLive } = this.#dependencies;
    this.#live = true;
    this.#hasReplayed = true;
    this.#fold.endReplay();
    onLive(this.shard);
    this.#reconciler.begin(queued);
    for (const run of this.#unanswered) if (run.end) answer(run, run.end.body);
    this.#unanswered.clear();
    // The former owner may have died after it had read the redrive, and before it removed the letter.
    for (const run of this.states()) if (run.redriven) letters.redriven(run);
    this.#compaction.start();
  }
}

/** Events that a worker appends before it acknowledges its task. */
const OF_WORKERS: ReadonlySet<string> = new Set(["result", "planned", "deferred"]);
