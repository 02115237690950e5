import type { WatchEvent } from "../../app.ts";
import type { Message, Stoppable } from "../../bus/port.ts";
import { lastToken } from "../../bus/subjects.ts";
import { TuttiError } from "../../core/error.ts";
import type { RunEvent } from "../../core/event.ts";
import { decodeJson } from "../../core/json.ts";
import { type LiveKind, type LiveMessage, liveMessage } from "../../core/live.ts";
import type { TaskView } from "../../core/run-view.ts";
import type { Effect } from "../../fold/effects.ts";
import type { RunState } from "../../fold/run-state.ts";
import { attemptOf, hasOpenAttempt, isOpen, stateOf, type TaskRecord } from "../../fold/task-record.ts";
import { viewTask } from "../../fold/view.ts";
import { translating } from "../host/bus-failure.ts";
import { Channel } from "../host/channel.ts";
import { hasLostRuns } from "../host/losses.ts";
import type { ReaderRuntime } from "../host/runtime.ts";
import { LogPump } from "../log/log-pump.ts";
import { lostRun, notFound, unreadable, viewRun } from "../log/run-reader.ts";
import { RunReplay } from "../log/run-replay.ts";

/** Follows a run from its first event, with the fold that its owner uses and the live messages of workers. */
class RunWatch {
  readonly channel = new Channel<WatchEvent>();
  readonly #runtime: ReaderRuntime;
  readonly #tenant: string;
  readonly #run: string;
  readonly #pump: LogPump;
  /** The tasks that have changed since the last turn. Each is reported once, with its state at that time. */
  readonly #changed = new Set<TaskRecord>();
  readonly #seenQueued = new WeakSet<TaskRecord>();
  /** The last attempt of each task that a worker reported as started. */
  readonly #started = new Map<string, { attempt: number; at: string; worker: string | undefined }>();
  readonly #replay: RunReplay;
  readonly #effects: Effect[] = [];
  #caughtUp = false;
  /** Whether the run has been reported for the first time. */
  #isBegun = false;
  /** Whether a pause or resumption has not been reported yet. */
  #isPauseNew = false;
  /** The state whose tasks have all been reported once. */
  #reported: RunState | undefined;
  #scheduled = false;
  #stops: Stoppable[] = [];
  #unlisten: () => void = () => {};

