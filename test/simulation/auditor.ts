import { readLogMessage } from "../../src/actors/log/log-event.ts";
import type { ShardOwner } from "../../src/actors/shard/shard-owner.ts";
import type { Limits } from "../../src/app.ts";
import type { Bus, StoredMessage } from "../../src/bus/port.ts";
import { parseTaskSubject } from "../../src/bus/subjects.ts";
import type { Topology } from "../../src/bus/topology.ts";
import type { Clock } from "../../src/core/clock.ts";
import type { Lost } from "../../src/core/event-attempt.ts";
import { decodeJson } from "../../src/core/json.ts";
import type { OrchestratorPresence } from "../../src/core/registration.ts";
import { FINAL } from "./reference-log.ts";
import { digestOf, RunAudit } from "./run-audit.ts";
import { Violation } from "./violation.ts";
import type { SimulatedRun, SimulatedType } from "./workload.ts";

/** An owner may dispatch by what it knew this long ago: its lane's delay, and a pause within its lease. */
const STALENESS_MS = 4000;

/** A worker that has just started, or just been given an attempt, may not be known yet to the owner that reports a loss. */
const NEWS_MS = 1000;

/** A delivery as its worker has it. */
export interface Taken {
  /** When it was queued, and when it came; broker's time. */
  readonly timestamp: number;
  readonly arrivedAt: number;
  readonly deliveries: number;
  /** The worker has asked whether the attempt is settled, and nobody has answered. Then it may be executed once more. */
  inDoubt: boolean;
}

/** Where nothing hinders anybody, what is cancelled is off the queue by then. */
const WITHDRAWAL_MS = 2500;

/** Watches one world through a connection of its own, and what processes tell it, and holds the invariants against that. */
export class Auditor {
  readonly runs = new Map<string, RunAudit>();
  readonly #bus: Bus;
  readonly #topology: Topology;
  readonly #clock: Clock;
  readonly #claims = new Map<string, string | null>();
  /** Owners of shards, in whatever process, and what was seen of their runs last. */
  readonly #owners = new Map<ShardOwner, Map<string, string>>();
  /** Attempts on a queue that are open, by type and priority. */
  readonly #queued = new Map<string, Set<string>>();
  /** Dead letters that were stored once their attempt was redriven, by an owner that stood still: nobody looks for them. */
  readonly #late = new Set<string>();
  violation: Violation | undefined;
  /** Nothing hinders anybody: what is cancelled is withdrawn at once. */
  isMild = false;
  /** Of the only orchestrator, where nothing makes it lose what it owns. */
  limits: Limits = {};
  /** Executions of attempts that had been counted before the delivery came, allowed ones. */
  repeated = 0;
  executions = 0;
  ended = 0;
  /** The worker that is running and has that attempt in execution, as `run task attempt`, and since when. */
  executing: (attempt: string) => { readonly worker: string; readonly since: number } | undefined = () => undefined;

  constructor(
    bus: Bus,
    topology: Topology,
    clock: Clock,
    runs: readonly SimulatedRun[],
    types: readonly SimulatedType[],
  ) {
    this.#bus = bus;
    this.#topology = topology;
    this.#clock = clock;
    for (const run of runs) this.runs.set(run.run, new RunAudit(run, types));
  }

