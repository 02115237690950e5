import type {
  ControlOptions,
  Marking,
  RunHandle,
  RunInput,
  RunOptions,
  RunOutput,
  RunRef,
  SignalOptions,
  Tutti,
  WatchEvent,
} from "../../app.ts";
import type { Approval, SignalAnswer } from "../../core/approval.ts";
import type { CostsBy, CostView } from "../../core/cost-view.ts";
import type { DeadLetter, DeadLetterBox } from "../../core/dead-letter.ts";
import type { Duration } from "../../core/duration.ts";
import { TuttiError } from "../../core/error.ts";
import { mayBeHeld, withHeld } from "../../core/held.ts";
import { findNonJson, type Json } from "../../core/json.ts";
import { checkOptions } from "../../core/known-options.ts";
import type { LimitControl, LimitView } from "../../core/limit-view.ts";
import { isName, NAME_EXPECTED } from "../../core/names.ts";
import { show } from "../../core/problem.ts";
import type { OrchestratorPresence, TypeRegistration, WorkerPresence } from "../../core/registration.ts";
import { DEFAULT_TENANT } from "../../core/request.ts";
import type { RunTraceAnswer } from "../../core/run-trace.ts";
import type { RunSummary } from "../../core/run-view.ts";
import type { ServiceView } from "../../core/service-view.ts";
import type { Task } from "../../define/task.ts";
import { reading, translating } from "../host/bus-failure.ts";
import type { Runtime } from "../host/runtime.ts";
import { readLog } from "../log/run-log.ts";
import { diffRuns, explainRun, readMoment, readMomentOptions, readSteps } from "../log/run-moments.ts";
import { readRun, viewRun } from "../log/run-reader.ts";
import { METHOD_OPTIONS } from "./app-options.ts";
import { Client } from "./client.ts";
import { AppRunHandle } from "./run-handle.ts";
import { watchRun } from "./run-watch.ts";

export const DEFAULT_GRACE_MS = 10_000;

/** The parts of its process that an app needs. */
export interface AppProcess {
  readonly stop: (graceMs: number) => Promise<void>;
  /** The deadline of runs that the app submits without one of their own. */
  readonly deadline?: Duration;
}

/** The result of `tutti()`: its methods over the bus of the process. */
export class App implements Tutti {
  readonly bus: string;
  readonly #runtime: Runtime;
  readonly #client: Client;
  readonly #process: AppProcess;
  #stopped: Promise<void> | undefined;

  constructor(runtime: Runtime, process: AppProcess) {
    this.bus = runtime.bus.description;
    this.#runtime = runtime;
    this.#client = new Client(runtime);
    this.#process = process;
  }

  async run<K extends Task | string>(type: K, input: RunInput<K>, options: RunOptions = {}): Promise<RunOutput<K>> {
    checkOptions("app.run()", options, METHOD_OPTIONS.run);
    const run = options.run ?? this.#runtime.clock.id();
    return (await this.#client.run(nameOf(type), inputOf(input), this.#request(options), run)) as RunOutput<K>;
  }

  async submit<K extends Task | string>(
    type: K,
    input: RunInput<K>,
    options: RunOptions = {},
  ): Promise<RunHandle<RunOutput<K>>> {
    checkOptions("app.submit()", options, METHOD_OPTIONS.run);
    const run = options.run ?? this.#runtime.clock.id();
    await this.#client.submit(nameOf(type), inputOf(input), this.#request(options), run);
    return new AppRunHandle(this, run, options.tenant ?? DEFAULT_TENANT);
  }

  #request(options: RunOptions): RunOptions {
    const { deadline } = this.#process;
    return deadline === undefined || options.deadline !== undefined ? options : { ...options, deadline };
  }

  handle<K extends Task | string = string>(
    run: string,
    options: { type?: K; tenant?: string } = {},
  ): RunHandle<RunOutput<K>> {
    checkOptions("app.handle()", options, METHOD_OPTIONS.handle);
    const { tenant } = options;
    return new AppRunHandle(this, ...placeOf(run, { ...(tenant !== undefined && { tenant }) }));
  }