  constructor(runtime: ReaderRuntime, tenant: string, run: string) {
    this.#runtime = runtime;
    this.#tenant = tenant;
    this.#run = run;
    this.#replay = new RunReplay({ tenant, run });
    this.#pump = new LogPump(
      { ...runtime, subjects: runtime.topology.subjects },
      ({ shard, read }) => this.#apply(shard, read),
      {
        needsCarried: () => this.#replay.isReplaying,
        onNewer: (newer) => this.channel.close(unreadable(run, newer)),
        onThrown: (error) => this.channel.close(error),
      },
    );
  }

  async start(): Promise<void> {
    const { bus, topology } = this.#runtime;
    const { subjects, streams } = topology;
    this.#unlisten = bus.onEvent((event) => {
      if (event.type === "closed") this.channel.close(this.#cutOff());
      if (hasLostRuns(event, topology)) this.channel.close(lostRun(this.#run));
    });
    this.#stops.push(
      await bus.subscribe(subjects.live(this.#tenant, this.#run, "*"), (message) => this.#takeLive(message)),
    );
    const filter = subjects.logOfRun(this.#tenant, this.#run, ">");
    this.#stops.push(
      await bus.follow(streams.log.name, filter, (message) => this.#pump.push(message), {
        onCaughtUp: () =>
          this.#pump.whenDrained(() => {
            this.#caughtUp = true;
            this.#replay.endReplay();
            if (this.#replay.state) this.#schedule();
            else this.channel.close(notFound(this.#run));
          }),
      }),
    );
  }

  async stop(): Promise<void> {
    this.#unlisten();
    this.#pump.stop();
    await Promise.all(this.#stops.splice(0).map((one) => one.stop()));
  }

  #cutOff(): TuttiError {
    const { description } = this.#runtime.bus;
    const message = `run ${this.#run} had not ended when the connection to ${description} was closed`;
    return new TuttiError(503, message, { run: this.#run });
  }

  #apply(shard: number, read: RunEvent): void {
    for (const effect of this.#replay.take(shard, read, this.#effects)) {
      // The changes noted before belong to another state.
      if (effect.kind === "begun") this.#changed.clear();
      if (effect.kind === "changed") this.#noteChange(effect.task);
      if (effect.kind === "paused") this.#isPauseNew = true;
    }
    this.#effects.length = 0;
    this.#schedule();
  }

  #schedule(): void {
    if (this.#scheduled || !this.#caughtUp) return;
    this.#scheduled = true;
    this.#runtime.clock.endOfTurn(() => {
      this.#scheduled = false;
      this.#report().catch((error) => this.channel.close(error));
    });
  }

  async #report(): Promise<void> {
    const state = this.#replay.state!;
    const { end } = state;
    if (!this.#isBegun) {
      this.#isBegun = true;
      this.#isPauseNew = false;
      await this.#reportRun(state);
    }
    for (const task of this.#toReport(state)) this.channel.push({ kind: "task", task: this.#view(task) });
    this.#changed.clear();
    if (this.#isPauseNew && !end) await this.#reportRun(state);
    this.#isPauseNew = false;
    if (!end) return;
    const { tasks: _, ...run } = await viewRun(this.#runtime, { state, ended: end });
    this.channel.push({ kind: "run", run });
    this.channel.close();
  }

  /** Reports the run without its end, which is always reported last. */
  async #reportRun(state: RunState): Promise<void> {
    const { tasks: _, ...run } = await viewRun(this.#runtime, { state, ended: undefined });
    this.channel.push({ kind: "run", run: { ...run, status: run.status === "paused" ? "paused" : "running" } });
  }

  /**
   * The tasks to report now. At first these are all tasks in the order in which they were planned, including those that
   * wait for siblings; later the changed ones, and after a task that expanded, its children in order.
   */
  #toReport(state: RunState): Iterable<TaskRecord> {
    if (this.#reported !== state) {
      this.#reported = state;
      return state.tasks.values();
    }
    const found = new Set<TaskRecord>();
    for (const task of this.#changed) {
      found.add(task);
      if (stateOf(task) === "expanded") for (const child of task.children!.all) found.add(child);
    }
    return found;
  }

  /**
   * Notes a change. Tasks are kept in the order of their last changes, so a task's end comes after those of its
   * children.
   */
  #noteChange(task: TaskRecord): void {
    this.#changed.delete(task);
    this.#changed.add(task);
    // An attempt that was open before the watch began may be running: its `started` was not received.
    if (this.#caughtUp && hasOpenAttempt(task)) this.#seenQueued.add(task);
  }

  /** The log has one state for a task that is queued or running; live messages distinguish them. */
  #view(task: TaskRecord): TaskView {
    const view = viewTask(task);
    if (!hasOpenAttempt(task)) return view;
    const started = this.#started.get(task.id);
    if (started?.attempt !== attemptOf(task)) return this.#seenQueued.has(task) ? { ...view, state: "queued" } : view;
    return { ...view, state: "running", startedAt: started.at, ...(started.worker && { worker: started.worker }) };
  }

  #takeLive(message: Message): void {
    const live = lastToken(message.subject) as LiveKind;
    const read = readLive(message);
    for (const { task, attempt, at, data } of read?.items ?? []) {
      const iso = readMoment(at);
      if (iso === undefined) continue;
      if (live === "started") {
        this.#started.set(task, { attempt, at: iso, worker: read!.worker });
        const record = this.#replay.state?.tasks.get(task);
        // The attempt may be over by now.
        if (record && !isOpen(record, attempt)) continue;
        if (record) this.#changed.add(record);
        this.#schedule();
      } else if (this.#isBegun) {
        this.channel.push({ kind: "live", live, task, attempt, at: iso, ...(data !== undefined && { data }) });
      }
    }
  }
}

function readLive(message: Message): LiveMessage | undefined {
  try {
    return liveMessage.safeParse(decodeJson(message.data)).data;
  } catch {
    return undefined;
  }
}

/** The time as ISO text, or undefined if it is not a valid date, since foreign workers may send anything. */
function readMoment(at: string | number): string | undefined {
  const date = new Date(at);
  return Number.isNaN(date.getTime()) ? undefined : date.toISOString();
}

/** See `Tutti.watch`. */
export async function* watchRun(
  runtime: ReaderRuntime,
  tenant: string,
  run: string,
  signal?: AbortSignal,
): AsyncGenerator<WatchEvent, void, void> {
  const watch = new RunWatch(runtime, tenant, run);
  const abort = () => watch.channel.close(signal?.reason);
  if (signal?.aborted) throw signal.reason;
  signal?.addEventListener("abort", abort, { once: true });
  try {
    await translating(watch.start());
    yield* watch.channel;
  } finally {
    signal?.removeEventListener("abort", abort);
    await watch.stop();
  }
}
