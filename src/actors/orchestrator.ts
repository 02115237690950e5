import { createActor, fromPromise, toPromise, waitFor } from "xstate";
import type { z } from "zod";
import type { Limits, RunNotice } from "../app.ts";
import type { BucketDefinition, Message, Stoppable } from "../bus/port.ts";
import type { TaskAddress } from "../bus/subjects.ts";
import { messageOf } from "../core/error.ts";
import type { Ended } from "../core/event.ts";
import { orchestratorPresence, workerPresence } from "../core/registration.ts";
import type { RunState } from "../fold/run-state.ts";
import { runKey } from "../fold/run-state.ts";
import { hasOpenAttempt } from "../fold/task-record.ts";
import type { EffectsOf } from "../machines/effects.ts";
import { orchestratorMachine } from "../machines/orchestrator.ts";
import { LeaseHolder } from "./cluster/lease-holder.ts";
import { RunLoad } from "./cluster/run-load.ts";
import { Shards } from "./cluster/shards.ts";
import { WorkerWatch } from "./cluster/worker-watch.ts";
import { DeadLetters } from "./dead/dead-letters.ts";
import { AttemptCanceller } from "./dispatch/attempt-canceller.ts";
import { Dispatcher } from "./dispatch/dispatcher.ts";
import { PullBack } from "./dispatch/pull-back.ts";
import { QueueGate } from "./dispatch/queue-gate.ts";
import { Admission } from "./gateway/admission.ts";
import { DurableRequests } from "./gateway/durable-requests.ts";
import { Gateway, isInbox } from "./gateway/gateway.ts";
import { queryEndpoints } from "./gateway/queries.ts";
import { answerOf } from "./gateway/run-answer.ts";
import { startRun } from "./gateway/started-run.ts";
import { actorClock } from "./host/actor-clock.ts";
import { parseBy } from "./host/bucket-entry.ts";
import { EntryList } from "./host/entry-list.ts";
import { InProgress } from "./host/in-progress.ts";
import type { Runtime } from "./host/runtime.ts";
import { LimitGate } from "./limits/limit-gate.ts";
import { LogWriter } from "./log/log-writer.ts";
import type { RunToStart } from "./shard/run-starter.ts";
import { RunTraces } from "./shard/run-traces.ts";

export interface OrchestratorOptions {
  /** Called when a run this process owns begins or ends. */
  readonly onRun?: (run: RunNotice) => void;
  readonly limits?: Pick<Limits, "runs" | "queued">;
}

export const DEFAULT_RUNS = 10_000;
export const DEFAULT_QUEUED = 20_000;

/** The chart's actions on its own context. */
type OwnActions = "spawnShards" | "assignShards" | "abandonShards" | "releaseShards" | "keepFailure";

/**
 * One orchestrator process: owns shards, dispatches what has become ready, and is a gateway for requests. Its chart,
 * `machines/orchestrator.ts`, says what follows what; this class puts the parts together and provides its effects.
 */
export class Orchestrator {
  readonly #runtime: Runtime;
  readonly #options: OrchestratorOptions;
  readonly #actor;
  readonly #lease: LeaseHolder;
  readonly #shards: Shards;
  readonly #dispatcher: Dispatcher;
  readonly #limits: LimitGate;
  readonly #writer: LogWriter;
  readonly #withdrawals: AttemptCanceller;
  readonly #pullBack: PullBack;
  readonly #letters: DeadLetters;
  readonly #traces: RunTraces;
  readonly #workers: WorkerWatch;
  readonly #gateway: Gateway;
  readonly #requests: DurableRequests;
  /** Answers to callers, and traces. */
  readonly #afterwards = new InProgress();
  #service: Stoppable | undefined;
  #opening: Promise<void> | undefined;
  #isBegun = false;
  #isLooking = false;

