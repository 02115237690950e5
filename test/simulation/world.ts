import { ShardOwner } from "../../src/actors/shard/shard-owner.ts";
import type { Limits, TuttiOptions } from "../../src/app.ts";
import { createMemoryBroker, type MemoryBroker } from "../../src/bus/memory/bus.ts";
import type { Delivery, Message } from "../../src/bus/port.ts";
import { createTopology } from "../../src/bus/topology.ts";
import { decodeJson } from "../../src/core/json.ts";
import type { SettledQuery } from "../../src/core/query.ts";
import { createVirtualClock, type VirtualClock } from "../../src/core/virtual-clock.ts";
import type { HandlerContext } from "../../src/define/worker.ts";
import { Auditor, type Taken } from "./auditor.ts";
import { Chance } from "./chance.ts";
import { createHandlers, type Probe } from "./handlers.ts";
import { Requests } from "./requests.ts";
import { type Life, type ProcessHost, SimulatedProcess } from "./simulated-process.ts";
import { Trace } from "./trace.ts";
import { Trouble } from "./trouble.ts";
import { Violation } from "./violation.ts";
import { FAULTS, type Fault, isCalm, isMild, randomWeather, Sky, type Weather } from "./weather.ts";
import { lingeringRun, randomRuns, randomTypes, type SimulatedRun, type SimulatedType } from "./workload.ts";

const START_MS = Date.UTC(2025, 0);
const TIMING = { ackWaitMs: 6000, presenceTtlMs: 3000 };
/** Bad weather lasts this long; what has not ended then must end in good weather, in some minutes. */
const TROUBLED_MS = 40_000;
const LIMIT_MS = 900_000;
/** In some worlds the log is kept so long only, and some runs take longer. Nobody is without an owner for half of it. */
const MAX_AGE_MS = 120_000;
const AGEING_EVERY = 10;

/** Whether the log's age is short in the world of that seed. */
export const isAgeing = (seed: number): boolean => seed % AGEING_EVERY === 0;

export interface Report {
  readonly seed: number;
  readonly violation: Violation | undefined;
  readonly trace: Trace;
  readonly virtualMs: number;
  readonly steps: number;
  readonly runs: number;
  readonly executions: number;
  readonly repeated: number;
}

export interface SimulationOptions {
  /** What may go wrong. Default: everything. */
  readonly faults?: readonly Fault[];
  readonly onLine?: (line: string) => void;
}

/** One world: all that happens in it follows from its seed. */
export class World implements ProcessHost {
  readonly seed: number;
  readonly clock: VirtualClock;
  readonly chance: Chance;
  readonly broker: MemoryBroker;
  readonly journal: Trace;
  readonly namesArmers: boolean;
  readonly options: TuttiOptions;
  /** Whether runs outlive the log's age here. */
  readonly isAgeing: boolean;
  readonly weather: Weather;
  readonly sky: Sky;
  readonly types: readonly SimulatedType[];
  readonly runs: readonly SimulatedRun[];
  readonly auditor: Auditor;
  readonly #auditBus;
  readonly #trouble: Trouble;
  readonly #client: SimulatedProcess;
  readonly #processes: readonly SimulatedProcess[];
  readonly #running = new Map<Life, Map<string, number>>();
  readonly #taken = new Map<Life, Map<string, Taken>>();
  /** What each life has in execution, as `run task attempt`. */
  readonly #executing = new Map<Life, Map<string, number>>();
  readonly #killed = new Set<string>();
  #steps = 0;