  result<T>(run: RunHandle<T>, options?: { signal?: AbortSignal }): Promise<T>;
  result(run: string, options?: { tenant?: string; signal?: AbortSignal }): Promise<Json>;
  async result(ref: RunRef, options: { tenant?: string; signal?: AbortSignal } = {}): Promise<unknown> {
    checkOptions("app.result()", options, METHOD_OPTIONS.result);
    const [run, tenant] = placeOf(ref, options);
    return translating(this.#client.result(run, tenant, options.signal));
  }

  async get(ref: RunRef, options: { tenant?: string } = {}) {
    checkOptions("app.get()", options, METHOD_OPTIONS.tenant);
    const [run, tenant] = placeOf(ref, options);
    const read = async () => viewRun(this.#runtime, await readRun(this.#runtime, tenant, run));
    const view = await reading(this.#runtime.clock, read);
    return mayBeHeld(view) ? withHeld(view, await this.#client.held(run, tenant)) : view;
  }

  async list(options: { tenant?: string; limit?: number; tag?: string } = {}) {
    checkOptions("app.list()", options, METHOD_OPTIONS.runs);
    return (await this.#client.query("runs.list", { ...options })) as RunSummary[];
  }

  async *watch(ref: RunRef, options: { tenant?: string; signal?: AbortSignal } = {}): AsyncGenerator<WatchEvent> {
    checkOptions("app.watch()", options, METHOD_OPTIONS.result);
    const [run, tenant] = placeOf(ref, options);
    yield* watchRun(this.#runtime, tenant, run, options.signal);
  }

  async log(ref: RunRef, options: { tenant?: string } = {}) {
    checkOptions("app.log()", options, METHOD_OPTIONS.tenant);
    const [run, tenant] = placeOf(ref, options);
    return reading(this.#runtime.clock, () => readLog(this.#runtime, tenant, run));
  }

  async steps(ref: RunRef, options: { tenant?: string } = {}) {
    checkOptions("app.steps()", options, METHOD_OPTIONS.tenant);
    const [run, tenant] = placeOf(ref, options);
    return reading(this.#runtime.clock, () => readSteps(this.#runtime, tenant, run));
  }

  async replay(ref: RunRef, options: { tenant?: string; at?: number; until?: string | number } = {}) {
    checkOptions("app.replay()", options, METHOD_OPTIONS.replay);
    const [run, tenant] = placeOf(ref, options);
    const moment = readMomentOptions(options);
    return reading(this.#runtime.clock, () => readMoment(this.#runtime, tenant, run, moment));
  }

  async explain(ref: RunRef, options: { tenant?: string } = {}) {
    checkOptions("app.explain()", options, METHOD_OPTIONS.tenant);
    const [run, tenant] = placeOf(ref, options);
    return reading(this.#runtime.clock, () => explainRun(this.#runtime, tenant, run));
  }

  async trace(ref: RunRef, options: { tenant?: string } = {}) {
    checkOptions("app.trace()", options, METHOD_OPTIONS.tenant);
    const [run, tenant] = placeOf(ref, options);
    return (await this.#client.query("runs.trace", { run, tenant })) as RunTraceAnswer;
  }

  async diff(left: RunRef, right: RunRef, options: { tenant?: string } = {}) {
    checkOptions("app.diff()", options, METHOD_OPTIONS.tenant);
    const [run, tenant] = placeOf(left, options);
    const [other] = placeOf(right, options);
    return reading(this.#runtime.clock, () => diffRuns(this.#runtime, tenant, [run, other]));
  }

  cancel = (ref: RunRef, options: ControlOptions = {}): Promise<void> => this.#control("cancel", ref, options);
  pause = (ref: RunRef, options: ControlOptions = {}): Promise<void> => this.#control("pause", ref, options);
  resume = (ref: RunRef, options: ControlOptions = {}): Promise<void> => this.#control("resume", ref, options);

  async mark(ref: RunRef, task: string, as: Marking, options: Omit<ControlOptions, "task"> = {}): Promise<void> {
    checkOptions("app.mark()", options, METHOD_OPTIONS.mark);
    checkOptions("app.mark()", as, METHOD_OPTIONS.marking);
    const [run, tenant] = placeOf(ref, options);
    await this.#client.query("runs.mark", { ...options, ...as, task, run, tenant } as unknown as Json);
  }

  async #control(verb: "cancel" | "pause" | "resume", ref: RunRef, options: ControlOptions): Promise<void> {
    checkOptions(`app.${verb}()`, options, METHOD_OPTIONS.control);
    const [run, tenant] = placeOf(ref, options);
    await this.#client.query(`runs.${verb}`, { ...options, run, tenant });
  }

  async signal(
    ref: RunRef,
    to: string,
    data?: Json,
    options: SignalOptions & { tenant?: string } = {},
  ): Promise<SignalAnswer> {
    checkOptions("app.signal()", options, METHOD_OPTIONS.signal);
    const [run, tenant] = placeOf(ref, options);
    const odd = data === undefined ? undefined : findNonJson(data);
    if (odd) throw new TuttiError(400, `the signal's data is not JSON: ${odd}`);
    // With an id it counts once when it is repeated.
    const sent = { id: this.#runtime.clock.id(), ...options, run, tenant, to };
    return this.#client.query("runs.signal", { ...sent, ...(data !== undefined && { data }) });
  }

  async approvals(options: { tenant?: string; limit?: number } = {}): Promise<Approval[]> {
    checkOptions("app.approvals()", options, METHOD_OPTIONS.list);
    return this.#client.query("approvals.list", { ...options });
  }

  readonly dead: DeadLetterBox = {
    list: async (options = {}) => {
      checkOptions("app.dead.list()", options, METHOD_OPTIONS.list);
      return (await this.#client.query("dead.list", { ...options })) as DeadLetter[];
    },
    get: async (id, options = {}) => {
      checkOptions("app.dead.get()", options, METHOD_OPTIONS.tenant);
      return (await this.#client.query("dead.get", { id, ...options })) as DeadLetter;
    },
    redrive: async (id, options = {}) => {
      checkOptions("app.dead.redrive()", options, METHOD_OPTIONS.redrive);
      return this.#client.redrive(id, options);
    },
    drop: async (id, options = {}) => {
      checkOptions("app.dead.drop()", options, METHOD_OPTIONS.tenant);
      await this.#client.query("dead.drop", { id, ...options });
    },
  };

  readonly limits: LimitControl = {
    list: async () => (await this.#client.query("limits.list", {})) as LimitView[],
    set: async (limit, options) => {
      checkOptions("app.limits.set()", options, METHOD_OPTIONS.limit);
      return (await this.#client.query("limits.set", { limit, ...options })) as LimitView[];
    },
    remove: async (limit, options = {}) => {
      checkOptions("app.limits.remove()", options, METHOD_OPTIONS.tenant);
      await this.#client.query("limits.remove", { limit, ...options });
    },
  };

  costs = async (options: { tenant?: string; by?: CostsBy; since?: string } = {}) => {
    checkOptions("app.costs()", options, METHOD_OPTIONS.costs);
    return (await this.#client.query("costs.list", options)) as CostView[];
  };
  models = async () => (await this.#client.query("models.list", {})) as ServiceView[];
  workers = async () => (await this.#client.query("workers.list", {})) as WorkerPresence[];
  orchestrators = async () => (await this.#client.query("orchestrators.list", {})) as OrchestratorPresence[];
  types = async (): Promise<TypeRegistration[]> => this.#runtime.types.list();
  putBlob = (data: Uint8Array): Promise<string> => translating(this.#runtime.blobs.put(data));

  async stop(options: { graceMs?: number } = {}): Promise<void> {
    checkOptions("app.stop()", options, METHOD_OPTIONS.stop);
    this.#stopped ??= this.#process.stop(options.graceMs ?? DEFAULT_GRACE_MS);
    return this.#stopped;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

function nameOf(type: Task | string): string {
  const name: unknown = typeof type === "string" ? type : type?.type;
  if (typeof name === "string") return name;
  throw new TuttiError(400, `expected a contract or the name of a task type, received ${show(type)}`);
}

/** The input of a request. A missing one is `{}`, as in a plan. */
const inputOf = (input: unknown): Json => (input === undefined ? {} : input) as Json;

/** Checks an id. Ids become tokens of subjects, so one that is not a valid name would address something else. */
function checkedName(what: string, id: string): string {
  if (!isName(id)) throw new TuttiError(400, `${what} ${JSON.stringify(id)}: expected ${NAME_EXPECTED}`);
  return id;
}

/** The id and tenant of a run. A stated tenant takes precedence over that of a handle. */
function placeOf(ref: RunRef, stated: { readonly tenant?: string }): [run: string, tenant: string] {
  const isHandle = typeof ref === "object" && ref !== null;
  const tenant = stated.tenant ?? (isHandle ? ref.tenant : DEFAULT_TENANT);
  return [checkedName("run", isHandle ? ref.run : ref), checkedName("tenant", tenant)];
}
