import { createActor, fromPromise, toPromise } from "xstate";
import { type Delivery, header, type Stoppable } from "../../bus/port.ts";
import { messageOf, TerminalError } from "../../core/error.ts";
import { isoTime } from "../../core/iso-time.ts";
import type { WorkerPresence } from "../../core/registration.ts";
import type { TaskMessage } from "../../core/task-message.ts";
import type { Worker } from "../../define/worker.ts";
import type { EffectsOf } from "../../machines/effects.ts";
import { type WorkerMachineEvent, workerMachine } from "../../machines/worker.ts";
import { inAttemptSpan, tracingEnabled } from "../../telemetry/attempt-span.ts";
import { Attempt } from "../attempt/attempt.ts";
import { type Batcher, createBatchers, slotsOf } from "../attempt/batcher.ts";
import { AttemptAborted, failed, type Outcome } from "../attempt/outcome.ts";
import type { WorkerRuntime } from "../attempt/worker-runtime.ts";
import { actorClock } from "../host/actor-clock.ts";
import { Presence } from "../host/presence.ts";
import { Cancellations } from "./cancellations.ts";
import { Committer } from "./committer.ts";
import { DeliveryCheck, isToBeAlone, type Verdict } from "./delivery-check.ts";
import { Demand } from "./demand.ts";
import { answerInquiries } from "./inquiries.ts";
import { LoadReport } from "./load-report.ts";
import { Steering } from "./steering.ts";
import { describeType } from "./type-description.ts";
import { DEFAULT_MAX_DELIVERIES, type WorkerProcessOptions } from "./worker-options.ts";

/** For what only a newer worker can read. */
const MOST_BACK_MS = 600_000;

/**
 * One worker process: takes tasks of its types, runs their handlers, and appends the results to the log. Its chart,
 * `machines/worker.ts`, says what follows what; this class provides the chart's effects, and executes the tasks.
 */
export class WorkerProcess {
  readonly #runtime: WorkerRuntime;
  readonly #workers: ReadonlyMap<string, Worker>;
  readonly #actor;
  /** Of workers that take many, by type. */
  readonly #batchers: ReadonlyMap<string, Batcher>;
  readonly #steering: Steering;
  readonly #intake: Demand;
  readonly #committer: Committer;
  readonly #attempts = new Set<Attempt>();
  readonly #since: string;
  /** As JSON text. */
  readonly #name: string;
  readonly #cancellations: Cancellations;
  readonly #check: DeliveryCheck;
  #presence: Presence | undefined;
  readonly #subscriptions: Stoppable[] = [];
  /** What `open` and `closeQueues` have begun, which `leave` waits for. */
  #opening: Promise<void> | undefined;
  #announcing: Promise<void> | undefined;
  #closing: Promise<unknown> | undefined;
  #completed = 0;
  #failed = 0;
  readonly #load: LoadReport;
  /** The grace period is over: what has not begun does not begin any more. */
  #isOver = false;

