import { atMost } from "../../core/clock.ts";
import { messageOf } from "../../core/error.ts";
import type { RunState } from "../../fold/run-state.ts";
import { attemptOf, type TaskRecord } from "../../fold/task-record.ts";
import { tracingEnabled } from "../../telemetry/attempt-span.ts";
import { recordRun } from "../../telemetry/record-run.ts";
import { traceOf } from "../../telemetry/trace-context.ts";
import { attemptTraceparent, currentTracing, isRunSampled } from "../../telemetry/tracing.ts";
import type { RunObserver } from "../../timeline/run-observer.ts";
import { RunTimeline } from "../../timeline/run-timeline.ts";
import { InProgress } from "../host/in-progress.ts";
import type { Runtime } from "../host/runtime.ts";
import { tracedRun } from "../log/run-trace.ts";
import { TracedMark } from "./traced-mark.ts";

type TracesHost = Pick<Runtime, "bus" | "clock" | "log" | "topology">;

/** How long a shard that is given back is held for the export of its last traces. */
const HAND_OVER_MS = 1000;

/**
 * The traces of the runs of a process. While spans are exported, what became of each task of a sampled run is noted as its
 * events are folded, in a replay too; when the run has ended, its spans are written from that.
 */
export class RunTraces {
  readonly #runtime: TracesHost;
  readonly #timelines = new WeakMap<RunState, RunTimeline>();
  readonly #marks = new Map<number, TracedMark>();
  readonly #writing = new InProgress();

  constructor(runtime: TracesHost) {
    this.#runtime = runtime;
  }

  /** Who is to be shown the events of one run; undefined while nothing is exported. */
  observerOf(): RunObserver | undefined {
    if (!tracingEnabled()) return undefined;
    let timeline: RunTimeline | undefined;
    return {
      observe: (run, event, effects) => {
        if (event.kind === "submitted") {
          timeline = isRunSampled(traceOf(run.run, run.submitted.trace)) ? new RunTimeline() : undefined;
          if (timeline) this.#timelines.set(run, timeline);
        }
        timeline?.observe(run, event, effects);
      },
    };
  }

  /**
   * The header of a task's message. A process that exports nothing hands the caller's context on, or workers that do export
   * would be orphans.
   */
  traceparentOf(task: TaskRecord): string | undefined {
    const { run, submitted } = task.run;
    return tracingEnabled() ? attemptTraceparent(run, task.id, attemptOf(task), submitted.trace) : submitted.trace;
  }

  /** A shard is taken over: reads up to where the former owner has exported its traces. Rejects when the bus does not answer. */
  async begin(shard: number): Promise<void> {
    if (tracingEnabled()) this.#marks.set(shard, await TracedMark.read(this.#runtime, shard));
  }

  /** The run has ended: its spans are written. A replay reads ends whose spans the former owner may have exported. */
  ended(run: RunState): void {
    const timeline = this.#timelines.get(run);
    const mark = this.#marks.get(run.shard);
    if (!timeline || !mark || !tracingEnabled() || run.endSequence <= mark.sequence) return;
    mark.pending(run.endSequence);
    this.#writing.add(this.#write(run, timeline, mark));
  }

  async #write(run: RunState, timeline: RunTimeline, mark: TracedMark): Promise<void> {
    const sequence = run.endSequence;
    try {
      await recordRun(tracedRun(timeline, timeline.rounds.length, { subjects: this.#runtime.topology.subjects }));
    } catch (error) {
      this.#runtime.log("warn", `the trace of run ${run.run} could not be written: ${messageOf(error)}`);
    }
    // This is what a stop waits for; the export may take longer than it has.
    void currentTracing()
      ?.exported()
      .then(() => mark.exported(sequence));
  }

  /** The shard is about to be given back: the next owner is to find all that was written here exported. */
  async handOver(shard: number): Promise<void> {
    const mark = this.#marks.get(shard);
    const tracing = currentTracing();
    if (!mark || !tracing) return;
    const work = this.finished()
      .then(() => tracing.flush())
      .then(() => tracing.exported())
      .then(() => mark.stored());
    await atMost(this.#runtime.clock, HAND_OVER_MS, work);
  }

  /** Resolves when what has been begun is handed to the exporter. */
  finished(): Promise<void> {
    return this.#writing.finished();
  }
}