  constructor(runtime: Runtime, options: OrchestratorOptions = {}) {
    this.#runtime = runtime;
    this.#options = options;
    this.#writer = new LogWriter(runtime);
    this.#traces = new RunTraces(runtime);
    this.#dispatcher = new Dispatcher(runtime, {
      holds: () => this.#lease.holds,
      epochOf: (shard) => this.#shards.epochOf(shard),
      // A process that exports nothing hands the caller's context on, or workers that do export would be orphans.
      traceparentOf: (task) => this.#traces.traceparentOf(task),
      caughtUp: async ({ run }) => this.#shards.ownerOf(run.shard)?.caughtUp(),
      fail: (task, attempt, error) => {
        const result = { task: task.id, attempt, worker: runtime.id, error };
        void this.#writer.write(task.run, "result", { v: 1, results: [result] }, () => hasOpenAttempt(task));
      },
    });
    this.#withdrawals = new AttemptCanceller(
      runtime,
      () => this.#dispatcher,
      () => this.#limits,
    );
    this.#workers = new WorkerWatch(runtime, (shard) => this.#shards.ownerOf(shard));
    const { runs = DEFAULT_RUNS, queued = DEFAULT_QUEUED } = options.limits ?? {};
    this.#limits = new LimitGate(runtime, new QueueGate(this.#dispatcher, queued), () => this.#lease.holds);
    this.#pullBack = new PullBack(runtime, this.#dispatcher, this.#limits);
    this.#letters = new DeadLetters(runtime, (task) => this.#dispatcher.envelopeOf(task));
    const load = new RunLoad(runtime.id, runs, () => this.#shards);
    const admission = new Admission(runtime, load);
    const dependencies = {
      dispatcher: this.#dispatcher,
      gate: this.#limits,
      writer: this.#writer,
      withdrawals: this.#withdrawals,
      pullBack: this.#pullBack,
      letters: this.#letters,
      traces: this.#traces,
      heldBy: (at: TaskAddress, asking: string | undefined) => this.#workers.heldBy(at, asking),
      onSubmitted: (run: RunState) => {
        load.left(run.shard, runKey(run.tenant, run.run));
        options.onRun?.(notice(run));
      },
      onLive: (shard: number) => {
        this.#limits.live(shard);
        load.known(shard);
      },
      onGivenUp: (shard: number, runs: number) => {
        this.#limits.givenUp(shard);
        load.givenUp(shard, runs);
      },
      startRun: (run: RunToStart) => startRun(runtime, admission, run),
      onEnded: (run: RunState, ended: Ended, at: number) => this.#ended(run, ended, at),
      answer: (run: RunState, ended: Ended) => this.#afterwards.add(this.#answer(run, ended)),
    };
    this.#lease = new LeaseHolder(runtime, () => this.#shards, load);
    this.#shards = new Shards(runtime, {
      dependencies,
      claims: () => this.#lease.claims,
      actors: () => this.#actor.getSnapshot().context.shards,
      onNewer: (shard, version) => this.#lease.versions.met(shard, version),
    });
    this.#gateway = new Gateway(runtime, admission);
    this.#requests = new DurableRequests(runtime, admission);
    const effects: EffectsOf<typeof orchestratorMachine, OwnActions> = {
      actors: {
        lease: this.#lease.logic,
        shard: this.#shards.logic,
        openGateway: fromPromise(() => this.#openGateway()),
        closeGateway: fromPromise(() => this.#closeGateway()),
        leave: fromPromise(() => this.#leave()),
      },
      actions: {},
    };
    this.#actor = createActor(orchestratorMachine.provide(effects), {
      clock: actorClock(runtime.clock),
      input: { shardCount: runtime.shards },
    });
  }

  /**
   * Resolves when the shards that are free have been replayed, their unfinished runs go on, and requests are answered.
   * Rejects with why it cannot; it has given back what it had taken then, or does so as soon as the bus lets it.
   */
  async start(): Promise<void> {
    await this.#limits.open();
    this.#isBegun = true;
    const look = () => this.#lookWhetherSettled();
    this.#actor.subscribe(look);
    this.#actor.start();
    for (const shard of this.#actor.getSnapshot().context.shards) shard.subscribe(look);
    const joined = await waitFor(this.#actor, (state) => !state.hasTag("joining"));
    if (!joined.hasTag("open"))
      throw joined.context.failure ?? new Error("the orchestrator was stopped before it had joined");
  }

  /** Takes no more requests, gives its shards back, and stores what it was about to write. */
  async stop(): Promise<void> {
    if (!this.#isBegun) return;
    if (this.#actor.getSnapshot().status === "active") this.#actor.send({ type: "drain" });
    await toPromise(this.#actor);
  }

  /** Once this turn's events have reached every shard. */
  #lookWhetherSettled(): void {
    if (this.#isLooking) return;
    this.#isLooking = true;
    queueMicrotask(() => {
      this.#isLooking = false;
      const settled = { type: "shardsSettled" } as const;
      const state = this.#actor.getSnapshot();
      if (state.status === "active" && state.can(settled) && this.#shards.areSettled) this.#actor.send(settled);
    });
  }

  // The chart's effects.

  #openGateway(): Promise<void> {
    this.#opening ??= this.#serve();
    return this.#opening;
  }

  async #closeGateway(): Promise<void> {
    await this.#opening?.catch(() => {});
    await this.#service?.stop();
    await this.#requests.stop();
    await this.#workers.stop();
    this.#gateway.stop();
  }

  async #leave(): Promise<void> {
    await this.#lease.leave();
    const leaving = [this.#dispatcher, this.#writer, this.#withdrawals, this.#pullBack, this.#letters, this.#limits];
    await Promise.all(leaving.map((part) => part.stop()));
    await Promise.all([this.#afterwards.finished(), this.#traces.finished()]);
  }

  async #serve(): Promise<void> {
    const { bus, topology } = this.#runtime;
    const { buckets } = topology;
    const listed = async <S extends z.ZodType>(definition: BucketDefinition, schema: S) => {
      const options = { bucket: definition.name, parse: parseBy(schema), log: this.#runtime.log };
      return new EntryList(await bus.bucket(definition), options);
    };
    const workers = await listed(buckets.workers, workerPresence);
    const orchestrators = await listed(buckets.orchestrators, orchestratorPresence);
    const { prefix } = topology.subjects;
    const context = { runtime: this.#runtime, shards: this.#shards, workers, orchestrators };
    this.#service = await bus.serve({
      name: prefix,
      version: "0.1.0",
      description: "Tutti: runs tasks that return a value or a plan",
      endpoints: [
        { name: "run", subject: `${prefix}.run.>`, handler: (message: Message) => this.#gateway.run(message) },
        { name: "submit", subject: `${prefix}.submit.>`, handler: (message: Message) => this.#gateway.submit(message) },
        ...queryEndpoints(context),
      ].map((endpoint) => ({ ...endpoint, handler: (message) => this.#guard(message, endpoint.handler) })),
    });
    await this.#requests.start();
    await this.#workers.start();
  }

  #guard(message: Message, handler: (message: Message) => void): void {
    const { topology, log } = this.#runtime;
    if (message.replyTo === undefined || isInbox(message.replyTo, topology.subjects.prefix)) return handler(message);
    log("warn", `a request on ${message.subject} wants its answer on ${message.replyTo}, which is no inbox: refused`);
  }

  async #answer({ run, submitted }: RunState, ended: Ended): Promise<void> {
    const { data, headers } = await answerOf(this.#runtime, run, ended);
    try {
      this.#runtime.bus.publish(submitted.replyTo!, data, headers);
    } catch (error) {
      this.#runtime.log("warn", `who waits for run ${run} could not be answered: ${messageOf(error)}`);
    }
  }

  #ended(run: RunState, ended: Ended, at: number): void {
    this.#requests.wake();
    const error = ended.error && { error: ended.error.message };
    const end = { status: ended.status, at, ...error, tasks: ended.totals.tasks };
    this.#options.onRun?.({ ...notice(run), ended: end });
  }
}

const notice = ({ run, tenant, submitted, submittedAt }: RunState): RunNotice => ({
  run,
  tenant,
  type: submitted.type,
  submittedAt,
});
