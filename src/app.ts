/// <reference lib="esnext.disposable" preserve="true" />
import type { Approval, SignalAnswer } from "./core/approval.ts";
import type { CostsBy, CostView } from "./core/cost-view.ts";
import type { DeadLetterBox } from "./core/dead-letter.ts";
import type { Duration } from "./core/duration.ts";
import type { Explanation } from "./core/explanation.ts";
import type { Json } from "./core/json.ts";
import type { LimitControl } from "./core/limit-view.ts";
import type { ModelsInput } from "./core/models-settings.ts";
import type { RetryInput } from "./core/policy.ts";
import type { OrchestratorPresence, TypeRegistration, WorkerPresence } from "./core/registration.ts";
import type { RunDifference } from "./core/run-difference.ts";
import type { RunMoment, RunStep } from "./core/run-step.ts";
import type { RunTraceAnswer } from "./core/run-trace.ts";
import type { RunSummary, RunView } from "./core/run-view.ts";
import type { ServiceView } from "./core/service-view.ts";
import type { LogEntry, WatchEvent } from "./core/watch-event.ts";
import type { Task, TaskInput, TaskOutput } from "./define/task.ts";
import type { Worker } from "./define/worker.ts";
import type { ControlOptions, Marking, RunOptions, SignalOptions } from "./run-options.ts";

export type { LogEntry, WatchEvent } from "./core/watch-event.ts";

export type { ControlOptions, Marking, RunOptions, SignalOptions } from "./run-options.ts";

/** What a run of this type takes: by its contract's schema, or any JSON for a type that is named. */
export type RunInput<K> = K extends Task ? TaskInput<K> : Json;
/** What a run of this type returns. */
export type RunOutput<K> = K extends Task ? TaskOutput<K> : Json;

/** A run of a known output, here or elsewhere. Wherever an id is wanted, the handle stands for it. */
export interface RunHandle<out T = Json> {
  /** The run's id. */
  readonly run: string;
  /** Of the run. */
  readonly tenant: string;
  /** Waits for the end. Resolves with the output; rejects as {@link Tutti.run} does. */
  result(options?: { signal?: AbortSignal }): Promise<T>;
  watch(options?: { signal?: AbortSignal }): AsyncIterable<WatchEvent>;
  /** `task`: only that task, and what is below it. */
  cancel(options?: Omit<ControlOptions, "tenant">): Promise<void>;
  /** See {@link Tutti.pause}. */
  pause(options?: Omit<ControlOptions, "tenant">): Promise<void>;
  /** See {@link Tutti.resume}. */
  resume(options?: Omit<ControlOptions, "tenant">): Promise<void>;
  /** See {@link Tutti.mark}. */
  mark(task: string, as: Marking, options?: Omit<ControlOptions, "tenant" | "task">): Promise<void>;
  /** See {@link Tutti.signal}. */
  signal(to: string, data?: Json, options?: SignalOptions): Promise<SignalAnswer>;
  /** The run as it stands. */
  get(): Promise<RunView>;
  /** The run's id, as in `${handle}`. */
  toString(): string;
  /** The run's id, as in a message. */
  toJSON(): string;
}

/** A run, by its id or its handle. */
export type RunRef = string | RunHandle<unknown>;

/**
 * Tutti as a program uses it. Every method rejects with a {@link TuttiError}.
 *
 * @example
 * ```ts
 * await using app: Tutti = await tutti({ workers: [greet] });
 * const { greeting } = await app.run(greet, { name: "Ada" });
 * ```
 */
