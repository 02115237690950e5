import type { TaskError } from "../core/error.ts";
import type { Ended, Result, RunEvent } from "../core/event.ts";
import { readResult } from "../fold/apply.ts";
import type { Effect } from "../fold/effects.ts";
import { toMs } from "../fold/moment.ts";
import type { RunState } from "../fold/run-state.ts";
import { firstSnapshot } from "../fold/steps.ts";
import type { TaskRecord } from "../fold/task-record.ts";
import type { TaskMachineEvent } from "../machines/task-event.ts";
import type { RunObserver } from "./run-observer.ts";

/** A task came into a state. */
export interface Phase {
  readonly state: string;
  /** The event of the chart that led here; undefined for the state in which it was planted. */
  readonly on: TaskMachineEvent["type"] | undefined;
  /** Log time, ms. */
  readonly at: number;
  /** Whether nothing happens in it any more, unless the run is redriven. */
  readonly isOver: boolean;
  /** 1, and one more for each redrive of the run that counted. */
  readonly round: number;
  /** The attempt that was opened with it. */
  readonly opened: Attempt | undefined;
}

/** One attempt of a task, from when it was opened. Times are log times, ms, but `startedAt`. */
export interface Attempt {
  readonly attempt: number;
  readonly openedAt: number;
  /** Undefined while it is open. */
  endedAt?: number;
  /** The event that ended it: `returned`, `planned`, `attemptFailed`, or one that withdrew it. */
  endedOn?: TaskMachineEvent["type"];
  /** When its worker began with it, by that worker's clock, ms. */
  startedAt?: number;
  worker?: string;
  error?: TaskError;
  usage?: Result["usage"];
  /** Children of the plan that it returned. */
  planned?: number;
  /** What else the log says of it, in order: `lost`, `deferred`, `signal`, … */
  readonly notes: Note[];
}

/** An event of the log that names a task and an attempt, and whose body is no result. */
export interface Note {
  readonly kind: string;
  readonly at: number;
  readonly worker?: string;
}

/** What became of one task, step by step. */
export interface TaskTimeline {
  readonly task: TaskRecord;
  /** The siblings that it needs: its record lets them go once it has succeeded. */
  readonly needs: readonly TaskRecord[];
  readonly phases: Phase[];
  readonly attempts: Attempt[];
}

/** The time from a run's beginning, or from a redrive of it, to its next end. Log times, ms. */
export interface Round {
  readonly from: number;
  to?: number;
  /** What `ended` said. */
  end?: Ended;
}

/** What became of all tasks of one run, folded from its log beside its state. Takes memory in proportion to the attempts. */
export class RunTimeline implements RunObserver {
  #run: RunState | undefined;
  readonly #tasks = new Map<TaskRecord, TaskTimeline>();
  #rounds: Round[] = [];