  constructor(seed: number, { faults = FAULTS, onLine }: SimulationOptions = {}) {
    this.seed = seed;
    this.clock = createVirtualClock({ seed, startMs: START_MS });
    this.chance = new Chance(() => this.clock.random());
    this.journal = new Trace(() => this.clock.monotonic());
    this.journal.onLine = onLine;
    this.namesArmers = onLine !== undefined;
    this.weather = randomWeather(this.chance, faults);
    this.sky = new Sky(this.weather, this.chance, () => this.clock.monotonic());
    this.types = randomTypes(this.chance);
    const runs = randomRuns(this.chance, this.types, TROUBLED_MS / 2);
    const limits = this.chance.happens(0.5) ? randomLimits(this.chance) : {};
    this.options = { env: {}, shards: this.chance.pick([1, 2, 4, 8]), timing: TIMING, limits };
    this.isAgeing = isAgeing(seed);
    if (this.isAgeing) {
      // Two runs that take minutes must not keep the others waiting for minutes.
      this.options = { ...this.options, maxAge: MAX_AGE_MS, limits: { ...limits, runs: 10 } };
      for (let i = 0; i < 2; i++) runs.push(lingeringRun(this.chance, this.types, `long${i}`));
    }
    this.runs = runs;
    this.broker = createMemoryBroker({ clock: this.clock, faults: this.sky.faults });
    const topology = createTopology(this.isAgeing ? { ...TIMING, maxAgeMs: MAX_AGE_MS } : TIMING);
    this.#auditBus = this.broker.connect();
    this.auditor = new Auditor(this.#auditBus, topology, this.clock, this.runs, this.types);
    this.auditor.isMild = isMild(this.weather) && !this.isAgeing;
    this.auditor.executing = (attempt) => {
      for (const [{ id, pausable }, attempts] of this.#executing) {
        const since = attempts.get(attempt);
        if (pausable.isRunning && since !== undefined) return { worker: id, since };
      }
      return undefined;
    };
    this.#client = new SimulatedProcess(this, "client", "client");
    const orchestrators = [...this.#orchestrators()];
    // What two owners have let in can be told apart only by what each of them knows.
    if (isCalm(this.weather) && !this.isAgeing && orchestrators.length === 1) this.auditor.limits = limits;
    const victims = [...orchestrators, ...this.#workers()];
    this.#processes = [...victims.toReversed()];
    this.#trouble = new Trouble(this, TIMING, victims);
  }

  trace = (what: string): void => this.journal.add(what);

  complain(violation: Violation): void {
    this.auditor.violation ??= violation;
  }

  uplinkDelayMs = (): number => this.sky.uplinkDelayMs();

  skewMs = (): number => this.chance.int(-this.weather.skewMs, this.weather.skewMs);

  *#orchestrators(): Generator<SimulatedProcess> {
    const count = this.chance.int(1, 3);
    for (let i = 1; i <= count; i++) yield new SimulatedProcess(this, "orchestrator", `o${i}`);
  }

  *#workers(): Generator<SimulatedProcess> {
    const count = this.chance.int(1, 4);
    for (let i = 1; i <= count; i++) {
      // The first executes everything, so that nothing waits for ever.
      const types = i === 1 ? this.types : this.chance.some(this.types, 0.7);
      if (types.length === 0) continue;
      const process: SimulatedProcess = new SimulatedProcess(this, "worker", `w${i}`, {
        concurrency: this.chance.int(1, 6),
        workers: (life) => createHandlers(types, life.clock, this.#probe(process, life)),
      });
      yield process;
    }
  }

  observe(process: SimulatedProcess, life: Life) {
    const taken = new Map<string, Taken>();
    this.#taken.set(life, taken);
    const keyOf = (subject: string) => subject.split(".").slice(-3).join(" ");
    return {
      sending: (operation: string, subject: string) => {
        this.trace(`${life.id} ${operation} ${subject}`);
        if (process.kind !== "client") this.#trouble.atOperation(process);
      },
      appending: (subject: string) => this.auditor.appending(life.id, subject),
      delivered: (delivery: Delivery) => {
        this.trace(`${life.id} takes ${delivery.subject} (${delivery.deliveries})`);
        taken.set(keyOf(delivery.subject), {
          timestamp: delivery.timestamp,
          arrivedAt: this.clock.now(),
          deliveries: delivery.deliveries,
          inDoubt: false,
        });
      },
      settled: ({ subject }: Delivery) => {
        this.sky.deliveries.delete(subject);
        this.auditor.acknowledging(life.id, subject);
      },
      requesting: (subject: string, data: Uint8Array, answer: Promise<Message>) => {
        if (!/^tutti\.(api\.tasks\.settled|owner\.\d+)$/.test(subject)) return;
        const { run, task, attempt } = decodeJson(data) as SettledQuery;
        const delivery = taken.get(`${run} ${task} ${attempt}`);
        if (!delivery) return;
        delivery.inDoubt = true;
        const take = ({ headers }: Message) => {
          if (!headers) delivery.inDoubt = false;
        };
        answer.then(take, () => {});
      },
    };
  }

  #probe(process: SimulatedProcess, life: Life): Probe {
    const counts = new Map<string, number>();
    const executing = new Map<string, number>();
    this.#executing.set(life, executing);
    this.#running.set(life, counts);
    const count = (type: string, by: number) => counts.set(type, (counts.get(type) ?? 0) + by);
    return {
      started: ({ run, task, attempt }: HandlerContext, { type }) => {
        this.trace(`${life.id} executes ${run} ${task} ${attempt}`);
        count(type, 1);
        executing.set(`${run} ${task} ${attempt}`, this.clock.now());
        const delivery = this.#taken.get(life)!.get(`${run} ${task} ${attempt}`);
        this.auditor.started(life.id, run, task, attempt, delivery);
        this.auditor.hold(() => this.#checkLimits(process, counts));
      },
      ended({ run, task, attempt }, { type }) {
        count(type, -1);
        executing.delete(`${run} ${task} ${attempt}`);
      },
      givenBack: ({ run, task: id, attempt }) => {
        const task = this.auditor.runs.get(run)!.reference!.tasks.get(id)!;
        return { all: task.givenBack.filter((one) => one < attempt).length, deferred: task.deferrals };
      },
      kills: ({ run, task }, { kills }) => {
        if (kills === 0 || this.#killed.has(`${run} ${task}`) || this.auditor.isFragile) return false;
        this.#killed.add(`${run} ${task}`);
        this.#trouble.kill(process);
        return true;
      },
    };
  }

  #checkLimits(process: SimulatedProcess, counts: ReadonlyMap<string, number>): void {
    let sum = 0;
    for (const { type, concurrency = Number.POSITIVE_INFINITY } of this.types) {
      const running = counts.get(type) ?? 0;
      sum += running;
      if (running > concurrency)
        throw new Violation(
          "concurrency",
          `${process.name} executes ${running} of ${type} at once; ${concurrency} are allowed`,
        );
    }
    if (sum > process.concurrency)
      throw new Violation("concurrency", `${process.name} executes ${sum} at once; ${process.concurrency} are allowed`);
  }

  /** Runs it to its end, or to the first violation. */
  async run(): Promise<Report> {
    const { start } = ShardOwner.prototype;
    const { auditor } = this;
    // Owners are deep inside their processes; their state is what is to be compared with a replay.
    ShardOwner.prototype.start = function (this: ShardOwner) {
      auditor.watch(this);
      return start.call(this);
    };
    const { trace } = this;
    const complain = (error: unknown) =>
      this.complain(new Violation("no error", `nobody handled: ${(error as Error)?.stack ?? error}`));
    process.on("unhandledRejection", complain);
    try {
      await this.#live();
    } catch (error) {
      this.complain(error instanceof Violation ? error : new Violation("progress", `${(error as Error).stack}`));
    } finally {
      ShardOwner.prototype.start = start;
      process.off("unhandledRejection", complain);
    }
    trace(`the end: ${this.auditor.violation?.invariant ?? "all is well"}`);
    return {
      seed: this.seed,
      violation: this.auditor.violation,
      trace: this.journal,
      virtualMs: this.clock.monotonic(),
      steps: this.#steps,
      runs: this.runs.length,
      executions: this.auditor.executions,
      repeated: this.auditor.repeated,
    };
  }

  /** Lets time pass until `condition` holds, and looks at everything after every step. */
  async #until(condition: () => boolean, limitMs = LIMIT_MS): Promise<void> {
    await this.clock.runUntil(() => {
      this.#steps++;
      this.auditor.hold(() => this.auditor.compareOwners());
      if (this.auditor.violation) throw this.auditor.violation;
      return condition();
    }, limitMs);
  }

  async #live(): Promise<void> {
    const { clock, auditor } = this;
    await clock.runUntilSettled(auditor.start());
    const up = Promise.all(this.#processes.map((process) => process.start()));
    await this.#untilSettled(up);
    await this.#untilSettled(this.#client.start());
    const requests = new Requests(this.#client.app!, this.#client.life!, this);
    const answered = requests.start();
    let endTurnOver = () => {};
    this.#trouble.start();
    clock.timer(TROUBLED_MS, () => {
      this.trace("all is well from now on");
      this.#trouble.end();
      if (!this.isAgeing) return;
      this.sky.hazy = true;
      endTurnOver = this.#trouble.turnOver();
    });
    await this.#untilSettled(answered);
    await this.#until(() => auditor.allEnded && this.sky.clear);
    endTurnOver();
    this.sky.hazy = false;
    const missing = this.runs.filter(({ run }) => !auditor.runs.get(run)!.ended);
    if (missing.length > 0) throw new Violation("every run ends", missing.map(({ run }) => run).join(", "));
    await this.#cleanUp();
  }

  async #untilSettled(promise: Promise<unknown>): Promise<void> {
    let settled = false;
    let failure: unknown;
    promise.then(
      () => (settled = true),
      (error) => {
        settled = true;
        failure = error;
      },
    );
    await this.#until(() => settled);
    if (failure) throw failure;
  }

  /** What was in doubt is delivered again and settled; then nothing may be left. */
  async #cleanUp(): Promise<void> {
    const { clock, auditor } = this;
    let wasIdle = false;
    clock.timer(4 * TIMING.ackWaitMs, () => {
      wasIdle = true;
    });
    await this.#until(() => wasIdle);
    await this.#until(() => this.#processes.every((process) => process.isUp && process.isRunning));
    const left = await clock.runUntilSettled(auditor.findLeftovers());
    if (left) throw new Violation("no leak", `left at the end: ${left}`);
    for (const process of [this.#client, ...this.#processes]) await this.#untilSettled(process.stop());
    await this.#auditBus.close();
    if (auditor.violation) throw auditor.violation;
    if (clock.pending > 0)
      throw new Violation("no leak", `${clock.pending} timers are armed although every process has stopped`);
  }
}

/** Now and then everything has to wait for its turn. */
function randomLimits(chance: Chance): Limits {
  return {
    runs: chance.int(1, 4),
    queued: chance.int(1, 8),
    tasks: { messages: chance.pick([5, 10, 1000]) },
    requests: { messages: chance.int(1, 3) },
  };
}

/** Runs one seed. */
export const simulate = (seed: number, options: SimulationOptions = {}): Promise<Report> =>
  new World(seed, options).run();