export interface Tutti {
  /** Which bus it is on, for people: `memory`, `nats://127.0.0.1:4222 (2.9.10)`. */
  readonly bus: string;
  /**
   * Runs a type, by its contract (`task()` or `worker()`) or its name, to the end and returns the output. Rejects with 400,
   * 404, 409, 503 (nothing was started), 408, 422 or 499.
   */
  run<const K extends Task | string>(type: K, input: RunInput<K>, options?: RunOptions): Promise<RunOutput<K>>;
  /** Returns the run's handle once the run is durable. Rejects with 400, 404, 409 or 503: nothing was started. */
  submit<const K extends Task | string>(
    type: K,
    input: RunInput<K>,
    options?: RunOptions,
  ): Promise<RunHandle<RunOutput<K>>>;
  /** The handle of a run that was submitted elsewhere, of a known type or of any. Asks nobody whether there is one. */
  handle<const K extends Task | string = string>(
    run: string,
    options?: { type?: K; tenant?: string },
  ): RunHandle<RunOutput<K>>;
  /** Waits for the end of a run that was submitted, here or elsewhere. */
  result<T>(run: RunHandle<T>, options?: { signal?: AbortSignal }): Promise<T>;
  result(run: string, options?: { tenant?: string; signal?: AbortSignal }): Promise<Json>;
  get(run: RunRef, options?: { tenant?: string }): Promise<RunView>;
  /** Newest first; with `tag`, those alone that have it. Default: 50 of them. */
  list(options?: { tenant?: string; limit?: number; tag?: string }): Promise<RunSummary[]>;
  watch(run: RunRef, options?: { tenant?: string; signal?: AbortSignal }): AsyncIterable<WatchEvent>;
  log(run: RunRef, options?: { tenant?: string }): Promise<LogEntry[]>;
  /** What each event of a run's log changed, and why. */
  steps(run: RunRef, options?: { tenant?: string }): Promise<RunStep[]>;
  /**
   * The run as it stood: after the event `at` (its sequence in the log), or at the time `until` (ISO 8601, or ms since the
   * epoch). Default: after its last event. Rejects with 400 for a moment before the run began.
   */
  replay(run: RunRef, options?: { tenant?: string; at?: number; until?: string | number }): Promise<RunMoment>;
  /** Why a run is as it is: what failed first, what waits for what, where the time and the tokens went. */
  explain(run: RunRef, options?: { tenant?: string }): Promise<Explanation>;
  /**
   * Where the run can be looked at in a trace viewer. Of a run that goes on, the orchestrator that answers exports a snapshot, a
   * trace apart. Rejects with 409 when it exports no spans.
   */
  trace(run: RunRef, options?: { tenant?: string }): Promise<RunTraceAnswer>;
  /** Compares two runs of one tenant task by task, by path. */
  diff(left: RunRef, right: RunRef, options?: { tenant?: string }): Promise<RunDifference>;
  /**
   * Cancels the run; with `task`, a path, only that task and what is below it: that is a failure of the kind `cancelled`,
   * which is never tried again. Rejects with 404, or 409 when it is over.
   */
  cancel(run: RunRef, options?: ControlOptions): Promise<void>;
  /**
   * Nothing of the run, or of the `task` and what is below it, starts until it is resumed; what a worker executes goes on, and its
   * result counts. Deadlines run on, and count at the end of the pause. Rejects with 404, or 409 when it is over.
   */
  pause(run: RunRef, options?: ControlOptions): Promise<void>;
  /** Ends the pause of the run, or of exactly that `task`. Rejects with 404, or 409 when it was not paused. */
  resume(run: RunRef, options?: ControlOptions): Promise<void>;
  /**
   * Says from outside how a task that is not over has ended: with an output, left out, or failed. Its attempt is withdrawn and its
   * handler aborted; nothing is tried again. Rejects with 400 for an output that the type's schema refuses, with 404, or 409
   * when the task is over.
   *
   * @example
   * ```ts
   * await app.mark(run, "review/legal", { output: { ok: true } }, { by: "ada" });
   * ```
   */
  mark(run: RunRef, task: string, as: Marking, options?: Omit<ControlOptions, "task">): Promise<void>;
  /**
   * Answers what a run waits for: `to` is the path of the task that waits, or the name of the signal, which the oldest open wait
   * of that name takes. One that comes early is kept, and used once. Rejects with 400 when `data` (default: null) is not what is
   * asked for, 404, or 409 when the run has ended, or the task waits no more.
   *
   * @example
   * ```ts
   * await app.signal(run, "approve", { ok: true }, { by: "ada" });
   * ```
   */
  signal(
    run: RunRef,
    to: string,
    data?: Json,
    options?: SignalOptions & { readonly tenant?: string },
  ): Promise<SignalAnswer>;
  /** What the runs of a tenant wait for of people or other programs: open waits for signals, the oldest first. Default: 50. */
  approvals(options?: { tenant?: string; limit?: number }): Promise<Approval[]>;
  /** Tasks that have failed their runs, and stored requests that can never be started. */
  readonly dead: DeadLetterBox;
  /** How much may run at once, and how often it may begin. */
  readonly limits: LimitControl;
  workers(): Promise<WorkerPresence[]>;
  /**
   * What calls of models took, the dearest first, as far as the log goes back: by model (the default), run, type, or
   * tenant (then of all tenants). `since` is a duration before now (`24h`) or a time.
   */
  costs(options?: { tenant?: string; by?: CostsBy; since?: string }): Promise<CostView[]>;
  /** The models, and other services behind breakers, that workers call: how they stand, their load and limits. */
  models(): Promise<ServiceView[]>;
  orchestrators(): Promise<OrchestratorPresence[]>;
  types(): Promise<TypeRegistration[]>;
  /** Stores content on the bus and returns its reference, for inputs that carry a file. */
  putBlob(data: Uint8Array): Promise<string>;
  /** Stops taking work, finishes or hands back what is in hand within `graceMs` (default 10,000), and disconnects. */
  stop(options?: { graceMs?: number }): Promise<void>;
  /** {@link stop}, for `await using`. */
  [Symbol.asyncDispose](): Promise<void>;
}

