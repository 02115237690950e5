import type { RunNotice } from "../app.ts";
import type { Stoppable } from "../bus/port.ts";
import { messageOf } from "../core/error.ts";
import { type Ended, VERSION } from "../core/event.ts";
import type { OrchestratorPresence } from "../core/registration.ts";
import type { RunState } from "../fold/run-state.ts";
import { stateOf } from "../fold/task-record.ts";
import { tracingEnabled } from "../telemetry/attempt-span.ts";
import { recordRun } from "../telemetry/record-run.ts";
import { taskTraceparent } from "../telemetry/trace-context.ts";
import { Dispatcher } from "./dispatcher.ts";
import { DurableRequests } from "./durable-requests.ts";
import { finishedRun } from "./finished-run.ts";
import { Gateway } from "./gateway.ts";
import type { Host } from "./host.ts";
import { LogWriter } from "./log-writer.ts";
import { Presence } from "./presence.ts";
import { queryEndpoints } from "./queries.ts";
import { ShardOwner } from "./shard-owner.ts";
import { Withdrawals } from "./withdrawals.ts";

export interface OrchestratorOptions {
  /** Called when a run this process owns begins or ends. */
  readonly onRun?: (run: RunNotice) => void;
}

/** One orchestrator process: owns shards, dispatches what has become ready, and is a gateway for requests. */
export class Orchestrator {
  readonly #host: Host;
  readonly #options: OrchestratorOptions;
  readonly #owners: ShardOwner[];
  readonly #dispatcher: Dispatcher;
  readonly #writer: LogWriter;
  readonly #withdrawals: Withdrawals;
  readonly #gateway: Gateway;
  readonly #requests: DurableRequests;
  readonly #traces = new Set<Promise<void>>();
  #service: Stoppable | undefined;
  #presence: Presence | undefined;

  constructor(host: Host, options: OrchestratorOptions = {}) {
    this.#host = host;
    this.#options = options;
    this.#writer = new LogWriter(host);
    this.#dispatcher = new Dispatcher(host, {
      admit: () => true,
      // A process that exports nothing hands the caller's context on, or workers that do export would be orphans.
      traceparentOf: ({ run, id }) =>
        tracingEnabled() ? taskTraceparent(run.run, id, run.submitted.trace) : run.submitted.trace,
      caughtUp: async ({ run }) => this.#owners[run.shard]?.caughtUp(),
      fail: (task, attempt, error) => {
        const result = { task: task.id, attempt, worker: host.id, error };
        this.#writer.write(task.run, "result", { v: VERSION, results: [result] }, () => stateOf(task) === "dispatched");
      },
    });
    this.#withdrawals = new Withdrawals(host, () => this.#dispatcher);
    const seams = {
      dispatcher: this.#dispatcher,
      writer: this.#writer,
      withdrawals: this.#withdrawals,
      onSubmitted: (run: RunState) => options.onRun?.(notice(run)),
      onEnded: (run: RunState, ended: Ended, at: number) => this.#ended(run, ended, at),
    };
    // One orchestrator owns all shards, for now.
    this.#owners = Array.from({ length: host.shards }, (_, shard) => new ShardOwner(host, shard, seams));
    this.#gateway = new Gateway(host);
    this.#requests = new DurableRequests(host);
  }

  /** Resolves when the log has been replayed, unfinished runs go on, and requests are answered. */
  async start(): Promise<void> {
    const { bus, topology, clock, log, id } = this.#host;
    await Promise.all(this.#owners.map((owner) => owner.start()));
    const workers = await bus.bucket(topology.buckets.workers);
    const orchestrators = await bus.bucket(topology.buckets.orchestrators);
    const since = new Date(clock.now()).toISOString();
    const describe = (): OrchestratorPresence => ({
      v: 1,
      orchestrator: id,
      since,
      shards: this.#owners.map((owner) => owner.shard),
      runs: this.runs,
    });
    this.#presence = new Presence(orchestrators, id, describe, { clock, log, ttlMs: topology.presenceTtlMs });
    await this.#presence.start();
    const { prefix } = topology.subjects;
    const context = { host: this.#host, ownerOf: (shard: number) => this.#owners[shard], workers, orchestrators };
    this.#service = await bus.serve({
      name: prefix,
      version: "0.1.0",
      description: "Tutti: runs tasks that return a value or a plan",
      endpoints: [
        { name: "run", subject: `${prefix}.run.>`, handler: (message) => this.#gateway.run(message) },
        { name: "submit", subject: `${prefix}.submit.>`, handler: (message) => this.#gateway.submit(message) },
        ...queryEndpoints(context),
      ],
    });
    await this.#requests.start();
  }

  /** Unfinished runs that this process owns. */
  get runs(): number {
    return this.#owners.reduce((sum, owner) => sum + owner.runs.size, 0);
  }

  /** Takes no more requests, stores what it was about to write, and gives its shards back. */
  async stop(): Promise<void> {
    await this.#service?.stop();
    await this.#requests.stop();
    this.#gateway.stop();
    await Promise.all(this.#owners.map((owner) => owner.stop()));
    await Promise.all([this.#dispatcher.stop(), this.#writer.stop(), this.#withdrawals.stop()]);
    await this.#presence?.stop();
    await Promise.allSettled(this.#traces);
  }

  #ended(run: RunState, ended: Ended, at: number): void {
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
