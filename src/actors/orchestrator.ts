import type { Limits, RunNotice } from "../app.ts";
import type { Message, Stoppable } from "../bus/port.ts";
import { messageOf } from "../core/error.ts";
import { type Ended, VERSION } from "../core/event.ts";
import type { RunState } from "../fold/run-state.ts";
import { runKey } from "../fold/run-state.ts";
import { stateOf } from "../fold/task-record.ts";
import { tracingEnabled } from "../telemetry/attempt-span.ts";
import { recordRun } from "../telemetry/record-run.ts";
import { taskTraceparent } from "../telemetry/trace-context.ts";
import { Admission } from "./admission.ts";
import { DeadLetters } from "./dead-letters.ts";
import { Dispatcher } from "./dispatcher.ts";
import { DurableRequests } from "./durable-requests.ts";
import { finishedRun } from "./finished-run.ts";
import { Gateway, isInbox } from "./gateway.ts";
import type { Host } from "./host.ts";
import { LogWriter } from "./log-writer.ts";
import { queryEndpoints } from "./queries.ts";
import { QueueGate } from "./queue-gate.ts";
import { answerOf } from "./run-answer.ts";
import { RunLoad } from "./run-load.ts";
import { Shards } from "./shards.ts";
import { Withdrawals } from "./withdrawals.ts";

export interface OrchestratorOptions {
  /** Called when a run this process owns begins or ends. */
  readonly onRun?: (run: RunNotice) => void;
  readonly limits?: Pick<Limits, "runs" | "queued">;
}

const DEFAULT_RUNS = 10_000;
const DEFAULT_QUEUED = 20_000;

/** One orchestrator process: owns shards, dispatches what has become ready, and is a gateway for requests. */
export class Orchestrator {
  readonly #host: Host;
  readonly #options: OrchestratorOptions;
  readonly #shards: Shards;
  readonly #dispatcher: Dispatcher;
  readonly #writer: LogWriter;
  readonly #withdrawals: Withdrawals;
  readonly #letters: DeadLetters;
  readonly #gateway: Gateway;
  readonly #requests: DurableRequests;
  readonly #traces = new Set<Promise<void>>();
  #service: Stoppable | undefined;

  constructor(host: Host, options: OrchestratorOptions = {}) {
    this.#host = host;
    this.#options = options;
    this.#writer = new LogWriter(host);
    this.#dispatcher = new Dispatcher(host, {
      holds: () => this.#shards.holds,
      epochOf: (shard) => this.#shards.epochOf(shard),
      // A process that exports nothing hands the caller's context on, or workers that do export would be orphans.
      traceparentOf: ({ run, id }) =>
        tracingEnabled() ? taskTraceparent(run.run, id, run.submitted.trace) : run.submitted.trace,
      caughtUp: async ({ run }) => this.#shards.ownerOf(run.shard)?.caughtUp(),
      fail: (task, attempt, error) => {
        const result = { task: task.id, attempt, worker: host.id, error };
        this.#writer.write(task.run, "result", { v: VERSION, results: [result] }, () => stateOf(task) === "dispatched");
      },
    });
    this.#withdrawals = new Withdrawals(host, () => this.#dispatcher);
    this.#letters = new DeadLetters(host, (task) => this.#dispatcher.envelopeOf(task));
    const { runs = DEFAULT_RUNS, queued = DEFAULT_QUEUED } = options.limits ?? {};
    const load = new RunLoad(host.id, runs, () => this.#shards);
    const seams = {
      dispatcher: this.#dispatcher,
      gate: new QueueGate(this.#dispatcher, queued),
      writer: this.#writer,
      withdrawals: this.#withdrawals,
      letters: this.#letters,
      onSubmitted: (run: RunState) => {
        load.left(run.shard, runKey(run.tenant, run.run));
        options.onRun?.(notice(run));
      },
      onLive: (shard: number) => load.known(shard),
      onGivenUp: (shard: number, runs: number) => load.givenUp(shard, runs),
      onEnded: (run: RunState, ended: Ended, at: number) => this.#ended(run, ended, at),
      answer: (run: RunState, ended: Ended) => void this.#answer(run, ended),
    };
    this.#shards = new Shards(host, seams, load);
    const admission = new Admission(host, load);
    this.#gateway = new Gateway(host, admission);
    this.#requests = new DurableRequests(host, admission);
  }

  /** Resolves when the shards that are free have been replayed, their unfinished runs go on, and requests are answered. */
  async start(): Promise<void> {
    const { bus, topology } = this.#host;
    const workers = await bus.bucket(topology.buckets.workers);
    const orchestrators = await bus.bucket(topology.buckets.orchestrators);
    await this.#shards.start();
    const { prefix } = topology.subjects;
    const context = { host: this.#host, shards: this.#shards, workers, orchestrators };
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
  }

  /** Takes no more requests, stores what it was about to write, and gives its shards back. */
  async stop(): Promise<void> {
    await this.#service?.stop();
    await this.#requests.stop();
    this.#gateway.stop();
    await this.#shards.stop();
    await Promise.all([this.#dispatcher.stop(), this.#writer.stop(), this.#withdrawals.stop(), this.#letters.stop()]);
    await Promise.allSettled(this.#traces);
  }

  #guard(message: Message, handler: (message: Message) => void): void {
    const { topology, log } = this.#host;
    if (message.replyTo === undefined || isInbox(message.replyTo, topology.subjects.prefix)) return handler(message);
    log("warn", `a request on ${message.subject} wants its answer on ${message.replyTo}, which is no inbox: refused`);
  }

  async #answer({ run, submitted }: RunState, ended: Ended): Promise<void> {
    const { data, headers } = await answerOf(this.#host, run, ended);
    try {
      this.#host.bus.publish(submitted.replyTo!, data, headers);
    } catch (error) {
      this.#host.log("warn", `who waits for run ${run} could not be answered: ${messageOf(error)}`);
    }
  }

  #ended(run: RunState, ended: Ended, at: number): void {
    this.#requests.wake();
    const error = ended.error && { error: ended.error.message };
    const end = { status: ended.status, at, ...error, tasks: ended.totals.tasks };
    this.#options.onRun?.({ ...notice(run), ended: end });
    if (!tracingEnabled()) return;
    const recorded = recordRun(finishedRun(run, ended, at)).catch((error) => {
      this.#host.log("warn", `the trace of run ${run.run} could not be written: ${messageOf(error)}`);
    });
    this.#traces.add(recorded);
    void recorded.then(() => this.#traces.delete(recorded));
  }
}

const notice = ({ run, tenant, submitted, submittedAt }: RunState): RunNotice => ({
  run,
  tenant,
  type: submitted.type,
  submittedAt,
});