/** A run that begins or ends, as the process that owns it sees it. */
export interface RunNotice {
  readonly run: string;
  readonly tenant: string;
  readonly type: string;
  /** Milliseconds since the epoch. */
  readonly submittedAt: number;
  /** Undefined while it runs. */
  readonly ended?: {
    readonly status: "succeeded" | "failed" | "cancelled";
    readonly at: number;
    readonly error?: string;
    readonly tasks: number;
  };
}

/**
 * What a stream may hold. 0: no limit. Bytes are reserved by the server: `10GiB`, `512MB`, or a number; 2 MiB at least, and 4
 * messages of the log, 2 tasks.
 */
export interface StreamLimit {
  readonly messages?: number;
  readonly bytes?: number | string;
}

/**
 * Nothing that was accepted is lost when a limit is reached: what is new is refused with code 503, or waits in its stream.
 * The limits of streams hold for all processes; left out, what is there stays, and what is new gets the default.
 */
export interface Limits {
  /** Runs under way in this orchestrator. Default 10,000. */
  readonly runs?: number;
  /** Tasks of one type and priority that this orchestrator has on the queue at once. Default 20,000. */
  readonly queued?: number;
  /** Default 50,000,000 messages. A fifth is kept for runs that were accepted. */
  readonly log?: StreamLimit;
  /** Default 1,000,000 messages. */
  readonly tasks?: StreamLimit;
  /** Stored requests. Default 1,000,000 messages. */
  readonly requests?: StreamLimit;
  /** Dead letters: when it is full, the oldest go. Default 100,000 messages. */
  readonly dead?: StreamLimit;
  /** What is too large for a message. Default: no limit but the server's. */
  readonly blobs?: { readonly bytes?: number | string };
}

/**
 * What holds for a whole application where nothing else is stated. State the same in each of its processes: the types'
 * defaults are those of the process whose workers execute them, the deadline is that of the process that submits.
 *
 * @example
 * ```ts
 * const defaults: Defaults = { retry: { attempts: 5, delay: "1s" }, timeout: "2m", deadline: "1h" };
 * const app = await tutti({ workers, defaults });
 * ```
 */
export interface Defaults {
  /** Of the task types of this process, field by field. Default: 3 attempts, exponential from 500 ms up to 30 s. */
  readonly retry?: RetryInput;
  /** Of one attempt of the task types of this process. Default: none. */
  readonly timeout?: Duration;
  /** Of the runs that this process submits. Default: none. */
  readonly deadline?: Duration;
}

export interface TuttiOptions {
  /** Task types this process executes. */
  readonly workers?: readonly Worker[];
  /** NATS server URL(s), comma separated. Default: in process, no server, nothing durable. */
  readonly bus?: string;
  /** Whether this process orchestrates. Default: true. With `false` and no workers it is a client only. */
  readonly orchestrator?: boolean;
  /**
   * Attempts that this process executes at once, over all its types. Default: no limit of the process; a type's own
   * `concurrency` holds, and the types without one share 16.
   */
  readonly concurrency?: number;
  /** What holds where a task type, a plan or a request states nothing. */
  readonly defaults?: Defaults;
  /** The folder under which handlers may open files. Default: none. Embedded (no `bus`): the current folder. */
  readonly files?: string;
  /** Name of this process among workers and orchestrators. Default: host, pid and a random part. */
  readonly id?: string;
  readonly prefix?: string;
  /** Shards of the log, fixed when it is created. Default 16. */
  readonly shards?: number;
  /** Copies of every stream and bucket, in a cluster of servers: 1 to 5. Default: what is there stays, what is new has 1. */
  readonly replicas?: number;
  /**
   * How long the log and its blobs are kept, `7d` by default; what was stated last holds for all that state nothing. A run
   * may take longer: its owner carries what is needed of it. Somebody has to orchestrate at least every half of it.
   */
  readonly maxAge?: Duration;
  /**
   * How soon silence is noticed, in milliseconds. `ackWaitMs`: a task is delivered again when its worker says nothing for
   * this long (default 30,000). `presenceTtlMs`: the lease of an orchestrator's shards, and of a worker's name (default
   * 5000): the shards of one that says nothing are another's then. All processes on one bus must be given the same.
   * One that is given another lease than those who are alive takes theirs, and warns.
   */
  readonly timing?: { readonly ackWaitMs?: number; readonly presenceTtlMs?: number };
  /** What is kept within bounds. */
  readonly limits?: Limits;
  /** Where NATS_*, TUTTI_*, OPENAI_* are read. Default `process.env`. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /**
   * Endpoints and models, as in `tutti.models.yaml`, or the path of such a file. Default: the file that `TUTTI_MODELS`
   * names, `tutti.models.yaml` in the current folder, or the one endpoint of OPENAI_* and ANTHROPIC_API_KEY.
   */
  readonly models?: string | ModelsInput;
  /** Called when a run that this process orchestrates begins (`ended` undefined) or ends. */
  readonly onRun?: (run: RunNotice) => void;
  /** Diagnostics, one line each. Default: nothing is printed. */
  readonly onLog?: (level: "debug" | "info" | "warn" | "error", message: string) => void;
}