  observe(run: RunState, event: RunEvent, effects: readonly Effect[]): void {
    const at = timeOf(event);
    if (event.kind === "submitted") {
      this.#run = run;
      this.#tasks.clear();
      this.#rounds = [{ from: at }];
      this.#plant(run.root, at);
    }
    const reports = readReports(event);
    if (effects.some(({ kind }) => kind === "reopened")) this.#rounds.push({ from: at });
    for (const effect of effects) {
      if (effect.kind === "changed") this.#note(effect, at, reports);
      else if (effect.kind === "ended") Object.assign(this.#rounds.at(-1)!, { to: at, end: run.end?.body });
    }
    this.#noteOther(run, event);
  }

  /** The run, once its beginning was observed. */
  get run(): RunState | undefined {
    return this.#run;
  }

  /** At least one, once the run's beginning was observed. */
  get rounds(): readonly Round[] {
    return this.#rounds;
  }

  /** In the order in which they were planted. */
  get tasks(): Iterable<TaskTimeline> {
    return this.#tasks.values();
  }

  of(task: TaskRecord): TaskTimeline | undefined {
    return this.#tasks.get(task);
  }

  #note({ task, on, before, after }: Changed, at: number, reports: Reports): void {
    const found = this.#tasks.get(task) ?? this.#plant(task, at);
    const [was, is] = [before.hasTag("open"), after.hasTag("open")];
    const { attempt } = after.context;
    const isNext = attempt !== before.context.attempt;
    if (was && (!is || isNext)) close(found, on, at, reports.get(keyOf(task.id, before.context.attempt)));
    const opened = is && (!was || isNext) ? { attempt, openedAt: at, notes: [] } : undefined;
    if (opened) found.attempts.push(opened);
    if (before.value !== after.value || isNext)
      found.phases.push({
        state: String(after.value),
        on,
        at,
        isOver: after.hasTag("over"),
        round: this.#rounds.length,
        opened,
      });
    if (after.value !== "expanded" || before.value === after.value) return;
    for (const child of task.children!.all) if (!this.#tasks.has(child)) this.#plant(child, at);
  }

  #plant(task: TaskRecord, at: number): TaskTimeline {
    const first = {
      state: FIRST_STATE,
      on: undefined,
      at,
      isOver: false,
      round: this.#rounds.length,
      opened: undefined,
    };
    const planted: TaskTimeline = { task, needs: task.needs, phases: [first], attempts: [] };
    this.#tasks.set(task, planted);
    return planted;
  }

  #noteOther(run: RunState, event: RunEvent): void {
    if (REPORTING.has(event.kind)) return;
    const { task: id, attempt, worker } = event.body as { task?: unknown; attempt?: unknown; worker?: unknown };
    const task = typeof id === "string" ? run.tasks.get(id) : undefined;
    const found = task && this.#tasks.get(task)?.attempts.findLast((one) => one.attempt === attempt);
    if (!found) return;
    // An attempt that ended without a result has none that names its worker.
    if (typeof worker === "string") found.worker ??= worker;
    found.notes.push({ kind: event.kind, at: timeOf(event), ...(typeof worker === "string" && { worker }) });
  }
}

/** Log time, ms, with its fraction: what follows within a millisecond keeps its order in a trace. */
const timeOf = ({ at, nanos = 0 }: RunEvent): number => at + nanos / 1e6;

type Changed = Effect & { kind: "changed" };

/** In which every task is planted. */
const FIRST_STATE = String(firstSnapshot(1).value);

/** What an event says that attempts came to, by task and attempt. */
type Reports = ReadonlyMap<string, Report>;
type Report = Pick<Result, "worker" | "error" | "usage"> & { readonly startedAt?: string | number | undefined };

/** The kinds of events that say what attempts came to, or that concern the state alone. */
const REPORTING: ReadonlySet<RunEvent["kind"]> = new Set(["result", "planned", "due", "redrive"]);
const NO_REPORTS: Reports = new Map();
const keyOf = (task: string, attempt: number): string => `${attempt} ${task}`;

function readReports({ kind, body }: RunEvent): Reports {
  if (kind === "planned") return new Map([[keyOf(body.task, body.attempt), body]]);
  if (kind !== "result") return NO_REPORTS;
  const reports = new Map<string, Report>();
  for (const raw of body.results) {
    const read = readResult(raw);
    const key = read && keyOf(read.task, read.attempt);
    // The first one counts.
    if (key !== undefined && !reports.has(key)) reports.set(key, read!);
  }
  return reports;
}

function close({ task, attempts }: TaskTimeline, on: Phase["on"], at: number, report: Report | undefined): void {
  const last = attempts.at(-1);
  if (!last) return;
  last.endedAt = at;
  if (on) last.endedOn = on;
  if (on === "planned") last.planned = task.children?.all.length ?? 0;
  if (on === "attemptFailed" && task.error) last.error = task.error;
  if (!report) return;
  const startedAt = toMs(report.startedAt);
  if (startedAt !== undefined && !Number.isNaN(startedAt)) last.startedAt = startedAt;
  if (report.worker !== undefined) last.worker = report.worker;
  if (report.error) last.error = report.error;
  if (report.usage) last.usage = report.usage;
}