  async start(): Promise<void> {
    const { streams, subjects, buckets } = this.#topology;
    for (const stream of Object.values(streams)) await this.#bus.ensureStream(stream);
    await this.#bus.follow(streams.log.name, `${subjects.prefix}.log.>`, (message) =>
      this.hold(() => this.#read(message)),
    );
    await this.#bus.follow(streams.dead.name, `${subjects.prefix}.dead.tasks.>`, ({ subject }) => {
      const [run, ...attempt] = subject.split(".").slice(-3);
      if (this.runs.get(run!)!.redriven.has(attempt.join("."))) this.#late.add(subject);
    });
    const claims = await this.#bus.bucket(buckets.shards);
    await claims.watch((key, value) => {
      const claim = value && (decodeJson(value) as { owner: string | null });
      this.#claims.set(key, claim?.owner ?? null);
    });
  }

  /** The first violation is kept. */
  hold(check: () => void): void {
    try {
      check();
    } catch (error) {
      this.violation ??= error instanceof Violation ? error : new Violation("no error", String((error as Error).stack));
    }
  }

  /** Whether a task has lost so many workers that the next loss could make it poison. */
  get isFragile(): boolean {
    for (const { reference } of this.runs.values())
      for (const { losses, state } of reference?.tasks.values() ?? [])
        if (losses >= 2 && !FINAL.has(state)) return true;
    return false;
  }

  get allEnded(): boolean {
    return this.ended === this.runs.size;
  }

  #read(message: StoredMessage): void {
    const { run, shard, read, problem } = readLogMessage(this.#topology.subjects, message);
    if (!read || problem !== undefined) throw new Violation("log", `unreadable: ${message.subject}: ${problem}`);
    const audit = this.runs.get(run)!;
    const before = audit.ended;
    audit.take(read, shard);
    if (read.kind === "submitted") this.#checkRuns();
    if (read.kind === "lost" && read.body.gone) this.#checkLost(run, read.body);
    if (audit.ended && !before) this.ended++;
    if (!audit.ended && before) this.ended--;
  }

  #checkLost(run: string, { task, attempt, worker }: Lost): void {
    const executing = this.executing(`${run} ${task} ${attempt}`);
    if (executing && this.#clock.now() - executing.since > NEWS_MS)
      throw new Violation(
        "lost with its worker",
        `task ${task} of run ${run}, attempt ${attempt}, is lost with ${worker}; ${executing.worker} executes it`,
      );
  }

  #checkRuns(): void {
    const { runs = Number.POSITIVE_INFINITY } = this.limits;
    const open = [...this.runs.values()].filter(({ reference, ended }) => reference && !ended).length;
    if (open > runs) throw new Violation("runs at once", `${open} runs are under way; ${runs} are allowed`);
  }

  #checkQueue(subject: string): void {
    const { queued = Number.POSITIVE_INFINITY } = this.limits;
    const [, , type, priority] = subject.split(".");
    const open = this.#queued.get(`${type} ${priority}`) ?? new Set();
    this.#queued.set(`${type} ${priority}`, open.add(subject));
    for (const one of open) {
      const { run, task, attempt } = parseTaskSubject(this.#topology.subjects, one);
      const known = this.runs.get(run)!.reference?.tasks.get(task);
      if (known?.state !== "ready" || known.attempt !== attempt) open.delete(one);
    }
    if (open.size > queued)
      throw new Violation("queued at once", `${open.size} of ${type} (${priority}) are queued; ${queued} are allowed`);
  }

  /** A process is about to append something. */
  appending(process: string, subject: string): void {
    const { subjects } = this.#topology;
    if (!subject.startsWith(`${subjects.prefix}.tasks.`)) return;
    this.hold(() => {
      const { run, shard, task: id, attempt } = parseTaskSubject(subjects, subject);
      const what = `${process} dispatches task ${id} of run ${run}, attempt ${attempt}`;
      const audit = this.runs.get(run);
      const task = audit?.reference?.tasks.get(id);
      if (!task || attempt > task.attempt || task.state === "blocked")
        throw new Violation(
          "dispatched when ready",
          `${what}, before the log has opened it: ${task?.state}, attempt ${task?.attempt}`,
        );
      const closedAt = audit!.closedAt.get(`${id}@${attempt}`);
      if (closedAt !== undefined && this.#clock.now() - closedAt > STALENESS_MS)
        throw new Violation(
          "dispatched when open",
          `${what}, ${this.#clock.now() - closedAt} ms after its result was counted`,
        );
      const owner = this.#claims.get(String(shard));
      if (owner !== process) throw new Violation("lease", `${what}; shard ${shard} is ${owner}'s`);
      this.#checkQueue(subject);
    });
  }

  /** A worker takes a task off the queue: then its result must be in the log, or its attempt be over. */
  acknowledging(process: string, subject: string): void {
    const { subjects } = this.#topology;
    if (!subject.startsWith(`${subjects.prefix}.tasks.`)) return;
    this.hold(() => {
      const { run, task: id, attempt } = parseTaskSubject(subjects, subject);
      const task = this.runs.get(run)?.reference?.tasks.get(id);
      if (task?.state === "ready" && task.attempt === attempt)
        throw new Violation(
          "stored first",
          `${process} acknowledges task ${id} of run ${run}, attempt ${attempt}, without a result`,
        );
    });
  }

  /** A handler begins. */
  started(process: string, run: string, id: string, attempt: number, delivery: Taken | undefined): void {
    this.executions++;
    this.hold(() => {
      const what = `${process} executes task ${id} of run ${run}, attempt ${attempt}`;
      const audit = this.runs.get(run)!;
      const task = audit.reference?.tasks.get(id);
      if (!task?.needs.every((need) => audit.reference!.tasks.get(need)!.state === "succeeded"))
        throw new Violation("needs first", `${what}, before what it needs`);
      const withdrawnAt = audit.withdrawnAt.get(`${id}@${attempt}`);
      if (this.isMild && withdrawnAt !== undefined && this.#clock.now() - withdrawnAt > WITHDRAWAL_MS)
        throw new Violation("withdrawn", `${what}, ${this.#clock.now() - withdrawnAt} ms after it was cancelled`);
      const closedAt = audit.closedAt.get(`${id}@${attempt}`);
      if (closedAt === undefined || !delivery) return;
      if (delivery.arrivedAt > closedAt && delivery.deliveries > 1 && !delivery.inDoubt)
        throw new Violation(
          "executed once",
          `${what}, which was delivered again ${delivery.arrivedAt - closedAt} ms after its result was counted`,
        );
      if (delivery.timestamp > closedAt && !delivery.inDoubt)
        throw new Violation(
          "executed once",
          `${what}, which was queued again ${delivery.timestamp - closedAt} ms after its result was counted`,
        );
      if (delivery.arrivedAt > closedAt) this.repeated++;
    });
  }

  watch(owner: ShardOwner): void {
    this.#owners.set(owner, new Map());
  }

  /** Every owner's state must be what a replay of some prefix of the log gives. */
  compareOwners(): void {
    for (const [owner, seen] of this.#owners) {
      for (const state of owner.states()) {
        const { run, updatedAt, executions, succeeded, failed, cancelled } = state;
        const signature = `${updatedAt} ${executions} ${succeeded} ${failed} ${cancelled} ${state.snapshot.value}`;
        if (seen.get(run) === signature) continue;
        seen.set(run, signature);
        const digest = digestOf(state);
        if (this.runs.get(run)!.digests.has(digest)) continue;
        throw new Violation(
          "replay",
          `run ${run} in shard ${owner.shard} came to a state that no replay gives:\n${digest}`,
        );
      }
    }
  }

  /** What the log says of a run must be what whoever waited for it was told. */
  answered(run: string, outcome: { output: unknown } | { code: number }): void {
    this.hold(() => {
      const { ended, expected } = this.runs.get(run)!;
      const told = "code" in outcome ? `code ${outcome.code}` : "an output";
      if (!ended) throw new Violation("answer", `run ${run}: ${told} was told before its end`);
      const code = ended.body.error?.code;
      if ("code" in outcome ? outcome.code !== code : code !== undefined)
        throw new Violation("answer", `run ${run}: ${told} was told; the log says ${ended.body.status}, code ${code}`);
      if (
        "output" in outcome &&
        JSON.stringify(outcome.output) !== JSON.stringify("value" in expected && expected.value)
      )
        throw new Violation("answer", `run ${run}: ${JSON.stringify(outcome.output).slice(0, 300)} was told`);
    });
  }

  /** A run was redriven, and has ended again: whatever was repeated on the way, no command counted twice. */
  redriven(run: string, times: number, commands: number): void {
    this.hold(() => {
      const { redrives } = this.runs.get(run)!;
      if (redrives < times || redrives > commands)
        throw new Violation("redriven once", `run ${run}: ${redrives} redrives counted, by ${commands} commands`);
    });
  }

  /** Nothing may be left once all runs have ended, but the dead letters of those that have failed. */
  async findLeftovers(): Promise<string | undefined> {
    const { streams, subjects, buckets } = this.#topology;
    const queued = await this.#bus.listSubjects(streams.tasks.name, `${subjects.prefix}.tasks.>`);
    if (queued.length > 0) return `queued tasks: ${queued.join(", ")}`;
    const requests = await this.#bus.listSubjects(streams.requests.name, `${subjects.prefix}.requests.>`);
    if (requests.length > 0) return `requests: ${requests.join(", ")}`;
    // What is about to go by age may have gone.
    const since = this.#clock.now() - streams.dead.maxAgeMs! + 20_000;
    const isOld = ({ ended }: RunAudit) => ended !== undefined && ended.at < since;
    const runOf = (letter: string) => this.runs.get(letter.split(".")[4]!);
    const dead = (await this.#bus.listSubjects(streams.dead.name, subjects.dead)).filter((letter) => {
      const audit = runOf(letter);
      return !this.#late.has(letter) && (!audit || !isOld(audit));
    });
    const recent = [...this.runs.values()].filter((audit) => !isOld(audit));
    const letters = recent.flatMap(({ plan: { run }, reference, ended }) =>
      ended?.body.status === "failed" && reference?.culprit
        ? subjects.deadTask("default", run, reference.culprit.id, reference.culprit.attempt)
        : [],
    );
    if (String(dead.sort()) !== String(letters.sort()))
      return `dead letters: ${dead.join(", ") || "none"}; expected ${letters.join(", ") || "none"}`;
    const orchestrators = await (await this.#bus.bucket(buckets.orchestrators)).entries();
    for (const { value } of orchestrators) {
      const { orchestrator, runs } = decodeJson(value) as OrchestratorPresence;
      if (runs > 0) return `${runs} runs in ${orchestrator}`;
    }
    return undefined;
  }
}