  constructor(runtime: WorkerRuntime, options: WorkerProcessOptions) {
    this.#runtime = runtime;
    this.#workers = new Map(options.workers.map((one) => [one.type, one]));
    this.#batchers = createBatchers(runtime.clock, options.workers);
    const { maxDeliveries = DEFAULT_MAX_DELIVERIES } = options;
    this.#check = new DeliveryCheck(runtime, maxDeliveries, (delivery) => this.#isExecuting(delivery));
    this.#committer = new Committer(runtime);
    this.#name = JSON.stringify(runtime.id);
    this.#since = new Date(runtime.clock.now()).toISOString();
    this.#cancellations = new Cancellations(runtime.topology.subjects, runtime.clock, () => this.#attempts);
    this.#load = new LoadReport(runtime.clock, {
      send: () => this.#send({ type: "load", running: this.#intake.running }),
      // A worker that drains waits for the last one.
      isUrgent: () => this.#actor.getSnapshot().hasTag("draining"),
    });
    this.#steering = new Steering(runtime, this.#workers.values(), () => this.#intake.refresh());
    this.#intake = new Demand(runtime, {
      types: [...this.#workers.keys()],
      concurrency: options.concurrency,
      run: (delivery, done) => this.#take(delivery, done),
      isToBeAlone,
      onLoad: () => this.#load.isDue(),
      limitOf: (type) => slotsOf(this.#workers.get(type)),
      allowedOf: (type) => this.#steering.allowed(type),
    });
    const effects: EffectsOf<typeof workerMachine, "takeLoad" | "takeDrain"> = {
      actors: {
        open: fromPromise(() => this.#open()),
        announce: fromPromise(() => this.#announce()),
        leave: fromPromise(() => this.#leave()),
      },
      actions: {
        closeQueues: () => this.#closeQueues(),
        abortAttempts: () => this.#abortAttempts(),
      },
    };
    this.#actor = createActor(workerMachine.provide(effects), {
      clock: actorClock(runtime.clock),
      input: { concurrency: this.#intake.concurrency },
    });
  }

  /** Resolves when its types are registered, its queues open and its presence is stored. */
  async start(): Promise<void> {
    this.#actor.start();
    await this.#opening;
    await this.#announcing;
  }

  /** Takes nothing new, finishes within `graceMs` what it executes, and hands back the rest. */
  async stop(graceMs: number): Promise<void> {
    if (!this.#opening) return;
    this.#send({ type: "drain", running: this.#intake.running, graceMs });
    await toPromise(this.#actor);
  }

  // The chart's effects.

  #open(): Promise<void> {
    const open = async () => {
      const { bus, topology, types, clock, log, id } = this.#runtime;
      for (const worker of this.#workers.values()) await types.register(describeType(worker));
      const cancelled = topology.subjects.cancel("*", "*");
      this.#subscriptions.push(await bus.subscribe(cancelled, (message) => this.#cancellations.take(message)));
      this.#subscriptions.push(await answerInquiries(this.#runtime, () => this.#intake.inHand.keys()));
      await this.#check.start();
      await this.#steering.start();
      const bucket = await bus.bucket(topology.buckets.workers);
      this.#presence = new Presence(bucket, id, () => this.#describe(), { clock, log, ttlMs: topology.presenceTtlMs });
      await this.#intake.open();
    };
    this.#opening = open();
    return this.#opening;
  }

  #announce(): Promise<void> {
    this.#announcing = this.#presence!.start();
    return this.#announcing;
  }

  #closeQueues(): void {
    this.#closing = this.#intake.close();
    for (const batcher of this.#batchers.values()) batcher.flush();
  }

  #abortAttempts(): void {
    this.#isOver = true;
    this.#closing = Promise.all([this.#closing, this.#check.stop()]);
    const stopping = new AttemptAborted("stopping", "the worker is stopping, and its grace period is over");
    for (const attempt of this.#attempts) attempt.abort(stopping);
  }

  async #leave(): Promise<void> {
    this.#load.stop();
    await this.#opening?.catch(() => {});
    await this.#closing?.catch((error) =>
      this.#runtime.log("warn", `a queue could not be closed: ${messageOf(error)}`),
    );
    this.#committer.abandon();
    await this.#committer.settled();
    this.#intake.stop();
    this.#steering.stop();
    await this.#check.stop();
    await Promise.all(this.#subscriptions.map((one) => one.stop()));
    await this.#presence?.stop();
    this.#runtime.live.flush();
  }

  #describe(): WorkerPresence {
    const state = this.#actor.getSnapshot().value;
    return {
      v: 1,
      worker: this.#runtime.id,
      types: [...this.#workers.keys()],
      concurrency: this.#intake.concurrency,
      running: this.#intake.running,
      completed: this.#completed,
      failed: this.#failed,
      since: this.#since,
      state: typeof state === "string" ? state : state.working,
      inquiries: this.#runtime.topology.subjects.worker(this.#runtime.id),
      ...this.#steering.describe(),
    };
  }

  /** An actor that has come to its end takes no more events. */
  #send(event: WorkerMachineEvent): void {
    if (this.#actor.getSnapshot().status === "active") this.#actor.send(event);
  }

  #take(delivery: Delivery, settled: () => void): void {
    try {
      // A process that was stopped for a while holds what was given to others meanwhile.
      if (this.#intake.isLate) this.#check.doubtWhatIsQueued();
      const verdict = this.#check.judge(delivery);
      if (verdict instanceof Promise)
        verdict
          .then((given) => this.#carryOut(delivery, given, settled))
          .catch((error) => this.#refuse(delivery, error, settled));
      else this.#carryOut(delivery, verdict, settled);
    } catch (error) {
      this.#refuse(delivery, error, settled);
    }
  }

  /** Another delivery of an attempt that is in execution here. */
  #isExecuting({ subject, sequence }: Delivery): boolean {
    return this.#attempts
      .values()
      .some(({ delivery }) => delivery.sequence === sequence && delivery.subject === subject);
  }

  #refuse(delivery: Delivery, error: unknown, settled: () => void): void {
    this.#runtime.log("error", `task ${delivery.subject} could not be taken: ${messageOf(error)}`);
    delivery.nak(1000);
    settled();
  }

  #carryOut(delivery: Delivery, verdict: Verdict, settled: () => void): void {
    if (verdict.kind === "execute" && !this.#isOver && !this.#cancellations.hasCancelled(delivery.subject))
      return this.#execute(delivery, verdict.message, settled);
    if (verdict.kind === "poison") {
      const message = `delivered ${delivery.deliveries - 1} times without a result: it seems to kill its workers`;
      const outcome = failed({ kind: "poison", message });
      return this.#commit(delivery, verdict.message, outcome, undefined, this.#runtime.clock.now(), settled);
    }
    if (verdict.kind === "newer") {
      this.#runtime.log("warn", `message ${delivery.subject} is given back: it is a ${verdict.problem}`);
      // Each time later: what is handed back counts as a delivery, and must not pass for poison while workers are replaced.
      delivery.nak(Math.min(1000 * 2 ** delivery.deliveries, MOST_BACK_MS));
    } else if (verdict.kind === "unreadable") {
      // Nobody can execute it. The orchestrator wrote no such thing, so no task waits for it.
      this.#runtime.log("error", `message ${delivery.subject} is no task: ${verdict.problem}`);
      delivery.terminate();
    } else if (verdict.kind === "execute" && this.#isOver) delivery.nak();
    // What is held is kept from others by its holder's heartbeats: giving it back would only count as one more delivery.
    else if (verdict.kind !== "held") delivery.ack();
    settled();
  }

  #execute(delivery: Delivery, message: TaskMessage, settled: () => void): void {
    const worker = this.#workers.get(message.type);
    if (!worker) throw new TerminalError(`this worker has no handler for ${message.type}`);
    const attempt = new Attempt(this.#runtime, worker, delivery, message, this.#batchers.get(worker.type));
    this.#attempts.add(attempt);
    const startedAt = this.#runtime.clock.now();
    this.#runtime.live.began(attempt, startedAt);
    const finish = (outcome: Outcome | undefined) => {
      this.#attempts.delete(attempt);
      if (!outcome) {
        delivery.nak();
        return settled();
      }
      if (!outcome.error) this.#completed += Number(outcome.event !== "deferred");
      else if (outcome.error.kind !== "cancelled") this.#failed++;
      this.#commit(delivery, message, outcome, attempt, startedAt, settled);
    };
    if (tracingEnabled()) void this.#executeTraced(attempt, delivery).then(finish);
    else attempt.execute(finish);
  }

  #executeTraced(attempt: Attempt, delivery: Delivery): Promise<Outcome | undefined> {
    const { message, tenant } = attempt;
    return inAttemptSpan(
      {
        traceparent: header(delivery, "traceparent"),
        run: message.run,
        tenant,
        task: message.task,
        type: message.type,
        attempt: message.attempt,
        deliveries: delivery.deliveries,
        worker: this.#runtime.id,
        subject: delivery.subject,
      },
      () => new Promise<Outcome | undefined>((resolve) => attempt.execute(resolve)),
      (outcome) => ({
        ...(outcome?.error && { error: outcome.error }),
        ...(attempt.planned !== undefined && { planned: attempt.planned }),
      }),
    ).catch((error) => failed({ kind: "retryable", message: messageOf(error) }));
  }

  #commit(
    delivery: Delivery,
    message: TaskMessage,
    outcome: Outcome,
    attempt: Attempt | undefined,
    startedAt: number,
    settled: () => void,
  ): void {
    const { task, reply } = message;
    const { usage } = attempt ?? {};
    // By hand: neither a task's path nor a moment has anything to escape.
    const fields = `"task":"${task}","attempt":${message.attempt},"worker":${this.#name},"startedAt":"${isoTime(startedAt)}"`;
    const head = usage ? `${fields},"usage":${JSON.stringify(usage)}` : fields;
    if (outcome.event) this.#committer.addAlone(reply, outcome.event, head, outcome.json, delivery, settled);
    else this.#committer.add(reply, head, outcome.json, delivery, settled);
  }
}
